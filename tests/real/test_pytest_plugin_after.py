"""The pytest plugin after a test: reset, repair, a loud failure, the report, a kept topology."""

import re

import pytest
from support.forms import spread
from support.project import Project
from support.suites import SEE, Suites, counts

BREAKS = {
    "kills a replica": ("replication", "topology.kill('node2')"),
    "pauses the primary": ("replication", "topology.pause('primary')"),
    "shuts a primary down": ("cluster", "raw(topology).shutdown(nosave=True)"),
    "changes a setting": ("cluster", "raw(topology).config_set('maxmemory', '1mb')"),
    "changes roles": ("replication", "topology.failover()"),
}


@pytest.mark.parametrize("what", spread(list(BREAKS), 2))
def test_what_a_test_breaks_is_repaired_before_the_next_one_and_reported(
    suites: Suites, what: str
) -> None:
    shape, text = BREAKS[what]
    out = suites.passes(
        f"""
import redis

def raw(topology):
    return redis.Redis(*topology.nodes[0].endpoint, password=topology.password)

def state(topology):
    with raw(topology) as one:
        return one.config_get("maxmemory"), [(node.name, node.role) for node in topology.nodes]

before = []

def test_before(redistopo_{shape}):
    before.append(state(redistopo_{shape}))

def test_breaks(redistopo_{shape}):
    topology = redistopo_{shape}
    {text}

def test_after(redistopo_{shape}, redis_{shape}):
    assert before == [state(redistopo_{shape})]
    assert redistopo_{shape}.status().faults == ()
    assert redis_{shape}.set("a", 1)
"""
    )
    assert re.search(r"^=+ redistopo =+$", out, re.MULTILINE)
    assert "restored after tests, beyond their data:" in out
    assert re.findall(r"^  (test_it.py::\w+):", out, re.MULTILINE)[0] == "test_it.py::test_breaks"
    assert "test_it.py::test_before:" not in out


def test_a_topology_that_cannot_be_restored_fails_its_test_and_not_the_next(
    suites: Suites,
) -> None:
    suites.write(
        conftest="from redistopo.api import baseline\nbaseline._SECONDS = 3  # instead of a minute",
        test_it="""
import shutil

def test_ruins(redistopo_standalone):
    redistopo_standalone.kill("node1")
    shutil.rmtree(redistopo_standalone.folder / ".redistopo")
    (redistopo_standalone.folder / "redistopo.toml").write_text("no topology")

def test_next(redis_standalone, redistopo_standalone):
    assert redis_standalone.set("a", 1)
    assert redistopo_standalone.status().faults == ()
""",
    )
    done = suites.pytest()
    assert (done.code, counts(done.out)) == (1, {"passed": 2, "error": 1})
    assert "ERROR at teardown of test_ruins" in done.out
    assert "can't be restored after this test: redistopo: " in done.out
    assert "Traceback" not in done.out
    suites.nothing_left()


def test_a_fixture_that_fails_at_its_end_does_not_keep_the_topology_from_being_reset(
    suites: Suites,
) -> None:
    suites.write(
        test_it="""
import pytest

@pytest.fixture
def fails(redis_standalone):
    yield
    raise ValueError("of a fixture")

def test_fails_after(fails, redistopo_standalone):
    redistopo_standalone.kill("node1")

def test_next(redis_standalone):
    assert redis_standalone.set("a", 1)
"""
    )
    done = suites.pytest()
    assert counts(done.out) == {"passed": 2, "error": 1}
    assert "ValueError: of a fixture" in done.out
    assert "test_it.py::test_fails_after: node1" in done.out


def test_data_of_a_test_that_asked_while_it_ran_is_deleted(suites: Suites) -> None:
    suites.passes(
        """
import pytest
from redistopo.pytest_plugin import factories

kept = factories.standalone(reset=False)

def test_asks(request):
    request.getfixturevalue("redis_standalone").set("a", 1)

def test_gone(redis_standalone):
    assert redis_standalone.get("a") is None

def test_asks_again(request):
    with request.getfixturevalue("redistopo_standalone").client() as client:
        client.set("b", 1)

def test_gone_again(redis_standalone):
    assert redis_standalone.dbsize() == 0

def test_keeps(kept):
    with kept.client() as client:
        client.set("a", 1)

def test_kept(kept):
    with kept.client() as client:
        assert client.get("a") == b"1"
"""
    )


