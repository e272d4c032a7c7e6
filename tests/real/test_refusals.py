"""What `up` refuses, `plan` and `up --dry-run` refuse in the same words; and nothing is done.

Every refusal that `up` has before it does anything, on real servers. Those of a topology file that
isn't valid, and of an engine that isn't there, end all three in the same way. `start`, `set` and
`reset` go by the same list: where one of its refusals concerns them, they use its words too.
"""

import json
import os
import shutil
import socket
from contextlib import closing

import pytest
from support.editing import edit, own_templates
from support.engines import INSTALLED, TLS
from support.forms import spread
from support.kept import keep
from support.project import Project
from support.refused import (
    ENGINE,
    RESET,
    SET,
    START,
    error_of,
    pair,
    refused,
    small,
    stopped,
    unset,
)
from support.remedies import type_hint

# Before the folder is touched


def test_an_address_that_is_not_here(project: Project) -> None:
    pair(project)
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
    pair(project)
    refused(project, *words, told=told, planned=False)


def test_a_cluster_node_that_is_not_there(project: Project) -> None:
    small(project)
    refused(project, "--rebuild", "node9", told="there is no data node 'node9'", planned=False)


def test_a_state_folder_that_is_not_ours(project: Project) -> None:
    pair(project)
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
    pair(project)
    stopped(project)
    planted = project.root / ".redistopo" / "nodes" / "node7"
    planted.symlink_to(project.root)
    refused(project, told="redistopo creates no links in its own folder")
    planted.unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_a_folder_of_another_user(project: Project) -> None:
    pair(project)
    stopped(project)
    folder = project.folder(1)
    os.chown(folder, 12345, -1)
    try:
        refused(project, told="belongs to another user")
    finally:
        os.chown(folder, 0, -1)


# What is in the folder, or runs out of it


def test_other_access_control_than_what_runs(project: Project) -> None:
    pair(project)
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
    pair(project)
    stopped(project)
    edit(project, 'shape = "replication"', 'shape = "cluster"')
    refused(
        project, told="no longer describes the topology in this folder", also=(SET, RESET, START)
    )
    edit(project, 'shape = "cluster"', 'shape = "replication"')
    edit(project, "replicas = 1", "replicas = 2")
    edit(project, f"port = {project.port}", f"port = {project.port + 10}")
    refused(project, told="other addresses and another number of nodes", also=(SET, RESET, START))


def test_another_name_than_the_sentinels_watch(project: Project) -> None:
    project.init("sentinel", "--replicas", "1", engine=ENGINE)
    project.up()
    project.run("failover", "node2", check=0)
    text = (project.root / "redistopo.toml").read_text()
    name = next(line for line in text.splitlines() if line.startswith("name = "))
    edit(project, name, 'name = "another"')
    refused(project, told="the Sentinels monitor the primary as", also=(SET, START))
    type_hint(project, 2, "up")
    project.up()
    for number in (1, 2, 3):
        with project.sentinel(number) as watching:
            masters = watching.execute_command("SENTINEL", "MASTERS")
        found = [dict(zip(one[::2], one[1::2], strict=True)) for one in masters]
        assert [(one["name"], one["port"]) for one in found] == [("another", str(project.port + 1))]


def test_an_engine_older_than_the_data(project: Project) -> None:
    new, old = INSTALLED[max(INSTALLED)].path, INSTALLED[min(INSTALLED)].path
    project.init("replication", "--replicas", "1", engine=new)
    stopped(project)
    edit(project, f'engine = "{new}"', f'engine = "{old}"')
    refused(project, told="can't read data that", also=(START,))


@pytest.mark.skipif(TLS is None, reason="no engine here is built with TLS")
def test_a_ca_that_is_lost(project: Project) -> None:
    assert TLS is not None
    project.init("replication", "--replicas", "1", "--tls", engine=TLS.path)
    stopped(project)
    (project.root / ".redistopo" / "tls" / "ca.key").unlink()
    refused(project, told="CA is incomplete", also=(START,))


@pytest.mark.parametrize("password", ["with\tcontrol", ""])
def test_a_password_that_can_not_be_one(project: Project, password: str) -> None:
    pair(project)
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
    pair(project, "--no-auth")
    template = own_templates(project) / "network.conf.j2"
    text = template.read_text()
    opened = text.replace('line("bind", topology.host,', 'line("bind", "0.0.0.0",')
    assert opened != text
    template.write_text(opened)
    refused(project, told="would accept any client", also=(SET,))
    template.write_text(text)
    project.up()
    template.write_text(opened)
    refused(project, told="would accept any client", also=(SET,))


@pytest.mark.parametrize(
    ("shape", "name", "text", "told"),
    spread(
        [
            ("replication", "redis.conf.j2", "{{ nothing.at.all }}", "redis.conf.j2"),
            ("cluster", "nodes.conf.j2", "{% if %}", "nodes.conf.j2"),
            ("sentinel", "sentinel.conf.j2", "{% if %}", "sentinel.conf.j2"),
            ("replication", "users.acl.j2", "user default on nopass ~* +@all\n", "users"),
        ],
        2,
    ),
)
def test_a_template_that_makes_nothing(
    project: Project, shape: str, name: str, text: str, told: str
) -> None:
    acl = ("--acl",) if name == "users.acl.j2" else ()
    instant = ("--formation", "instant") if shape == "cluster" else ()
    project.init(shape, *acl, *instant, engine=ENGINE)
    (own_templates(project) / name).write_text(text)
    refused(project, told=told, also=(SET,))


# The machine


@pytest.mark.parametrize("formed", [False, True])
def test_a_busy_port(project: Project, *, formed: bool) -> None:
    pair(project)
    if formed:
        stopped(project)
    with closing(socket.socket()) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", project.ports[1]))
        holder.listen()
        found = refused(project, told=f"node2: port {project.ports[1]} is in use by")
        assert ("or set port = " in found["hint"]) is not formed
        assert ("redistopo move --port " in found["hint"]) is formed


def test_a_limit_that_is_too_low(project: Project) -> None:
    pair(project)
    told = "a limit of this system is too low"
    ahead = unset(project, "maxclients", "3", told=told)
    edit(project, "\n[redis]\n", '\n[redis]\nmaxclients = "3"\n')
    assert refused(project, told=told) == ahead


# What ends all three in the same way


@pytest.mark.parametrize(
    ("old", "new"), [("shards = 3", "shards = 0"), ('shape = "cluster"', 'shape = "ring"')]
)
def test_a_file_that_is_not_valid(project: Project, old: str, new: str) -> None:
    small(project)
    edit(project, old, new)
    ended = [project.run(*words, "--json") for words in (("plan",), ("up", "--dry-run"), ("up",))]
    assert {one.code for one in ended} == {2}
    assert len({json.dumps(error_of(one.json)) for one in ended}) == 1


def test_an_engine_that_is_not_there(project: Project) -> None:
    pair(project)
    edit(project, f'engine = "{ENGINE}"', 'engine = "5.0"')
    ended = [project.run(*words, "--json") for words in (("up", "--dry-run"), ("up",))]
    assert ended[0].code == ended[1].code != 0
    assert error_of(ended[0].json) == error_of(ended[1].json)
    assert not (project.root / ".redistopo").exists()


# And what the dry run allows, `up` does


def test_the_steps_of_a_dry_run_are_those_of_up(project: Project) -> None:
    pair(project)
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
