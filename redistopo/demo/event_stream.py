"""Server-sent events: sends events to every open stream, and waits for no reader.

Each open stream has an inbox of its own. A reader that is too slow loses batches of `served`,
never the newest state. https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping

MAX_STREAMS = 256
"""Each uses a thread of the server."""

HEARTBEAT = 5.0
"""Seconds between comments that keep proxies from closing a quiet stream."""

MAX_SERVED = 100
"""The most requests in one message; further requests are dropped."""

_TICK = 0.25
_KEPT_NOTICES = 20
_KEPT_BATCHES = 4
_STATE_EVERY = 2
"""The state is sent at every second tick."""

JSON = Mapping[str, object]


class TooManyStreams(Exception):
    """`MAX_STREAMS` are open already."""


def frame(event: str, data: object) -> bytes:
    """Return one message; JSON has no line ends, so the data is one line."""
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


class Stream:
    """The inbox of one reader. `gone` returns whether the reader has hung up."""

    def __init__(self, gone: Callable[[], bool]) -> None:
        self.gone = gone
        self._wake = threading.Condition()
        self._state: bytes = b""
        self._notices: deque[bytes] = deque(maxlen=_KEPT_NOTICES)
        self._served: deque[bytes] = deque(maxlen=_KEPT_BATCHES)
        self._closed = False

    def put(self, *, state: bytes = b"", served: bytes = b"", notice: bytes = b"") -> None:
        """Add messages to the inbox; if it is full, the oldest are dropped."""
        with self._wake:
            self._state = state or self._state
            if served:
                self._served.append(served)
            if notice:
                self._notices.append(notice)
            self._wake.notify()

    def close(self) -> None:
        """End the stream as soon as its thread notices."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    def __iter__(self) -> Iterator[bytes]:
        yield b"retry: 1000\n\n"  # a browser reconnects a second after a restart of the demo
        while (text := self._next()) is not None:
            yield text

    def _next(self) -> bytes | None:
        with self._wake:
            waiting = self._state or self._notices or self._served
            if not waiting and not self._closed:
                self._wake.wait(HEARTBEAT)
            if self._closed:
                return None
            text = b"".join((*self._notices, self._state, *self._served))
            self._state = b""
            self._notices.clear()
            self._served.clear()
            return text or b": still here\n\n"


class EventHub:
    """All open streams. `state` returns the state message; it is called only while a stream is
    open, once for all. A change of its `at` alone is not sent."""

    def __init__(self, state: Callable[[], JSON]) -> None:
        self._make_state = state
        self.counted: Callable[[int], object] = lambda _: None
        """Called with the number of open streams when it changes, under the lock: each occupies a
        thread."""
        self._lock = threading.Lock()
        self._streams: list[Stream] = []
        self._notices: deque[bytes] = deque(maxlen=_KEPT_NOTICES)
        self._served: deque[JSON] = deque(maxlen=MAX_SERVED)
        self._last_state: JSON = {}
        self._newest = b""
        self._has_streams = threading.Event()
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._run, name="demo-events", daemon=True)
        self._ticker.start()

    @property
    def open_streams(self) -> int:
        """The number of open streams."""
        return len(self._streams)

    def join(self, gone: Callable[[], bool]) -> Stream:
        """Open a stream that starts with the last notices and the state.

        Raises TooManyStreams.
        """
        stream = Stream(gone)
        with self._lock:
            if len(self._streams) >= MAX_STREAMS or self._ended.is_set():
                raise TooManyStreams
            try:
                self.counted(len(self._streams) + 1)
            except RuntimeError as error:  # Python's: can't start new thread
                raise TooManyStreams from error
            self._streams.append(stream)
            for notice in self._notices:
                stream.put(notice=notice)
            alone = len(self._streams) == 1
            self._has_streams.set()
        if alone:  # the last state sent may be old
            self._update_state()
        stream.put(state=self._newest)
        return stream

    def leave(self, stream: Stream) -> None:
        """Close a stream; harmless if it is closed already."""
        stream.close()
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)
                if not self._ended.is_set():
                    self.counted(len(self._streams))
            if not self._streams and not self._ended.is_set():
                self._has_streams.clear()
                self._served.clear()

    def served(self, event: JSON) -> None:
        """Send that a request was served."""
        with self._lock:
            if self._streams:
                self._served.append(event)

    def notice(self, event: JSON) -> None:
        """Send a notice."""
        text = frame("story", event)
        with self._lock:
            self._notices.append(text)
            streams = list(self._streams)
        for stream in streams:
            stream.put(notice=text)

    def close(self) -> None:
        """End every stream, and refuse new streams."""
        with self._lock:
            self._ended.set()
            self._has_streams.set()
            streams = list(self._streams)
        for stream in streams:
            stream.close()
        self._ticker.join()

    def _run(self) -> None:
        tick = 0
        while not self._ended.wait(_TICK):
            self._has_streams.wait()
            tick += 1
            fresh = tick % _STATE_EVERY == 0 and self._update_state()
            state = self._newest if fresh else b""
            served = self._batch()
            with self._lock:
                streams = list(self._streams)
            for stream in streams:
                if stream.gone():
                    stream.close()
                elif state or served:
                    stream.put(state=state, served=served)

    def _update_state(self) -> bool:
        """Update the state; return whether it has to be sent."""
        now = self._make_state()
        with self._lock:
            if self._newest and {**now, "at": ""} == self._last_state:
                return False
            self._last_state = {**now, "at": ""}
            self._newest = frame("state", now)
            return True

    def _batch(self) -> bytes:
        with self._lock:  # closing the last stream clears them
            batch = list(self._served)
            self._served.clear()
        return frame("served", batch) if batch else b""
