"""The hub: nobody is waited for, and what a slow reader loses is never the state."""

from collections import deque
from collections.abc import Iterator

import pytest
from support.waiting import until

from redistopo.demo.event_stream import (
    JSON,
    MAX_SERVED,
    MAX_STREAMS,
    EventHub,
    Stream,
    TooManyStreams,
    frame,
)


class _World:
    """Something that has a state, and counts how often it is asked for it."""

    def __init__(self) -> None:
        self.value = 0
        self.asked = 0

    def state(self) -> dict[str, object]:
        self.asked += 1
        return {"at": self.asked, "value": self.value}


@pytest.fixture
def world() -> _World:
    return _World()


@pytest.fixture
def hub(world: _World) -> Iterator[EventHub]:
    made = EventHub(world.state)
    yield made
    made.close()


def _never() -> bool:
    return False


def test_a_message_is_one_line_whatever_is_in_it() -> None:
    text = frame("served", [{"id": "a\r\nb\n\nevent: x\u2028é<script>"}]).decode()
    assert text.endswith("\n\n")
    assert [line.partition(":")[0] for line in text.splitlines()[:1]] == ["event"]
    assert text.count("\n") == 3
    assert "\r" not in text


def test_a_slow_reader_keeps_the_newest_state_and_the_last_batches() -> None:
    stream = Stream(_never)
    for n in range(50):
        stream.put(state=frame("state", n), served=frame("served", n), notice=frame("story", n))
    reader = iter(stream)
    next(reader)
    text = next(reader).decode()
    assert text.count("event: state") == 1
    assert "event: state\ndata: 49\n" in text
    assert text.count("event: served") == 4
    assert "event: served\ndata: 49\n" in text
    assert text.count("event: story") == 20
    stream.close()
    assert list(reader) == []


def test_a_stream_begins_with_the_stories_and_the_state(hub: EventHub, world: _World) -> None:
    for n in range(30):
        hub.notice({"text": str(n)})
    world.value = 7
    reader = iter(hub.join(_never))
    next(reader)
    text = next(reader).decode()
    assert text.count("event: story") == 20
    assert text.index('"text": "29"') < text.index('"value": 7')


def test_nothing_is_asked_while_nobody_listens_and_nothing_old_is_told_twice(
    hub: EventHub, world: _World
) -> None:
    hub.served({"id": "1"})
    assert world.asked == 0
    stream = hub.join(_never)
    reader = iter(stream)
    next(reader)
    assert b'"value": 0' in next(reader)
    asked = world.asked
    until(lambda: world.asked > asked)  # looked again, and there was nothing new
    world.value = 1
    for n in range(MAX_SERVED + 50):
        hub.served({"id": str(n)})
    text = next(reader).decode()
    while "state" not in text:
        text += next(reader).decode()
    assert text.count('"id"') == MAX_SERVED
    assert text.count("event: state") == 1
    hub.leave(stream)
    hub.leave(stream)
    assert hub.open_streams == 0


class _Vanishing(deque[JSON]):
    """As it is for who looks first and takes then, while the last listener leaves."""

    def __bool__(self) -> bool:
        there = len(self) > 0
        self.clear()
        return there


def test_who_leaves_while_a_batch_is_made_harms_nobody(hub: EventHub) -> None:
    hub._served = _Vanishing([{"id": "1"}])
    assert hub._batch() in (b"", frame("served", [{"id": "1"}]))


def test_places_are_limited_and_given_back_and_who_hung_up_is_closed(hub: EventHub) -> None:
    gone = False
    streams = [hub.join(lambda: gone) for _ in range(MAX_STREAMS)]
    with pytest.raises(TooManyStreams):
        hub.join(_never)
    hub.leave(streams.pop())
    last = hub.join(_never)
    gone = True
    for one in streams:
        list(one)  # ends, for its reader has hung up
        hub.leave(one)
    assert hub.open_streams == 1
    hub.close()
    list(last)
    with pytest.raises(TooManyStreams):
        hub.join(_never)
