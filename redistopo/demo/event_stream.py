"""Server-sent events: what happens is told to everybody who listens, and nobody is waited for.

Each open stream has an inbox of its own. A reader that is too slow loses batches of `served`,
never the state: of that the newest is kept. https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping

MOST_STREAMS = 256
"""Each holds a thread of the server's."""

HEARTBEAT = 5.0
"""Seconds; a comment that keeps proxies from closing a quiet stream."""

MOST_SERVED = 100
"""In one message; what is served beyond that between two messages isn't told."""

_TICK = 0.25
_KEPT_STORIES = 20
_KEPT_BATCHES = 4
_STATE_EVERY = 2
"""The state is told at every second tick."""

JSON = Mapping[str, object]


class TooManyStreams(Exception):
    """`MOST_STREAMS` are open already."""


def frame(event: str, data: object) -> bytes:
    """One message; JSON has no line ends, so that it is one line of data."""
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


class Stream:
    """One reader's inbox. `gone` says whether the reader has hung up."""

    def __init__(self, gone: Callable[[], bool]) -> None:
        self.gone = gone
        self._wake = threading.Condition()
        self._state: bytes = b""
        self._stories: deque[bytes] = deque(maxlen=_KEPT_STORIES)
        self._served: deque[bytes] = deque(maxlen=_KEPT_BATCHES)
        self._closed = False

    def put(self, *, state: bytes = b"", served: bytes = b"", story: bytes = b"") -> None:
        """The messages wait for the reader; the oldest that find no room are gone."""
        with self._wake:
            self._state = state or self._state
            if served:
                self._served.append(served)
            if story:
                self._stories.append(story)
            self._wake.notify()

    def close(self) -> None:
        """The stream ends as soon as its thread looks."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    def __iter__(self) -> Iterator[bytes]:
        yield b"retry: 1000\n\n"  # a browser is back a second after the demo is
        while (text := self._next()) is not None:
            yield text

    def _next(self) -> bytes | None:
        with self._wake:
            waiting = self._state or self._stories or self._served
            if not waiting and not self._closed:
                self._wake.wait(HEARTBEAT)
            if self._closed:
                return None
            text = b"".join((*self._stories, self._state, *self._served))
            self._state = b""
            self._stories.clear()
            self._served.clear()
            return text or b": still here\n\n"


class Hub:
    """Everybody who listens. `state` makes the state message; it is asked only while somebody
    does, once for all. Its value of `at` alone is no news."""

    def __init__(self, state: Callable[[], JSON]) -> None:
        self._make_state = state
        self._lock = threading.Lock()
        self._streams: list[Stream] = []
        self._stories: deque[bytes] = deque(maxlen=_KEPT_STORIES)
        self._served: deque[JSON] = deque(maxlen=MOST_SERVED)
        self._told: JSON = {}
        self._newest = b""
        self._heard = threading.Event()
        self._ended = threading.Event()
        self._ticker = threading.Thread(target=self._tell, name="demo-events", daemon=True)
        self._ticker.start()

    @property
    def listening(self) -> int:
        """How many streams are open."""
        return len(self._streams)

    def join(self, gone: Callable[[], bool]) -> Stream:
        """A stream that begins with the last stories and the state.

        Raises TooManyStreams.
        """
        stream = Stream(gone)
        with self._lock:
            if len(self._streams) >= MOST_STREAMS or self._ended.is_set():
                raise TooManyStreams
            self._streams.append(stream)
            for story in self._stories:
                stream.put(story=story)
            alone = len(self._streams) == 1
            self._heard.set()
        if alone:  # what was told last may be long ago
            self._look()
        stream.put(state=self._newest)
        return stream

    def leave(self, stream: Stream) -> None:
        """Its place is free; more than once is no harm."""
        stream.close()
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)
            if not self._streams and not self._ended.is_set():
                self._heard.clear()
                self._served.clear()

    def served(self, told: JSON) -> None:
        """One request was answered."""
        with self._lock:
            if self._streams:
                self._served.append(told)

    def story(self, told: JSON) -> None:
        """Something happened, in plain words."""
        text = frame("story", told)
        with self._lock:
            self._stories.append(text)
            streams = list(self._streams)
        for stream in streams:
            stream.put(story=text)

    def close(self) -> None:
        """Every stream ends, and nobody joins any more."""
        with self._lock:
            self._ended.set()
            self._heard.set()
            streams = list(self._streams)
        for stream in streams:
            stream.close()
        self._ticker.join()

    def _tell(self) -> None:
        tick = 0
        while not self._ended.wait(_TICK):
            self._heard.wait()
            tick += 1
            fresh = tick % _STATE_EVERY == 0 and self._look()
            state = self._newest if fresh else b""
            served = self._batch()
            with self._lock:
                streams = list(self._streams)
            for stream in streams:
                if stream.gone():
                    stream.close()
                elif state or served:
                    stream.put(state=state, served=served)

    def _look(self) -> bool:
        """Whether there is a state to tell that wasn't told yet."""
        now = self._make_state()
        with self._lock:
            if self._newest and {**now, "at": ""} == self._told:
                return False
            self._told = {**now, "at": ""}
            self._newest = frame("state", now)
            return True

    def _batch(self) -> bytes:
        with self._lock:  # the last one to leave clears them
            told = list(self._served)
            self._served.clear()
        return frame("served", told) if told else b""
