"""What `up` refuses, `plan` and `up --dry-run` refuse in the same words; and nothing is done.

Every refusal that `up` has before it does anything, on real servers. Those of a topology file that
isn't valid, and of an engine that isn't there, end all three in the same way. `start`, `set` and
`reset` go by the same list: where one of its refusals concerns them, they use its words too.
"""

import hashlib
import json
import os
import re
import shutil
import socket
from collections.abc import Iterable
from contextlib import closing, suppress
from typing import Any

import pytest
from support.editing import edit, own_templates
from support.engines import BUNDLED, ENGINES, TLS
from support.judge import await_written
from support.kept import keep
from support.project import Project

ENGINE = BUNDLED.path

OURS = {"lock", "events.jsonl", "password", "password.admin", "password.replication", "MARKER"}
"""Written at each attempt, or made at the first: none says that anything was done."""

DATA = re.compile(r"appendonly|temp-|\.rdb$|\.log$|nodes\.conf$|\.pid$")


def _files(project: Project) -> dict[str, str]:
    """Path -> content of all that a refusal must leave as it is; not what servers that run
    write of themselves."""
    found = {}
    written = DATA if project.servers() else re.compile("$.")
    for path in sorted(project.root.rglob("*")):
        name = str(path.relative_to(project.root))
        if path.name in OURS or written.search(name) or (path.is_dir() and not path.is_symlink()):
            continue
        with suppress(FileNotFoundError):
            link = path.is_symlink()
            text = path.readlink().as_posix().encode() if link else path.read_bytes()
            found[name] = hashlib.sha256(text).hexdigest()
    return found


def _pids(project: Project) -> list[int]:
    return sorted(process.pid for process in project.servers())


START = ("start",)
SET = ("set", "hz", "20")
RESET = ("reset", "node1", "--yes")


def refused(
    project: Project,
    *words: str,
    told: str,
    planned: bool = True,
    also: Iterable[tuple[str, ...]] = (),
) -> dict[str, Any]:
    """The refusal that all three have, and the verbs of `also`, word for word, once `told` is in
    it."""
    files, pids = _files(project), _pids(project)
    dry = project.run("up", "--dry-run", "--json", *words)
    refusals = [_error(dry.json)]
    if planned:
        shown = project.run("plan", "--json", check=0).json["result"]
        assert shown["steps"] == []
        refusals.append(_error({"error": shown["refusal"]}))
    assert _files(project) == files, "a look has changed something"
    for verb in also:
        ended = project.run(*verb, "--json")
        refusals.append(_error(ended.json))
        assert ended.code == dry.code
    up = project.run("up", "--json", *words)
    refusals.append(_error(up.json))
    assert up.code == dry.code != 0
    assert all(one == refusals[0] for one in refusals), json.dumps(refusals, indent=1)
    assert told in " ".join(map(str, refusals[0].values())), refusals[0]
    assert _pids(project) == pids
    assert {name: _files(project).get(name) for name in files} == files
    return refusals[0]


def _error(envelope: dict[str, Any]) -> dict[str, Any]:
    return {name: envelope["error"][name] for name in ("message", "detail", "hint")}


def unset(project: Project, *words: str, told: str) -> dict[str, Any]:
    """The refusal of `set`, with nothing written: `up` would refuse the file as it would be."""
    files = _files(project)
    ended = project.run("set", *words, "--json")
    error = _error(ended.json)
    assert ended.code != 0
    assert told in " ".join(map(str, error.values())), error
    assert _files(project) == files
    return error


def _pair(project: Project, *words: str) -> None:
    project.init("replication", "--replicas", "1", *words, engine=ENGINE)


def _small(project: Project, *words: str) -> None:
    project.init("cluster", "--replicas", "1", "--formation", "instant", *words, engine=ENGINE)


def _stopped(project: Project) -> None:
    project.up()
    project.run("down", check=0)


# Before the folder is touched


