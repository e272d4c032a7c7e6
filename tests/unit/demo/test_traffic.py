"""The load generator's pace, and what it asks for."""

import threading
import time
from collections import Counter

from support.waiting import until

from redistopo.demo.request_generator import RequestGenerator


def test_it_keeps_its_pace_and_wants_some_items_more_often() -> None:
    asked: Counter[str] = Counter()
    lock = threading.Lock()

    def request(item: str) -> None:
        with lock:
            asked[item] += 1

    traffic = RequestGenerator(request, [str(n) for n in range(1, 21)])
    began = time.monotonic()
    traffic.rate = 200
    until(lambda: asked.total() >= 200)
    took = time.monotonic() - began
    assert took > 0.9  # never faster than asked; how much slower is the machine's business
    assert traffic.done > 0
    assert asked["1"] > asked["20"]
    traffic.rate = 0
    assert (traffic.rate, traffic.done, traffic.behind) == (0, 0, False)
    traffic.close()
    done = asked.total()
    traffic.rate = 100
    assert asked.total() == done


def test_what_was_due_in_an_outage_is_not_made_up_for() -> None:
    stuck = threading.Event()
    asked: list[float] = []

    def request(_item: str) -> None:
        asked.append(time.monotonic())
        stuck.wait()

    traffic = RequestGenerator(request, ["1"])
    traffic.rate = 100
    until(lambda: len(asked) == 16)  # every thread waits for an answer
    held = time.monotonic()
    until(lambda: time.monotonic() - held > 1)
    assert traffic.behind  # and says so
    stuck.set()
    freed = time.monotonic()
    until(lambda: time.monotonic() - freed > 0.2)
    traffic.close()
    # the late half second, what was due since, and what each thread had claimed before
    assert len([at for at in asked if at >= freed]) < 16 + 50 + 100 * (time.monotonic() - freed)


def test_without_items_there_is_nothing_to_ask_for() -> None:
    traffic = RequestGenerator(lambda _item: None, [])
    traffic.rate = 10
    assert traffic.rate == 0
    traffic.rate = 10_000
    traffic.close()
