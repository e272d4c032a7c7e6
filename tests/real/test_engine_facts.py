"""What is written down about versions is true of each real engine: directives, rights, files."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import pytest
import redis
from support.engines import TRIED
from support.judge import client
from support.ports import leased
from support.waiting import until

from redistopo.cli.commands.set import command
from redistopo.cli.complete import directives
from redistopo.doctor.startup_verdict import CATEGORIES, UNKNOWN_DIRECTIVE
from redistopo.errors import UsageError
from redistopo.model.protocol.conf import IMMUTABLE, canonical_directive
from redistopo.model.protocol.engine import SINCE, Engine
from redistopo.model.protocol.nodes_conf import parse_nodes_conf, rebuilt
from redistopo.model.protocol.sentinel_replies import FAILOVER_COMMANDS
from redistopo.model.protocol.server_defaults import DEFAULTS
from redistopo.model.topology.directives import settable


class Running:
    """A cluster node without slots of one engine, and what it wrote."""

    def __init__(self, engine: Engine, port: int, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.client = client(port)
        self.client.response_callbacks.pop("COMMAND")

    def knows(self, command: str) -> bool:
        return self.client.execute_command("COMMAND", "INFO", command)[0] is not None

    def accepts(self, *words: str) -> bool:
        try:
            self.client.execute_command(*words)
        except redis.ResponseError:
            return False
        return True


@contextmanager
def _running(engine: Engine, folder: Path, *words: str) -> Iterator[Running]:
    folder.mkdir(exist_ok=True)
    with leased() as port, (folder / "log").open("wb") as log:
        argv = [engine.path, "--port", str(port), "--bind", "127.0.0.1", "--save", "", *words]
        process = subprocess.Popen(argv, cwd=folder, stdout=log, stderr=log)
        made = Running(engine, port, folder)
        try:
            until(lambda: _answers(made.client))
            yield made
        finally:
            made.client.close()
            process.kill()
            process.wait()


def _answers(node: "redis.Redis[Any]") -> bool:
    try:
        return bool(node.ping())
    except redis.RedisError:
        return False


@pytest.fixture(scope="module", params=TRIED)
def node(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("node")
    with _running(TRIED[request.param], folder, "--cluster-enabled", "yes") as made:
        yield made


def test_it_reports_the_version_of_its_banner(node: Running) -> None:
    told = node.client.info("server")
    assert told[f"{node.engine.product.value}_version"] == str(node.engine.version)


def test_directives_are_known_since_the_release_that_is_written_down(node: Running) -> None:
    known = {name: name in node.client.config_get(name) for name in SINCE}
    assert known == {name: node.engine.knows(name) for name in SINCE}


def test_the_defaults_are_those_of_the_servers(node: Running) -> None:
    assert DEFAULTS.items() <= node.client.config_get("*").items()


def test_what_a_server_reads_at_a_start_only_is_known(node: Running) -> None:
    refused = set()
    for directive, value in node.client.config_get("*").items():
        try:
            node.client.config_set(directive, value)
        except redis.ResponseError as error:
            if re.search("immutable|protected|Unsupported", str(error)):
                refused.add(directive.replace("_", "-"))
    assert "databases" in refused
    assert refused <= IMMUTABLE


def test_directives_that_can_be_set_are_offered_by_completion(node: Running) -> None:
    names = {canonical_directive(name) for name in node.client.config_get("*")}
    offered = directives(click.Context(command), command.params[0], "")
    assert {name for name in names if _offered(name)} <= set(offered)


def _offered(name: str) -> bool:
    """All that `set` accepts, but those of a node's own addresses, and old spellings."""
    if "_" in name or name.startswith("cluster-announce-") or name == "bind-source-addr":
        return False
    try:
        return bool(settable(name))
    except UsageError:
        return False


def test_categories_of_commands_are_known(node: Running) -> None:
    assert {*node.client.acl_cat()} <= CATEGORIES


def test_commands_of_a_failover_exist(node: Running) -> None:
    for words in FAILOVER_COMMANDS:
        assert node.knows(words[0]), words
    if node.engine.sentinels_send_failover:
        assert node.knows("FAILOVER")


def test_rights_distinguish_subcommands_since_the_release_that_is_written_down(
    node: Running,
) -> None:
    splits = node.accepts("ACL", "SETUSER", "probe", "-cluster|slots")
    assert splits is node.engine.splits_container_commands


def test_nodes_that_export_slots_have_the_command(node: Running) -> None:
    if node.engine.exports_slots_as_replication_user:
        assert node.knows("CLUSTER|SYNCSLOTS")


def test_nodes_conf_has_shard_ids_since_the_release_that_is_written_down(node: Running) -> None:
    written = (node.folder / "nodes.conf").read_text()
    assert ("shard-id=" in written) is node.engine.keeps_shard_ids
    table = parse_nodes_conf(written, "")
    assert table is not None
    (entry,) = table.entries
    assert entry.id == node.client.execute_command("CLUSTER MYID")
    assert "myself" in entry.flags
    assert bool(entry.shard) is node.engine.keeps_shard_ids


SHARDED = [name for name, one in TRIED.items() if one.keeps_shard_ids]


@pytest.mark.parametrize("name", SHARDED)
def test_a_rebuilt_nodes_conf_is_accepted_though_a_server_saved_another_shard_of_a_replica(
    name: str, tmp_path: Path
) -> None:
    """Valkey 8.0 refused it for ever: `up --rebuild` wrote the same line again."""
    primary, replica, other = ("a" * 40, "b" * 40, "c" * 40)
    lines = [
        f"{primary} 127.0.0.1:1@2,,tls-port=0,shard-id={'1' * 40} master - 0 1 5 connected 0-9",
        f"{replica} 127.0.0.1:3@4,,tls-port=0,shard-id={'2' * 40} slave {primary} 0 1 5 connected",
        f"{other} 127.0.0.1:5@6,,tls-port=0,shard-id={'3' * 40} myself,master - 0 1 7 connected 10",
        "vars currentEpoch 7 lastVoteEpoch 0\n",
    ]
    text = rebuilt({"127.0.0.1:5": "\n".join(lines)}, "127.0.0.1:3")
    assert text is not None
    (tmp_path / "nodes.conf").write_text(text)
    with _running(TRIED[name], tmp_path, "--cluster-enabled", "yes") as node:
        assert node.client.execute_command("CLUSTER MYID") == replica


def test_a_replica_may_load_its_first_sync_from_the_socket(node: Running) -> None:
    """Rendered where the way by the disk is late."""
    if node.engine.collects_first_sync_late:
        assert node.accepts("CONFIG", "SET", "repl-diskless-load", "on-empty-db")


@pytest.mark.parametrize("name", TRIED)
def test_an_unknown_directive_is_judged_after_modules_since_the_release_that_is_written_down(
    name: str,
) -> None:
    done = subprocess.run(
        [TRIED[name].path, "-"],
        input="port 0\nno-such-directive yes\n",
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    told = done.stdout + done.stderr
    late = UNKNOWN_DIRECTIVE.partition(" (")[0] in told
    assert late is TRIED[name].keeps_unknown_directives, told
