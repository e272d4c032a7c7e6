"""Passwords: seen by nobody, changed while everything runs."""

import ast
import json
import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from redis import Redis, RedisCluster
from redis.exceptions import AuthenticationError, RedisError
from support.engines import BUNDLED, ENGINES
from support.judge import client, faults
from support.project import COMMAND, Project
from support.waiting import until

LOCKS = {"password": (), "acl": ("--acl",)}


def _secrets(project: Project) -> list[str]:
    """Every password that was made."""
    found = [path.read_text().strip() for path in (project.root / ".redistopo").glob("password*")]
    assert found
    assert all(found)
    return found


@pytest.mark.parametrize("locks", LOCKS)
def test_no_password_is_seen_anywhere(project: Project, locks: str) -> None:
    """Not in any argv or environment, not in output, not in a file that others may read."""
    project.init("cluster", *LOCKS[locks], engine=BUNDLED.path)
    words = [("up",), ("up", "--json"), ("verify", "--json"), ("verify",), ("status", "--json")]
    words += [("plan", "--json"), ("ps", "--json"), ("up", "--dry-run", "--json")]
    told = "".join(done.out + done.err for done in (project.run(*some) for some in words))
    with project.client() as node:
        node.config_set("maxmemory", "7mb") if locks == "password" else None
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace("[redis]", '[redis]\nmaxmemory = "9mb"'))
    told += "".join(project.run(*some).out for some in (("plan", "--json"), ("up", "--json")))
    told += (project.root / ".redistopo" / "formation.log").read_text()
    told += "".join((project.folder(n) / "redis.log").read_text() for n in range(1, 7))
    for secret in _secrets(project):
        assert secret not in told
        for process in psutil.process_iter():
            with _gone_is_fine():
                assert secret not in " ".join(process.cmdline())
                assert secret not in str(process.environ())
    assert _open_to_others(project.root / ".redistopo") == []
    holding = [secret for secret in _secrets(project) if _outside(project, secret)]
    assert holding == []


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    with suppress(psutil.Error):
        yield


def _open_to_others(folder: Path) -> list[str]:
    """Files and folders that anybody but their owner may read."""
    paths = [folder, *folder.rglob("*")]
    return [str(path) for path in paths if stat.S_IMODE(path.lstat().st_mode) & 0o077]


def _outside(project: Project, secret: str) -> list[str]:
    """Files that hold the secret and aren't in the state folder."""
    return [
        str(path)
        for path in project.root.rglob("*")
        if path.is_file()
        and ".redistopo" not in path.parts
        and secret in path.read_text(errors="replace")
    ]


def test_a_drifted_password_is_not_told_in_json(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    with project.client(project.ports[1]) as node:
        node.config_set("masterauth", "something else")
    said = project.run("plan", "--json", check=0).out
    assert "masterauth" in said
    assert project.password not in said


def test_a_password_in_a_line_that_redis_rejects_is_not_told(project: Project) -> None:
    """Redis prints the line that it doesn't understand; we don't repeat what it says."""
    project.init("standalone", engine=BUNDLED.path)
    project.run("templates", "export", "mine", check=0)
    (project.root / "mine" / "conf" / "security.conf.j2").write_text(
        "requirepass {{ password }} and more\n"
    )
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace('# templates = ""', 'templates = "mine"'))
    failed = project.run("up", check=1)
    assert "requirepass" in failed.err
    assert project.password not in failed.err


