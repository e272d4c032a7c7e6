"""The pytest plugin: its fixtures and factories in suites of others, run by pytest itself."""

from dataclasses import replace

import pytest
from support.engines import BUNDLED, INSTALLED
from support.forms import spread
from support.suites import HIDE_SERVERS, SEE, Suites, counts

SHAPES = {"cluster": 6, "sentinel": 6, "replication": 3, "standalone": 1}


@pytest.mark.parametrize("shape", spread(list(SHAPES), 2))
def test_each_test_gets_a_client_of_a_topology_without_data(suites: Suites, shape: str) -> None:
    replace(suites, fresh=shape == "cluster").passes(
        f"""
import pytest, redis

@pytest.mark.parametrize("number", range(3))
def test_client(redis_{shape}, redistopo_{shape}, number):
    assert redis_{shape}.dbsize() == 0
    assert redis_{shape}.set("a", number)
    assert redis_{shape}.get("a") == str(number).encode()
    assert len(redistopo_{shape}.nodes) == {SHAPES[shape]}

def test_roles(redistopo_{shape}):
    names = {{"master": "primary", "slave": "replica", "sentinel": "sentinel"}}
    for node in redistopo_{shape}.nodes:
        if node.role != "sentinel":
            with redis.Redis(*node.endpoint, password=redistopo_{shape}.password) as raw:
                assert names[raw.role()[0].decode()] == node.role
                assert raw.dbsize() == 0
"""
    )


FACTORIES = """
from redistopo.pytest_plugin import factories

small = factories.cluster(shards=1, replicas=2, settings={"maxmemory": "64mb"})
small_client = factories.client("small", decode_responses=True)
fresh = factories.standalone(scope="function", auth=False)
pair = factories.replication(replicas=1, scope="module")
watched = factories.sentinel(replicas=1, sentinels=3, down_after=1000)
watched_client = factories.client("watched")
"""


def test_factories_make_fixtures_of_ones_own(suites: Suites) -> None:
    suites = replace(suites, fresh=True)
    suites.write(conftest=FACTORIES)
    suites.passes(
        SEE
        + """
def test_small(small, small_client):
    small_client.set("a", "text")
    assert small_client.get("a") == "text"
    seen = small_client.config_get("maxmemory", target_nodes="primaries")
    assert seen == {"maxmemory": "67108864"}
    assert [node.role for node in small.nodes] == ["primary", "replica", "replica"]

def test_fresh(fresh):
    assert fresh.password == ""
    see(fresh.folder)

def test_fresh_again(fresh):
    see(fresh.folder)

def test_pair(pair):
    assert len(pair.nodes) == 2

def test_watched(watched_client):
    assert watched_client.role()[0] == b"master"
"""
    )
    first, second = suites.seen()
    assert first != second


def test_a_client_of_a_cluster_is_lent_again_unless_it_was_changed(suites: Suites) -> None:
    suites.passes(
        """
had = []

def connection(client):
    return client.client_id(target_nodes=client.get_primaries()[0])

def test_first(redis_cluster):
    had.append((redis_cluster, connection(redis_cluster)))
    redis_cluster.pubsub().subscribe("a")

def test_again(redis_cluster):
    assert redis_cluster is had[0][0]
    assert connection(redis_cluster) != had[0][1]
    redis_cluster.set_response_callback("GET", lambda reply: "changed")
    assert redis_cluster.get("a") == "changed"

def test_another(redis_cluster):
    assert redis_cluster is not had[0][0]
    assert redis_cluster.get("a") is None
    had.append(redis_cluster)
    redis_cluster.close()

def test_closed(redis_cluster, redistopo_cluster):
    assert redis_cluster is not had[1]
    assert redis_cluster.set("a", 1)
    had.append(redis_cluster)
    redistopo_cluster.failover("shard:1", "replica")

def test_repaired(redis_cluster, redistopo_cluster):
    assert redis_cluster is not had[2]
    assert redis_cluster.get("a") is None
    with redistopo_cluster.client() as one:
        assert one is not redis_cluster
"""
    )


def test_a_factory_refuses_what_its_shape_does_not_have(suites: Suites) -> None:
    text = "from redistopo.pytest_plugin import factories\nring = factories.standalone(shards=3)"
    suites.write(conftest=text, test_it="def test(ring): pass")
    done = suites.pytest()
    assert done.code != 0
    assert "a standalone has no option shards; it has acl, auth, engine" in done.out


