"""The pytest plugin with workers of pytest-xdist, and beside other runs."""

import signal

import pytest
from support.forms import FULL, spread
from support.suites import SEE, Suites, counts
from support.waiting import until

EACH = (
    SEE
    + """
import pytest

@pytest.mark.parametrize("number", range(8))
def test_each(redistopo_standalone, redis_standalone, worker_id, number):
    assert redis_standalone.dbsize() == 0
    redis_standalone.set("a", worker_id)
    see(worker_id, redistopo_standalone.url, redistopo_standalone.nodes[0].port)
    assert redis_standalone.get("a").decode() == worker_id
"""
)


def test_each_worker_has_a_topology_of_its_own(suites: Suites) -> None:
    suites.passes(EACH, "-n", "2", "--dist", "each")
    seen = {tuple(line.split()) for line in suites.seen()}
    assert len(seen) == len({url for _, url, _ in seen}) == len({port for *_, port in seen}) == 2


def test_a_shared_topology_gives_each_worker_a_database(suites: Suites) -> None:
    suites.passes(EACH, "-n", "2", "--dist", "each", "-o", "redistopo_shared=true")
    seen = {tuple(line.split()) for line in suites.seen()}
    assert len(seen) == 2
    assert len({port for *_, port in seen}) == 1
    assert {url.rpartition("/")[2] for _, url, _ in seen} == {"0", "1"}


def test_what_ends_with_a_test_is_not_shared(suites: Suites) -> None:
    fresh = """
from redistopo.pytest_plugin import factories
redistopo_standalone = factories.standalone(scope="function")
"""
    words = ("-n", "2", "--dist", "each", "-o", "redistopo_shared=true")
    suites.passes(fresh + EACH.replace("range(8)", "range(2)"), *words)
    assert len({line.split()[1] for line in suites.seen()}) == 4


def test_a_shared_cluster_is_not_reset_and_keys_have_a_prefix(suites: Suites) -> None:
    suites.passes(
        SEE
        + """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_shared(redistopo_cluster, redis_cluster, redistopo_prefix, number):
    redis_cluster.set(redistopo_prefix + "a", 1)
    see(redistopo_cluster.url, redistopo_prefix, len(list(redis_cluster.scan_iter())))

@pytest.mark.redistopo(shared=False, shards=1, replicas=0)
def test_own(redistopo_cluster, redis_cluster):
    assert redis_cluster.dbsize() == 0
    see("own", redistopo_cluster.url)
""",
        *("-n", "2", "--dist", "each", "-o", "redistopo_shared=true"),
    )
    lines = [line.split() for line in suites.seen()]
    own = {url for name, url in (one for one in lines if one[0] == "own")}
    shared = [one for one in lines if one[0] != "own"]
    assert len(own) == 2
    assert len({one[0] for one in shared}) == 1
    assert len({one[1] for one in shared}) == 6
    assert sorted(int(one[2]) for one in shared)[-1] == 6  # nothing was deleted


def test_a_shared_topology_that_cannot_start_fails_in_each_worker(suites: Suites) -> None:
    suites.write(test_it=EACH)
    words = ("-n", "2", "--dist", "each", "-o", "redistopo_shared=true")
    done = suites.pytest(*words, "--redistopo-engine=/nowhere/redis-server")
    assert counts(done.out) == {"error": 16}
    assert "/nowhere/redis-server is not a program" in done.out
    assert "redistopo engines" in done.out
    suites.nothing_left()


@pytest.mark.skipif(not FULL, reason="workers of one run don't meet either")
def test_two_runs_in_one_folder_do_not_meet(suites: Suites) -> None:
    suites.write(test_it=EACH.replace("range(8)", "range(20)"))
    with suites.start("-n", "2") as one, suites.start("-n", "2") as other:
        texts = [running.communicate(timeout=120)[0] for running in (one, other)]
    assert [counts(text) for text in texts] == [{"passed": 20}, {"passed": 20}]
    suites.nothing_left()


WAITS = (
    SEE
    + """
import time

def test_waits(redistopo_cluster):
    see("running")
    time.sleep(60)
"""
)


WORDS = {"alone": (), "workers": ("-n", "2"), "shared": ("-n", "2", "-o", "redistopo_shared=true")}


@pytest.mark.parametrize(
    ("name", "moment"), spread([(one, at) for one in WORDS for at in ("start", "use")], 1)
)
def test_ctrl_c_twice_leaves_nothing(suites: Suites, name: str, moment: str) -> None:
    suites.write(test_it=WAITS)
    with suites.start(*WORDS[name]) as running:
        until((suites.folder / "seen").exists if moment == "use" else lambda: suites.folders, 60)
        running.send_signal(signal.SIGINT)
        until(lambda: _interrupt_again(running), 30)
        running.communicate(timeout=60)
    assert running.returncode
    until(lambda: not (suites.servers() or suites.folders or suites.watchers()), 10)


@pytest.mark.parametrize("name", spread(list(reversed(WORDS)), 1))
def test_a_run_that_is_killed_leaves_nothing(suites: Suites, name: str) -> None:
    suites.write(test_it=WAITS)
    with suites.start(*WORDS[name]) as running:
        until((suites.folder / "seen").exists, 60)
        running.kill()
        running.communicate(timeout=60)
    until(lambda: not (suites.servers() or suites.folders or suites.watchers()), 10)


def _interrupt_again(running: "object") -> bool:
    running.send_signal(signal.SIGINT)  # type: ignore[attr-defined]
    return running.poll() is not None  # type: ignore[attr-defined]


@pytest.mark.parametrize("shared", spread(["false", "true"], 1))
def test_a_worker_that_is_killed_leaves_nothing_and_the_others_go_on(
    suites: Suites, shared: str
) -> None:
    suites.write(
        test_it="""
import os, signal, pytest

@pytest.mark.parametrize("number", range(6))
def test_it(redis_standalone, number):
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    assert redis_standalone.set("a", 1)
"""
    )
    done = suites.pytest("-n", "2", "-o", f"redistopo_shared={shared}")
    assert counts(done.out) == {"failed": 1, "passed": 5}
    suites.nothing_left()