def test_the_whole_path_needs_no_network_but_loopback(project: Project) -> None:
    """In a network of its own, with nothing in it but loopback."""
    script = (
        f"ip link set lo up && {COMMAND} init cluster --port {project.port} "
        f"--engine {BUNDLED.path} && {COMMAND} up && {COMMAND} verify && {COMMAND} down"
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", script],
        cwd=project.root, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    assert "6 servers stopped" in done.stdout


NETWORKERS = {"http", "urllib.request", "ftplib", "smtplib", "requests", "httpx", "xmlrpc"}


def test_no_module_knows_how_to_talk_to_anything_else(pytestconfig: pytest.Config) -> None:
    for path in (pytestconfig.rootpath / "redistopo").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {name for name in names if name in NETWORKERS}, path


def test_secret_show_is_the_one_command_that_prints_it(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    assert "no password was made yet" in project.run("secret", "show", check=2).err
    project.up()
    assert project.run("secret", "show", check=0).out.strip() == project.password
    assert "no user admin" in project.run("secret", "show", "--user", "admin", check=2).err


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
ROTATIONS = [("acl", name) for name in ENGINES]
ROTATIONS += [("password", name) for name, one in ENGINES.items() if one == BUNDLED]
ROTATIONS += [("password", name) for name in ENGINES if "6.2" in name]


@pytest.mark.fault(
    "every password is changed while clients write",
    "no command fails, and afterwards the old password is refused",
)
@pytest.mark.parametrize(("locks", "engine"), ROTATIONS)
def test_a_rotation_fails_no_command_and_ends_the_old_password(
    project: Project, locks: str, engine: str
) -> None:
    project.init("cluster", "--formation", "instant", *LOCKS[locks], engine=ENGINES[engine].path)
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


def test_another_password_is_told_at_once_and_never_made(project: Project) -> None:
    project.env["REDISTOPO_PASSWORD"] = "given by me"
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    del project.env["REDISTOPO_PASSWORD"]
    for words in (("up",), ("plan",), ("secret", "show")):
        assert "another password" in project.run(*words, check=2).err
    assert not (project.root / ".redistopo" / "password").exists()


def test_a_template_that_says_the_password_does_not_make_us_say_it(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.run("templates", "export", "mine", check=0)
    security = project.root / "mine" / "conf" / "security.conf.j2"
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace('# templates = ""', 'templates = "mine"'))
    for line in ("requirepas {{ password }}", "{% include password %}", "{{ {}[password] }}"):
        security.write_text(line + "\n")
        failed = project.run("up", "--json")
        assert failed.code in (1, 2)
        assert project.password not in failed.out + failed.err
        for name in ("events.jsonl", "failure.json"):
            kept = project.root / ".redistopo" / name
            assert not kept.exists() or project.password not in kept.read_text()


def test_half_written_files_with_old_passwords_are_swept(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    left = [project.root / ".redistopo" / ".password.4711", project.folder(1) / ".redis.conf.4711"]
    for path in left:
        path.write_text("an old one")
    project.up()
    assert not any(path.exists() for path in left)


def test_a_password_file_changes_on_running_servers(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace('# password_file = ""', 'password_file = "secret"'))
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
    project.up()
    assert project.password == new
    assert project.faults(cluster=False) == []
    with client(project.ports[2], old) as node, pytest.raises(AuthenticationError):
        node.ping()
    assert not (project.root / ".redistopo" / "rotation.json").exists()


@pytest.mark.fault(
    "somebody plants a link, or a folder of their own, in the state folder",
    "it is refused before anything is read or written (exit 4)",
)
def test_planted_links_and_foreign_owners_are_refused(project: Project, tmp_path: Path) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    secret = project.root / ".redistopo" / "password"
    elsewhere = tmp_path / "elsewhere"
    secret.rename(elsewhere)
    secret.symlink_to(elsewhere)
    assert "is a symbolic link" in project.run("up", check=4).err
    secret.unlink()
    elsewhere.rename(secret)
    if os.geteuid() == 0:
        os.chown(project.folder(1), 65534, 65534)
        assert "belongs to another user (uid 65534" in project.run("up", check=4).err
        os.chown(project.folder(1), 0, 0)
    project.up()


@pytest.mark.fault(
    "a template opens a server to everybody, without a password",
    "refused before it is written",
)
def test_a_template_that_opens_the_door_is_refused(project: Project) -> None:
    project.init("standalone", "--no-auth", engine=BUNDLED.path)
    project.run("templates", "export", "mine", check=0)
    network = project.root / "mine" / "conf" / "network.conf.j2"
    network.write_text("bind 0.0.0.0\nport {{ node.port }}\nprotected-mode no\n")
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace('# templates = ""', 'templates = "mine"'))
    refused = project.run("up", check=2)
    assert "open to everybody who can reach 0.0.0.0" in refused.err
    assert project.servers() == []
