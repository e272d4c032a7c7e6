"""Users with least privilege, judged by what they can do and what they can't."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError
from support.editing import edit, own_templates
from support.engines import ATOMIC, BUNDLED, ENGINES, WINDOWS
from support.forms import spread
from support.moved import owners
from support.project import Project

from redistopo.model.planning.move_method import MoveMethod, method_of
from redistopo.model.protocol.engine import Engine


def _password(project: Project, user: str) -> str:
    name = "password" if user == "default" else f"password.{user}"
    return (project.root / ".redistopo" / name).read_text().strip()


@contextmanager
def _as(project: Project, user: str, port: int = 0) -> "Iterator[Redis]":
    with Redis(
        port=port or project.port,
        username=user,
        password=_password(project, user),
        decode_responses=True,
    ) as node:
        yield node


@pytest.mark.parametrize("engine", ENGINES)
def test_each_user_does_its_own_work_and_no_other(project: Project, engine: str) -> None:
    project.init("cluster", "--acl", "--formation", "instant", engine=ENGINES[engine].path)
    project.up()
    with _as(project, "default") as node:
        assert node.execute_command("CLUSTER SLOTS")
        assert node.info("server")["redis_version"]
        node.set("{06S}mine", "yes")
        for words in ("CONFIG GET maxmemory", "FLUSHALL", "KEYS *", "ACL LIST", "REPLICAOF NO ONE"):
            with pytest.raises(NoPermissionError):
                node.execute_command(*words.split())
    with _as(project, "replication") as node:
        assert node.ping()
        moves = ENGINES[engine].exports_slots_as_replication_user
        assert moves is (engine.startswith("valkey-9"))
        for words in (
            *("GET {06S}mine", "INFO", "FLUSHALL", "CONFIG GET maxmemory"),
            *(() if moves else ("SET {06S}mine no",)),  # slots are moved by writing their keys
        ):
            with pytest.raises(NoPermissionError):
                node.execute_command(*words.split())
    with _as(project, "admin") as node:
        assert node.config_get("maxmemory")
    with _as(project, "admin", project.ports[3]) as node:
        assert node.info("replication")["master_link_status"] == "up"
        assert node.config_get("masteruser")["masteruser"] == "replication"
    assert project.run("verify").code == 0


def test_a_user_who_was_given_too_much_is_found_and_set_back(project: Project) -> None:
    project.init("replication", "--acl", engine=BUNDLED.path)
    project.up()
    with _as(project, "admin", project.ports[1]) as node:
        node.execute_command("ACL", "SETUSER", "default", "+config")
    done = project.run("verify", check=3)
    assert "default can run CONFIG GET" in done.out
    project.up()
    with _as(project, "default", project.ports[1]) as node, pytest.raises(NoPermissionError):
        node.config_get("maxmemory")
    assert project.run("verify").code == 0


def test_an_application_gets_the_rights_that_its_file_says(project: Project) -> None:
    project.init("standalone", "--acl", engine=BUNDLED.path)
    project.up()
    path = project.root / "redistopo.toml"
    text = path.read_text()
    narrow = 'application_rights = "+@read +@write +@connection +config"'
    path.write_text(text.replace('# application_rights = "+@all -@admin -@dangerous"', narrow))
    assert path.read_text() != text
    with _as(project, "default") as held:
        held.set("kept", "yes")
        project.up()
        # applied while it runs, and nobody was thrown out for it
        assert held.get("kept") == "yes"
        assert held.config_get("maxmemory")
        with pytest.raises(NoPermissionError):
            held.execute_command("PUBLISH", "there", "hello")
    assert project.run("verify").code == 0


OPENED = {
    "a user without password": ("ACL SETUSER evil on nopass ~* &* +@all", "user evil"),
    "more for the application": (
        "ACL SETUSER default +flushall",
        "of user default were changed",
    ),
    "keys for the replica": (
        "ACL SETUSER replication ~* +dump",
        "of user replication were changed",
    ),
}


# servers tell rules in forms of their own: one case on each
CHANGED = [(case, BUNDLED.path) for case in OPENED]
CHANGED += [("more for the application", one.path) for one in ENGINES.values() if one != BUNDLED]


@pytest.mark.parametrize(("case", "engine"), CHANGED)
def test_users_changed_by_hand_are_found_and_set_back(
    project: Project, case: str, engine: str
) -> None:
    command, told = OPENED[case]
    project.init("standalone", "--acl", engine=engine)
    project.up()
    assert project.run("verify").code == 0
    with _as(project, "admin") as node:
        node.execute_command(*command.split())
        assert told in project.run("verify", check=3).out
        project.up()
        assert project.run("verify").code == 0
        assert node.execute_command("ACL", "USERS") == ["admin", "default", "replication"]


def test_a_template_that_lets_everybody_in_is_refused(project: Project) -> None:
    project.init("standalone", "--acl", engine=BUNDLED.path)
    project.up()
    users = own_templates(project) / "users.acl.j2"
    whole = users.read_text()
    for bad in (whole + "user evil on nopass ~* +@all\n", whole + "\nx\n", ""):
        users.write_text(bad)
        assert "invalid users" in project.run("up", check=2).err
    with _as(project, "admin") as node:
        assert node.execute_command("ACL", "USERS") == ["admin", "default", "replication"]


def test_an_application_that_may_only_read_is_proven_all_the_same(project: Project) -> None:
    project.init("standalone", "--acl", engine=BUNDLED.path)
    path = project.root / "redistopo.toml"
    only = 'application_rights = "+@read +@connection"'
    edit(project, '# application_rights = "+@all -@admin -@dangerous"', only)
    project.up()
    assert project.run("verify").code == 0
    whole = path.read_text()
    path.write_text(whole.replace("+@read ", "+@nosuch "))
    for _again in range(2):
        assert "rejects the rules" in project.run("up", check=2).err
    path.write_text(whole)
    project.up()
    assert project.run("verify").code == 0


def test_locks_are_not_changed_under_running_servers(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    edit(project, "# acl = false", "acl = true")
    for words in (("up",), ("up", "--dry-run")):
        refused = project.run(*words, check=2)
        assert "redistopo down, then up" in refused.err
    assert len(project.servers()) == 1
    assert "servers run without it" in project.run("verify", check=3).out
    project.run("down", check=0)
    project.up()
    with _as(project, "admin") as node:
        assert node.execute_command("ACL WHOAMI") == "admin"


def test_users_need_passwords(project: Project) -> None:
    refused = project.run("init", "standalone", "--acl", "--no-auth", check=2)
    assert "acl: is true while auth is false" in refused.err


_SLOT_RIGHTS = (
    (ATOMIC, "+cluster|syncslots", "", "user replication lacks +cluster|syncslots"),
    (WINDOWS, "~* &* +@all", "~* &* +@all -migrate", "user admin lacks +migrate"),
    (
        BUNDLED,
        "~* &* +@all",
        "~* &* +@all -cluster|migration",
        "user admin lacks +cluster|migration",
    ),
)
"""Each way to move slots; with TESTS_ENGINE all are that engine, which has one of the ways."""

_NEEDED = {
    MoveMethod.MIGRATE_SLOTS: "+cluster|syncslots",
    MoveMethod.MIGRATE: "+migrate",
    MoveMethod.MIGRATION_IMPORT: "+cluster|migration",
}

_SLOT_RIGHTS_HERE = [row for row in _SLOT_RIGHTS if row[3].endswith(_NEEDED[method_of(row[0])])]


@pytest.mark.parametrize(("engine", "rule", "other", "told"), spread(_SLOT_RIGHTS_HERE, 1))
def test_slots_move_only_if_the_users_have_the_rights(
    project: Project, engine: Engine, rule: str, other: str, told: str
) -> None:
    """What is missing is named before anything changes, and granted by `up`."""
    project.init("cluster", "--acl", "--shards", "2", "--formation", "instant", engine=engine.path)
    users = own_templates(project) / "users.acl.j2"
    whole = users.read_text()
    users.write_text(whole.replace(rule, other))
    project.up()
    before = owners(project)
    refused = project.run("move-slots", "5", "--to", "node2", check=1).err
    assert told in refused
    refused = project.run("scale", "--shards", "3", check=1).err
    assert told in refused
    assert owners(project) == before
    assert not project.job.exists()
    users.write_text(whole)
    project.up()  # the remedy that it prints
    project.run("move-slots", "5", "--to", "node2", check=0)
    assert owners(project)[5] == project.port + 1
