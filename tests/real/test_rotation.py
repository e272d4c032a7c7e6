"""Passwords that are changed while everything runs."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from redis import Redis, RedisCluster
from redis.exceptions import AuthenticationError, RedisError
from support.editing import edit
from support.engines import BUNDLED, ENGINES
from support.forms import FULL, spread
from support.judge import client, faults
from support.project import Project
from support.remedies import type_hint
from support.waiting import until


class Writer(threading.Thread):
    """A client at work: each command's failure is kept."""

    def __init__(self, work: "Redis | RedisCluster") -> None:
        super().__init__(daemon=True)
        self._work = work
        self._enough = threading.Event()
        self.written = 0
        self.failures: list[str] = []

    def run(self) -> None:
        while not self._enough.is_set():
            try:
                self._work.set(f"key:{self.written}", self.written)
                self.written += 1
            except RedisError as error:
                self.failures.append(repr(error))

    def finish(self) -> None:
        self._enough.set()
        self.join(10)
        self._work.close()


# users are what differs most between servers; one password alone is tried on the oldest, too
ROTATIONS = [("acl", name) for name in spread(sorted(ENGINES), 2)]
ROTATIONS += [("password", name) for name, one in ENGINES.items() if one == BUNDLED]
ROTATIONS += [("password", name) for name in ENGINES if FULL and "6.2" in name]


@pytest.mark.fault(
    "every password is changed while clients write",
    "no command fails, and afterwards the old password is rejected",
)
@pytest.mark.parametrize(("locks", "engine"), ROTATIONS)
def test_a_rotation_fails_no_command_and_ends_the_old_password(
    project: Project, locks: str, engine: str
) -> None:
    users = ("--acl",) if locks == "acl" else ()
    project.init("cluster", "--formation", "instant", *users, engine=ENGINES[engine].path)
    project.up()
    old = project.password
    writer = Writer(RedisCluster("127.0.0.1", project.port, password=old))
    writer.start()
    until(lambda: writer.written > 50)
    project.run("secret", "rotate", check=0)
    seen = writer.written
    until(lambda: writer.written > seen + 50 or writer.failures)
    writer.finish()
    assert writer.failures == []
    assert project.password != old
    for port in project.ports:
        with client(port, project.password) as node:
            assert node.ping()
        with client(port, old) as node, pytest.raises(AuthenticationError):
            node.ping()
    # links made anew present the new password
    with _admin(project) as node:
        node.execute_command("CLIENT", "KILL", "TYPE", "replica")
    assert project.run("verify").code == 0
    project.run("down", check=0)
    project.up()
    with RedisCluster("127.0.0.1", project.port, password=project.password) as reader:
        assert reader.get("key:7") == b"7"


@contextmanager
def _admin(project: Project) -> "Iterator[Redis]":
    """A client that may do everything, on the first node."""
    admin = project.root / ".redistopo" / "password.admin"
    user = {"username": "admin", "password": admin.read_text().strip()} if admin.exists() else {}
    with Redis(port=project.port, **({"password": project.password} | user)) as node:
        yield node


def test_old_and_new_both_work_until_the_rotation_is_ended(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    old = project.password
    project.run("secret", "rotate", "--keep-old", check=0)
    for secret in (old, project.password):
        for port in project.ports:
            with client(port, secret) as node:
                assert node.ping()
    assert "the old password still works" in project.up().err
    new = project.password
    project.run("secret", "rotate", check=0)
    assert project.password == new
    with client(project.port, old) as node, pytest.raises(AuthenticationError):
        node.ping()


def test_the_old_password_still_works_after_down_and_up(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    old = project.password
    project.run("secret", "rotate", "--keep-old", check=0)
    new = project.password
    project.run("down", check=0)
    project.up()
    for secret in (old, new):
        with client(project.port, secret) as node:
            assert node.ping()
    assert "No new password" in project.run("secret", "rotate", check=0).out
    assert project.password == new
    project.run("secret", "rotate", check=0)
    assert project.password != new


def test_a_password_file_changes_on_running_servers(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    edit(project, '# password_file = ""', 'password_file = "secret"')
    (project.root / "secret").write_text("first password\n")
    project.up()
    refused = project.run("secret", "rotate", check=2)
    assert "holds the password that is in use" in refused.err
    (project.root / "secret").write_text('a "second" \\ one\n')
    assert "redistopo secret rotate" in project.run("up", "--timeout", "5s").err
    project.run("secret", "rotate", check=0)
    assert faults(project.ports, 'a "second" \\ one', cluster=False) == []
    assert project.run("verify").code == 0
    project.up()


def test_a_stopped_topology_comes_up_with_the_new_password(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    old = project.password
    project.run("secret", "rotate", check=0)
    assert project.password != old
    project.up()
    with project.client() as node:
        assert node.ping()
    assert old not in (project.folder(1) / "redis.conf.started").read_text()


def test_a_rotation_that_was_cut_off_is_finished_by_up(project: Project) -> None:
    """Killed when half of the servers knew the new password, and no file did."""
    project.init("replication", engine=BUNDLED.path)
    project.up()
    old, new = project.password, "the-new-one"
    with client(project.port, old) as node:
        node.execute_command("ACL", "SETUSER", "default", f">{new}")
    told = {"passwords": {"default": new}, "keep_old": False, "given": False, "previous": ""}
    (project.root / ".redistopo" / "rotation.json").write_text(json.dumps(told))
    type_hint(project, 1, "start")
    assert project.password == new
    assert project.faults(cluster=False) == []
    with client(project.ports[2], old) as node, pytest.raises(AuthenticationError):
        node.ping()
    assert not (project.root / ".redistopo" / "rotation.json").exists()