def test_an_address_that_is_not_here(project: Project) -> None:
    _pair(project)
    edit(project, 'host = "127.0.0.1"', 'host = "203.0.113.9"')
    refused(project, told="this machine has no address 203.0.113.9")
    assert not (project.root / ".redistopo").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--primary", "node9"), "there is no node 'node9'"),
        (("--primary", "node1", "--primary", "node2"), "can't both be primary"),
        (("--rebuild", "node9"), "there is no data node 'node9'"),
    ],
)
def test_a_node_that_can_not_be_meant(project: Project, words: tuple[str, ...], told: str) -> None:
    _pair(project)
    refused(project, *words, told=told, planned=False)


def test_a_cluster_node_that_is_not_there(project: Project) -> None:
    _small(project)
    refused(project, "--rebuild", "node9", told="there is no data node 'node9'", planned=False)


def test_a_state_folder_that_is_not_ours(project: Project) -> None:
    _pair(project)
    state = project.root / ".redistopo"
    state.mkdir()
    (state / "thesis.txt").write_text("years of work")
    refused(project, told="no MARKER of redistopo")
    shutil.rmtree(state)
    elsewhere = project.root / "elsewhere"
    elsewhere.mkdir()
    state.symlink_to(elsewhere)
    refused(project, told="is a symbolic link")
    state.unlink()


def test_a_link_that_somebody_planted(project: Project) -> None:
    _pair(project)
    _stopped(project)
    planted = project.root / ".redistopo" / "nodes" / "node7"
    planted.symlink_to(project.root)
    refused(project, told="redistopo creates no links in its own folder")
    planted.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_a_folder_of_another_user(project: Project) -> None:
    _pair(project)
    _stopped(project)
    folder = project.folder(1)
    os.chown(folder, 12345, -1)
    try:
        refused(project, told="belongs to another user")
    finally:
        os.chown(folder, 0, -1)


# What is in the folder, or runs out of it


def test_other_access_control_than_what_runs(project: Project) -> None:
    _pair(project)
    project.up()
    edit(project, "# acl = false", "acl = true")
    refused(
        project,
        told="acl is true in the topology file, but servers run with acl = false",
        also=(SET, RESET, START),
    )
    edit(project, "acl = true", "# acl = false")
    project.env["REDISTOPO_PASSWORD"] = "quite-unlike-it"
    refused(project, told="servers run with a password other", also=(SET, RESET, START))
    del project.env["REDISTOPO_PASSWORD"]


def test_another_layout_than_the_one_formed(project: Project) -> None:
    _pair(project)
    _stopped(project)
    edit(project, "replicas = 1", "replicas = 2")
    refused(
        project, told="no longer describes the topology in this folder", also=(SET, RESET, START)
    )


def test_another_name_than_the_sentinels_watch(project: Project) -> None:
    project.init("sentinel", "--replicas", "1", engine=ENGINE)
    _stopped(project)
    text = (project.root / "redistopo.toml").read_text()
    name = next(line for line in text.splitlines() if line.startswith("name = "))
    edit(project, name, 'name = "another"')
    refused(project, told="the Sentinels monitor the primary as", also=(SET, START))


def test_an_engine_older_than_the_data(project: Project) -> None:
    new, old = ENGINES[max(ENGINES)].path, ENGINES[min(ENGINES)].path
    project.init("replication", "--replicas", "1", engine=new)
    _stopped(project)
    edit(project, f'engine = "{new}"', f'engine = "{old}"')
    refused(project, told="can't read data that", also=(START,))


@pytest.mark.skipif(TLS is None, reason="no engine here is built with TLS")
def test_a_ca_that_is_lost(project: Project) -> None:
    assert TLS is not None
    project.init("replication", "--replicas", "1", "--tls", engine=TLS.path)
    _stopped(project)
    (project.root / ".redistopo" / "tls" / "ca.key").unlink()
    refused(project, told="CA is incomplete", also=(START,))


