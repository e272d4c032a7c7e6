"""Ending servers: who is asked, who gets which signal, who is spared, and what stays on record."""

import signal
import time
from collections.abc import Callable, Iterable

import pytest
from support.bench import Bench

from redistopo.errors import RedistopoError
from redistopo.execute.terminate import Ask, Ended, Said, end_all
from redistopo.host.host import Process
from redistopo.host.polling import Deadline

MakeBench = Callable[..., Bench]


def ended(on: Bench, names: Iterable[str], *ask: Ask, seconds: float = 0.3) -> Ended:
    processes, layout = on.host.processes, on.context.plan.layout
    running: dict[str, Process] = {name: processes.known[name] for name in names}
    return end_all(processes, layout, running, Deadline(seconds), *ask)


def test_unasked_a_server_gets_sigterm_and_is_off_the_record(bench: MakeBench) -> None:
    on = bench()
    for name in ("node1", "node2", "node3"):
        on.host.processes.put(name)
    assert ended(on, ["node1", "node2"]) == Ended()
    assert on.done == ["SIGTERM node1", "SIGTERM node2", "forget node1", "forget node2"]
    assert on.host.processes.running == ["node3"]


def test_a_paused_server_goes_on_so_that_it_can_save(bench: MakeBench) -> None:
    on = bench()
    on.host.processes.put("node1", paused=True)
    assert ended(on, ["node1"]) == Ended()
    assert on.done == ["SIGTERM node1", "SIGCONT node1", "forget node1"]


def test_who_does_not_end_is_told_again_and_killed_at_last(bench: MakeBench) -> None:
    on = bench()
    on.host.processes.put("node1", stubborn=True)
    on.host.processes.put("node2")
    assert ended(on, ["node1", "node2"], seconds=1.5) == Ended(killed=("node1",))
    assert on.host.journal.of("SIGTERM").count("SIGTERM node1") > 1
    assert on.host.journal.of("SIGTERM").count("SIGTERM node2") == 1
    assert on.done[-3:] == ["SIGKILL node1", "forget node1", "forget node2"]


def asking(on: Bench, replies: dict[str, list[Said]], **spare: bool) -> Ask:
    """Each server says these in turn, and the last one for ever; YES ends it."""

    def ask(name: str) -> Said:
        said = replies[name].pop(0) if len(replies[name]) > 1 else replies[name][0]
        on.host.journal.act("asked", name)
        if said is Said.YES:
            on.host.processes.known[name].code = 0
        return said

    return Ask(ask, **spare)


def test_who_agrees_gets_no_signal(bench: MakeBench) -> None:
    on = bench()
    on.host.processes.put("node1")
    assert ended(on, ["node1"], asking(on, {"node1": [Said.YES]})) == Ended()
    assert on.done == ["asked node1", "forget node1"]


def test_who_refuses_for_a_moment_is_asked_again(bench: MakeBench) -> None:
    on = bench()
    on.host.processes.put("node1")
    ask = asking(on, {"node1": [Said.NO, Said.NO, Said.YES]}, spare=True)
    assert ended(on, ["node1"], ask, seconds=5) == Ended()
    assert on.done == ["asked node1"] * 3 + ["forget node1"]


def test_who_refuses_to_the_last_is_spared_and_stays_on_record(bench: MakeBench) -> None:
    on = bench()
    on.host.processes.put("node1")
    on.host.processes.put("node2")
    ask = asking(on, {"node1": [Said.NO], "node2": [Said.YES]}, spare=True)
    assert ended(on, ["node1", "node2"], ask) == Ended(spared=("node1",))
    assert on.host.processes.running == ["node1"]
    assert on.host.journal.of("forget", "SIGTERM", "SIGKILL") == ["forget node2"]


@pytest.mark.parametrize("spare", [True, False])
def test_many_that_reply_late_take_no_longer_than_the_deadline(
    bench: MakeBench, spare: bool
) -> None:
    """Unless they may not lose data: then each is asked."""
    on = bench()
    names = [f"node{number}" for number in range(1, 200)]
    for name in names:
        on.host.processes.put(name)

    def late(name: str) -> Said:
        on.host.journal.act("asked", name)
        time.sleep(0.2)
        return Said.NOTHING

    assert ended(on, names, Ask(late, spare=spare), seconds=0.5) == Ended()
    assert (len(on.host.journal.of("asked")) < len(names)) is not spare
    assert len(on.host.journal.of("SIGTERM")) == len(names)


def test_who_refuses_to_the_last_is_killed_where_that_is_wanted(bench: MakeBench) -> None:
    on = bench()
    on.host.processes.put("node1")
    assert ended(on, ["node1"], asking(on, {"node1": [Said.NO]})) == Ended(killed=("node1",))
    assert on.host.journal.of("SIGTERM") == []
    assert on.done[-2:] == ["SIGKILL node1", "forget node1"]


def test_one_that_outlives_sigkill_is_named_and_stays_on_record(
    bench: MakeBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = bench()
    made = on.host.processes.put("node1", stubborn=True)
    tell = on.host.processes.signal

    def unkillable(process: Process, number: signal.Signals) -> None:
        tell(process, signal.SIGCONT if number is signal.SIGKILL else number)

    monkeypatch.setattr(on.host.processes, "signal", unkillable)
    monkeypatch.setattr("redistopo.execute.terminate._EXIT_SECONDS", 0.1)
    with pytest.raises(
        RedistopoError, match=f"pid {made.pid} did not exit, not even after SIGKILL"
    ):
        ended(on, ["node1"])
    assert on.host.journal.of("forget") == []