def test_a_marker_changes_the_topology_of_a_test_or_of_a_module(suites: Suites) -> None:
    other = next(one for one in INSTALLED.values() if one.version != BUNDLED.version)
    engine = f"{other.product.value} {other.version.major}.{other.version.minor}"
    suites.write(
        test_module=f"""
import pytest
pytestmark = pytest.mark.redistopo(shards=1, replicas=0, engine={engine!r})

def test_small(redistopo_cluster, redis_cluster):
    assert len(redistopo_cluster.nodes) == 1
    assert {str(other.version)!r} in redistopo_cluster.status().engine
    assert redis_cluster.set("a", 1)

@pytest.mark.redistopo(replicas=1)
def test_closest(redistopo_cluster, redistopo_standalone):
    assert len(redistopo_cluster.nodes) == 2
    assert {str(other.version)!r} in redistopo_standalone.status().engine
"""
    )
    out = suites.passes(
        SEE
        + f"""
import pytest

def test_usual(redistopo_cluster):
    assert len(redistopo_cluster.nodes) == 6
    assert {str(BUNDLED.version)!r} in redistopo_cluster.status().engine
    see(redistopo_cluster.folder)

@pytest.mark.redistopo(shards=1)
def test_marked(redistopo_cluster):
    assert len(redistopo_cluster.nodes) == 2
    see(redistopo_cluster.folder)

def test_usual_again(redistopo_cluster):
    assert len(redistopo_cluster.nodes) == 6
    see(redistopo_cluster.folder)
""",
        "-v",
        f"--redistopo-engine={BUNDLED.path}",
        REDISTOPO_SERVER="",  # it goes before a version
    )
    assert len(set(suites.seen())) == 2  # a topology is started once, and used again
    assert "test_it.py::test_marked PASSED" in out or not hasattr(pytest, "HIDDEN_PARAM")


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        ("shard=1", "redistopo: test_it.py::test: the marker has no option shard; it has acl"),
        ("1", "redistopo: test_it.py::test: the marker takes options by name, as shards=1"),
    ],
)
def test_a_marker_that_means_nothing_is_refused(suites: Suites, mark: str, text: str) -> None:
    test = f"import pytest\n@pytest.mark.redistopo({mark})\ndef test(redis_cluster): pass"
    suites.write(test_it=test)
    done = suites.pytest()
    assert done.code != 0
    assert text in done.out
    suites.nothing_left()


def test_an_argument_goes_before_the_command_line_and_that_before_the_ini_file(
    suites: Suites,
) -> None:
    first, second, third = list(INSTALLED.values())[:3]
    text = f"""
from redistopo.pytest_plugin import factories
argued = factories.standalone(engine={first.path!r})

def test_argument(argued):
    assert {str(first.version)!r} in argued.status().engine

def test_run(redistopo_standalone):
    assert VERSION in redistopo_standalone.status().engine
"""
    suites.passes(
        f"VERSION = {str(second.version)!r}\n{text}", f"--redistopo-engine={second.path}",
        "-o", f"redistopo_engine={third.path}",
    )  # fmt: skip
    suites.passes(f"VERSION = {str(third.version)!r}{text}", "-o", f"redistopo_engine={third.path}")


def test_without_a_server_tests_fail_with_what_to_type_or_are_skipped_if_asked(
    suites: Suites,
) -> None:
    suites.write(
        conftest=HIDE_SERVERS, test_it="def test(redis_cluster): pass\ndef test_other(): pass"
    )
    done = suites.pytest()
    assert (done.code, counts(done.out)) == (1, {"passed": 1, "error": 1})
    assert "no Redis or Valkey server was found on this machine" in done.out
    assert "redistopo install" in done.out
    assert "Traceback" not in done.out
    done = suites.pytest("--redistopo-missing=skip", "-rs")
    assert (done.code, counts(done.out)) == (0, {"passed": 1, "skipped": 1})
    assert "no Redis or Valkey server was found" in done.out
    done = suites.pytest("-o", "redistopo_missing=skip")
    assert counts(done.out) == {"passed": 1, "skipped": 1}
    done = suites.pytest("-o", "redistopo_missing=ignore")
    assert (done.code, done.out.strip().splitlines()) == (
        4, ['ERROR: redistopo_missing is "fail" or "skip", not "ignore"'],
    )  # fmt: skip


def test_an_unknown_engine_is_named_with_what_asks_for_it(suites: Suites) -> None:
    marked = '@pytest.mark.redistopo(engine="redis 98")\ndef test_marked(redis_standalone): pass\n'
    suites.write(test_it=f"import pytest\ndef test(redis_standalone): pass\n{marked}")
    done = suites.pytest("-o", "redistopo_engine=redis 99", REDISTOPO_SERVER="")
    assert 'no server on this machine is "redis 99"' in done.out
    assert "redistopo_engine in pytest.ini: ask for one of these" in done.out
    assert 'no server on this machine is "redis 98"' in done.out
    assert "engine of its marker or factory: ask for one of these" in done.out
    assert "topology file" not in done.out


def test_unused_it_imports_next_to_nothing_and_starts_nothing(suites: Suites) -> None:
    suites = replace(suites, fresh=True)
    suites.passes(
        """
import sys

def test_imported():
    names = {name for name in sys.modules if name.partition(".")[0] in ("redistopo", "redis")}
    own = "redistopo.pytest_plugin."
    assert names == {"redistopo", own[:-1], own + "factories", own + "in_use", own + "options",
                     own + "standard_fixtures"}
    assert not {"psutil", "jinja2", "multiprocessing", "ssl"} & set(sys.modules)
""",
        "-p", "redistopo.pytest_plugin",
        PYTEST_DISABLE_PLUGIN_AUTOLOAD="1",  # others import what they like
    )  # fmt: skip
    assert not list(suites.root.glob("redistopo-ephemeral-*"))
    suites.passes(
        """
import tempfile, pathlib

def folders():
    return list(pathlib.Path(tempfile.gettempdir()).glob("redistopo-ephemeral-*/*"))

def test_before():
    assert folders() == []

def test_asking(redistopo_standalone):
    assert len(folders()) == 1
"""
    )


def test_it_is_switched_off_as_any_plugin_is(suites: Suites) -> None:
    suites.write(test_it="def test(redis_cluster): pass")
    done = suites.pytest("-p", "no:redistopo")
    assert "fixture 'redis_cluster' not found" in done.out
    suites.write(test_it="def test(redis_ring): pass")
    done = suites.pytest()
    assert "fixture 'redis_ring' not found" in done.out
    assert "redis_cluster" in done.out  # among those that there are
    assert "redistopo" not in suites.pytest("-p", "no:redistopo", "--help").out
    suites.nothing_left()