@pytest.mark.parametrize("password", ["with\tcontrol", ""])
def test_a_password_that_can_not_be_one(project: Project, password: str) -> None:
    _pair(project)
    edit(project, '# password_file = ""', 'password_file = "mine"')
    refused(project, told="the password file", also=(SET,))
    (project.root / "mine").write_text(password)
    refused(project, told="the password in", also=(SET,))


def test_a_password_that_sentinels_can_not_keep(project: Project) -> None:
    project.init("sentinel", engine=ENGINE)
    project.env["REDISTOPO_PASSWORD"] = "two words"
    refused(project, told="Sentinels can't store", also=(SET,))


# The user's own templates


def test_a_template_that_opens_servers_to_all(project: Project) -> None:
    _pair(project, "--no-auth")
    template = own_templates(project) / "network.conf.j2"
    text = template.read_text()
    opened = text.replace('line("bind", node.host,', 'line("bind", "0.0.0.0",')
    assert opened != text
    template.write_text(opened)
    refused(project, told="would accept any client", also=(SET,))
    template.write_text(text)
    project.up()
    template.write_text(opened)
    refused(project, told="would accept any client", also=(SET,))


@pytest.mark.parametrize(
    ("shape", "name", "text", "told"),
    [
        ("replication", "redis.conf.j2", "{{ nothing.at.all }}", "redis.conf.j2"),
        ("replication", "users.acl.j2", "user default on nopass ~* +@all\n", "users"),
        ("cluster", "nodes.conf.j2", "{% if %}", "nodes.conf.j2"),
        ("sentinel", "sentinel.conf.j2", "{% if %}", "sentinel.conf.j2"),
    ],
)
def test_a_template_that_makes_nothing(
    project: Project, shape: str, name: str, text: str, told: str
) -> None:
    acl = ("--acl",) if name == "users.acl.j2" else ()
    instant = ("--formation", "instant") if shape == "cluster" else ()
    project.init(shape, *acl, *instant, engine=ENGINE)
    (own_templates(project) / name).write_text(text)
    refused(project, told=told, also=(SET,))


# Data that a start could cost


def _aged(project: Project, node: int, seconds: float) -> None:
    """The node's data files are so much newer than they are."""
    for path in [one for one in project.folder(node).rglob("*") if one.suffix in (".aof", ".rdb")]:
        told = path.stat()
        os.utime(path, (told.st_atime, told.st_mtime + seconds))


def test_a_replica_that_wrote_later(project: Project) -> None:
    _pair(project)
    project.up()
    keep(project)
    project.crash()
    _aged(project, 2, 60)
    refused(project, told="node2 wrote data after node1")


def test_a_primary_without_its_data(project: Project) -> None:
    _pair(project)
    project.up()
    keep(project)
    project.run("down", check=0)
    shutil.rmtree(project.folder(1))
    refused(project, told="node1 would be primary, but has no data; node2 has")
    refused(project, "--primary", "node1", told="node1 would be primary", planned=False)


def test_two_that_were_primary(project: Project) -> None:
    _pair(project)
    project.up()
    keep(project)
    with project.client(project.ports[1]) as node:
        node.execute_command("REPLICAOF", "NO", "ONE")
        node.set("mine", "yes")
        await_written(node)
    project.run("kill", "node1", "node2", check=0)
    _forget_primary(project)
    refused(project, told="have data, and more than one was primary")


def _forget_primary(project: Project) -> None:
    record = project.root / ".redistopo" / "record.json"
    told = json.loads(record.read_text())
    record.write_text(json.dumps({**told, "primary": ""}))