FIRST = """
import pytest

@pytest.fixture
def logs(redis_standalone):
    redis_standalone.eval("redis.log(redis.LOG_WARNING, 'of a fixture')", 0)

def test_first(logs, redis_standalone):
    redis_standalone.eval("redis.log(redis.LOG_WARNING, 'of the test')", 0)
    raise AssertionError("on purpose")
"""


def test_the_report_of_the_first_test_leaves_out_what_the_nodes_logged_at_their_start(
    suites: Suites,
) -> None:
    suites.write(test_it=FIRST)
    section = suites.pytest().out.partition(" redistopo: ")[2].partition("\n=====")[0]
    logged = section.partition("logged since the test began:\n")[2].partition("\n\n")[0]
    texts = [line.rpartition("  ")[2].partition("# ")[2] for line in logged.splitlines()]
    # Valkey 9.1 begins what a script logs with the name of its language
    assert [text.removeprefix("<lua> ") for text in texts] == ["of a fixture", "of the test"]


FAILS = """
import redis

def test_before(redis_cluster):
    redis_cluster.eval("redis.log(redis.LOG_WARNING, 'of the test before')", 0)

def test_fails(redistopo_cluster, redis_cluster):
    node = redistopo_cluster.nodes[0]
    with redis.Redis(*node.endpoint, password=redistopo_cluster.password) as raw:
        raw.eval("redis.log(redis.LOG_NOTICE, 'a notice first')", 0)
        raw.eval("redis.log(redis.LOG_WARNING, 'look here')", 0)
    redistopo_cluster.kill("node4")
    raise AssertionError("on purpose")

def test_next(redistopo_cluster):
    assert len([node for node in redistopo_cluster.nodes if node.role]) == 6
"""


def test_the_report_of_a_failed_test_shows_roles_and_what_the_nodes_logged(
    suites: Suites,
) -> None:
    suites.write(test_it=FAILS)
    done = suites.pytest()
    assert counts(done.out) == {"failed": 1, "passed": 2}
    section = done.out.partition(" redistopo: redistopo_cluster ")[2].partition("\n=====")[0]
    assert re.search(r"^  node1 +primary$", section, re.MULTILINE)
    assert re.search(r"^  node4 +replica -> no reply$", section, re.MULTILINE)
    lines = section.splitlines()
    (warning,) = (number for number, line in enumerate(lines) if "look here" in line)
    (notice,) = (number for number, line in enumerate(lines) if "a notice first" in line)
    assert warning < notice
    assert "of the test before" not in section
    assert lines[-1].endswith("pytest --redistopo-keep")
    suites.nothing_left()


@pytest.mark.parametrize("words", spread([("-n", "2"), ()], 1), ids=" ".join)
def test_the_topology_of_a_failed_test_is_kept_with_commands_that_work(
    suites: Suites, project: Project, words: tuple[str, ...]
) -> None:
    suites.write(test_it=SEE + FAILS.replace("raise", "see(redistopo_cluster.folder)\n    raise"))
    done = suites.pytest("--redistopo-keep", *words)
    assert counts(done.out) == {"failed": 1, "passed": 2}
    (folder,) = suites.seen()
    last = done.out.rpartition("the topology is kept as the test left it")[2]
    commands = re.findall(r"^  redistopo (.+?)(?:   \(.*)?$", last, re.MULTILINE)
    assert commands == [
        f"-C {folder} {verb}" for verb in ("status", "verify", "logs", "cli", "down --wipe")
    ]
    states = {node["name"]: node["state"] for node in _result(project, commands[0])["nodes"]}
    assert states.pop("node4") != "ok"
    assert set(states.values()) == {"ok"}
    assert "look here" in project.run(*commands[2].split(), check=0).out
    assert project.run(*commands[3].split(), "node1", "--", "ping", check=0).out == "PONG\n"
    project.run(*commands[4].split(), "--yes", check=0)
    assert suites.servers() == []
    assert "redistopo-keep" not in last


def _result(project: Project, command: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = project.run(*command.split(), "--json").json["result"]
    return found


def test_nothing_is_kept_if_every_test_passes(suites: Suites) -> None:
    out = suites.passes("def test(redis_standalone): pass", "--redistopo-keep")
    assert "kept" not in out