def test_an_empty_primary_of_a_cluster(project: Project) -> None:
    _small(project)
    project.up()
    keep(project)
    project.run("down", check=0)
    for path in [one for one in project.folder(1).iterdir() if one.name != "nodes.conf"]:
        if path.name in ("appendonlydir", "dump.rdb", "appendonly.aof"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    refused(project, told="node1 would be primary, but has no data")


def test_a_lost_nodes_conf(project: Project) -> None:
    _small(project)
    _stopped(project)
    tables = [project.folder(number) / "nodes.conf" for number in range(1, 7)]
    tables[0].unlink()
    refused(project, told="node1 would start as a new node")
    for table in tables[1:]:
        table.write_text("")
    refused(project, told="no node of this cluster has its nodes.conf")
    every = [word for number in range(1, 7) for word in ("--rebuild", f"node{number}")]
    refused(project, *every, told="no other node's nodes.conf contains node1", planned=False)


@pytest.fixture
def reset(project: Project) -> str:
    """A cluster whose node1 was reset while its replica, named here, is stopped with its keys."""
    _small(project)
    project.up()
    keep(project)
    nodes = project.run("plan", "--json", check=0).json["result"]["plan"]["nodes"]
    replica: str = next(one["name"] for one in nodes if one["follows"] == "node1")
    project.run("stop", replica, check=0)
    project.run("reset", "node1", "--force", "--yes", check=0)
    return replica


def test_a_sole_copy(project: Project, reset: str) -> None:
    refused(project, told=f"{reset} would be emptied: its primary node1 was reset")
    both = ("--primary", "node1", "--primary", reset)
    refused(project, *both, told="can't both be primary: they are in one shard", planned=False)


# The machine


def test_data_under_another_name(project: Project) -> None:
    _pair(project, "--persistence", "rdb")
    project.up()
    keep(project)
    project.run("down", check=0)
    told = "dbfilename is other.rdb in the topology file"
    ahead = unset(project, "dbfilename", "other.rdb", told=told)
    edit(project, "\n[redis]\n", '\n[redis]\ndbfilename = "other.rdb"\n')
    assert refused(project, told=told, also=(START,)) == ahead


@pytest.mark.parametrize("formed", [False, True])
def test_a_busy_port(project: Project, *, formed: bool) -> None:
    _pair(project)
    if formed:
        _stopped(project)
    with closing(socket.socket()) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", project.ports[1]))
        holder.listen()
        found = refused(project, told=f"node2: port {project.ports[1]} is in use by")
        assert ("or set port = " in found["hint"]) is not formed


def test_a_limit_that_is_too_low(project: Project) -> None:
    _pair(project)
    told = "a limit of this system is too low"
    ahead = unset(project, "maxclients", "3", told=told)
    edit(project, "\n[redis]\n", '\n[redis]\nmaxclients = "3"\n')
    assert refused(project, told=told) == ahead


# What ends all three in the same way


@pytest.mark.parametrize(
    ("old", "new"), [("shards = 3", "shards = 0"), ('shape = "cluster"', 'shape = "ring"')]
)
def test_a_file_that_is_not_valid(project: Project, old: str, new: str) -> None:
    _small(project)
    edit(project, old, new)
    ended = [project.run(*words, "--json") for words in (("plan",), ("up", "--dry-run"), ("up",))]
    assert {one.code for one in ended} == {2}
    assert len({json.dumps(_error(one.json)) for one in ended}) == 1


def test_an_engine_that_is_not_there(project: Project) -> None:
    _pair(project)
    edit(project, f'engine = "{ENGINE}"', 'engine = "5.0"')
    ended = [project.run(*words, "--json") for words in (("up", "--dry-run"), ("up",))]
    assert ended[0].code == ended[1].code != 0
    assert _error(ended[0].json) == _error(ended[1].json)
    assert not (project.root / ".redistopo").exists()


# And what the dry run allows, `up` does


def test_the_steps_of_a_dry_run_are_those_of_up(project: Project) -> None:
    _pair(project)
    for change in (
        None,
        ("# acl = false", "acl = true"),
        ('# persistence = "aof"', 'persistence = "rdb"'),
    ):
        if change:
            keep(project)
            project.run("down", check=0)
            edit(project, *change)
        planned = project.run("up", "--dry-run", "--json", check=0).json["result"]["steps"]
        assert project.run("plan", "--json", check=0).json["result"]["steps"] == planned
        assert project.run("up", "--json", check=0).json["result"]["steps"] == planned
        assert project.run("plan", "--json", check=0).json["result"]["steps"] == []
