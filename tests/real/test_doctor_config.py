"""`doctor --config` on real servers, started by hand on the file that is looked at."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from redis.exceptions import RedisError
from support.byhand import listening
from support.engines import BUNDLED, ENGINES, INSTALLED
from support.findings import only
from support.judge import client
from support.project import Done, Project
from support.typed_record import RECORDER
from support.waiting import until

from redistopo.doctor.conf_reader import read_conf_file
from redistopo.model.protocol.engine import Engine


@contextmanager
def _by_hand(path: Path, *words: str) -> Iterator[psutil.Popen]:
    """A server on that configuration, as somebody starts it in a shell."""
    argv = [BUNDLED.path, str(path), *words]
    process = psutil.Popen(argv, cwd=path.parent, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_any_configuration_is_told_for_what_it_lets_in(project: Project) -> None:
    port = project.port
    conf = project.root / "by hand.conf"
    conf.write_text(f'bind 127.0.0.1\nport {port}\ninclude "more*.conf"\nsave ""\n')
    (project.root / "more.conf").write_text(
        "BIND 0.0.0.0\nprotected-mode no\nrequirepass no-use\nuser default on nopass ~* &* +@all\n"
    )

    def look(code: int) -> Done:
        return project.run("doctor", "--config", conf.name, "--json", check=code)

    (project.root / "broken.conf").write_text(f"port {port}\nbind 0.0.0.0\nmaxmemry 3mb\n")
    broken = project.run("doctor", "--config", "broken.conf", "--json", check=3)
    refused = only(broken, "config.starts", "fail")
    assert "line 3 `maxmemry 3mb`: " in refused["evidence"]
    assert refused["hint"] == f"${{EDITOR:-vi}} +3 {project.root}/broken.conf"
    # what keeps it from starting comes before its start
    assert "first fix what config.starts reports" in only(broken, "config.running", "warn")["hint"]

    still = look(3)
    assert f"binds 0.0.0.0, port {port}" in only(still, "config.bind", "fail")["evidence"]
    assert "nothing runs at" in only(still, "config.running", "warn")["evidence"]
    assert "first fix what config.bind reports" in only(still, "config.running", "warn")["hint"]
    # its include is found only where the server is started beside it, as here
    assert (
        f"if it is started in {project.root}: " in only(still, "config.starts", "warn")["evidence"]
    )
    # everything in this suite stays on this machine, whatever the file says
    with _by_hand(conf, "--bind", "127.0.0.1") as server:
        listening(port)
        with closing(client(port, "")) as anybody:
            assert anybody.ping()  # its requirepass is of no use
        other = look(3)
        seen = only(other, "config.running", "warn")["evidence"]
        assert f"(pid {server.pid})" in seen
        assert "listens on 127.0.0.1 only, unlike the file" in seen
        server.send_signal(signal.SIGSTOP)
        assert "no reply at" in only(look(3), "config.running", "fail")["evidence"]
        server.send_signal(signal.SIGCONT)

    # the lines that config.bind names are written
    password = project.shell("openssl rand -hex 32").strip()
    RECORDER.types("bind 127.0.0.1 -::1")
    (project.root / "more.conf").write_text(f"bind 127.0.0.1 -::1\nrequirepass {password}\n")
    with _by_hand(conf):
        until(lambda: _answers(port, password))
        mended = look(0)
        assert "requires a password" in only(mended, "config.bind", "ok")["evidence"]
        assert "NOAUTH" in only(mended, "config.running", "ok")["evidence"]
        assert password not in mended.out + mended.err


@pytest.mark.parametrize("said", ["requirepass of-this-file\n", ""])
def test_a_server_that_rejects_the_files_password_runs_with_another_file(
    project: Project, said: str
) -> None:
    here, other = project.root / "here.conf", project.root / "other.conf"
    base = f'bind 127.0.0.1\nport {project.port}\nsave ""\n'
    here.write_text(base + said)
    other.write_text(base + "requirepass of-the-other\n")
    with _by_hand(other) as server:
        until(lambda: _answers(project.port, "of-the-other"))
        done = project.run("doctor", "--config", here, "--json")
        told = only(done, "config.running", "warn")["evidence"]
        assert f"pid {server.pid}" in told
        assert "it doesn't run with this file" in told


def _answers(port: int, password: str) -> bool:
    with closing(client(port, password)) as one, suppress(RedisError):
        return bool(one.ping())
    return False


def test_the_server_that_up_takes_is_asked_first(project: Project) -> None:
    newest = INSTALLED["valkey-9.1.2"]
    project.init("standalone", "--engine", newest.name)
    (project.root / "some.conf").write_text(f"port {project.port}\nbind 127.0.0.1\n")
    told = only(project.run("doctor", "--config", "some.conf", "--json"), "config.starts", "ok")
    assert told["evidence"].startswith("Valkey 9.1.2 accepts")


def test_what_can_be_no_configuration_is_refused(project: Project) -> None:
    (project.root / "folder.conf").mkdir()
    os.mkfifo(project.root / "pipe.conf")
    for name in ("folder.conf", "pipe.conf", "nowhere.conf"):
        assert project.run("doctor", "--config", name, check=2).err


# What would read without end, wait, write or crash, had a server been given it.
HARM = """daemonize yes
supervised systemd
bind 127.0.0.1
pidfile {root}/pid
logfile {root}/log
"logfile" {root}/log
"log"file {root}/log
syslog-enabled yes
unixsocket {root}/sock
dir {root}/data
appendonly yes
cluster-enabled yes
user bob on >hush-hush ~* +@all
requirepass hush-hush
loadmodule {root}/none.so hush-hush
"include" {root}/pipe
inc"lude" /dev/zero
"inc"lude {root}/pipe
rename-command config|get x
sentinel monitor m 127.0.0.1 1 1
sentinel notification-script m /bin/true"""


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_no_line_does_harm_by_being_judged(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    os.mkfifo(tmp_path / "pipe")
    lines = HARM.format(root=tmp_path).split("\n")
    conf = tmp_path / "redis.conf"
    conf.touch()
    before = sorted(tmp_path.rglob("*"))
    begun = time.monotonic()
    # one after the other: what is refused ends it, and the next one is to be reached as well
    for text in ("\n".join(lines[:5]), *lines[5:]):
        conf.write_text(f"port 0\n{text}\n")
        starting = read_conf_file(conf, [engine]).starting
        assert all(not one.unsure for one in starting.tried), text
        assert "hush" not in str(starting)
    assert time.monotonic() - begun < 30  # none of them was waited for
    assert sorted(tmp_path.rglob("*")) == before
    # servers of other tests of this worker that another program ended are zombies here
    left = (one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE)
    assert not [one for one in left if "/dev/stdin" in one.cmdline()]


def test_a_server_that_crashes_leaves_no_core(tmp_path: Path) -> None:
    crash = tmp_path / "server"
    crash.write_text("#!/bin/sh\ncat >/dev/null; echo x >written; kill -SEGV $$\n")
    crash.chmod(0o755)
    conf = tmp_path / "redis.conf"
    conf.write_text("port 0\n")
    (tried,) = read_conf_file(conf, [replace(BUNDLED, path=str(crash))]).starting.tried
    assert tried.unsure.startswith("it crashed (")
    assert {one.name for one in tmp_path.iterdir()} <= {"server", "redis.conf", "written"}
    if sys.platform == "linux":
        assert not (tmp_path / "written").exists() or not (tmp_path / "written").read_text()


def test_ctrl_c_leaves_no_server_behind(project: Project) -> None:
    slow = project.root / "redis-server"
    slow.write_text(
        f'#!/bin/sh\ncase "$*" in */dev/stdin*) exec sleep 61;; esac\nexec {BUNDLED.path} "$@"\n'
    )
    slow.chmod(0o755)
    (project.root / "redis.conf").write_text("port 0\n")
    project.env["REDISTOPO_SERVER"] = str(slow)
    doctor = project.begin("doctor", "--config", "redis.conf")

    def judging() -> list[psutil.Process]:
        found = []
        for one in psutil.Process(doctor.pid).children():
            with suppress(psutil.Error):  # others that it asks come and go
                if one.cmdline() == ["sleep", "61"]:
                    found.append(one)
        return found

    until(judging)
    (server,) = judging()
    doctor.send_signal(signal.SIGINT)
    doctor.communicate(timeout=30)
    assert doctor.returncode == 130
    assert not server.is_running()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read any file")
def test_who_may_read_it_is_told_where_we_may_not(project: Project) -> None:
    conf = project.root / "shut.conf"
    conf.write_text("port 1\n")
    conf.chmod(0)
    refused = project.run("doctor", "--config", conf.name, check=4)
    assert f"sudo redistopo doctor --config {conf}" in refused.err


NOWHERE = {
    "a user with a category that no server has": "port {port}\nuser a on +@nothing\n",
    "only an optional address of another machine": "port {port}\nbind -203.0.113.9\n",
    "an empty bind": 'port {port}\nbind ""\n',
    "no port": "port 0\n",
    "no room for the bus port": "port 60000\ncluster-enabled yes\n",
}


@pytest.mark.parametrize("name", NOWHERE)
def test_a_file_with_which_no_server_starts_is_a_fault(project: Project, name: str) -> None:
    conf = project.root / "redis.conf"
    conf.write_text(NOWHERE[name].format(port=project.port))
    for engine in ENGINES.values():
        argv = [engine.path, str(conf), "--save", ""]
        done = subprocess.run(argv, cwd=project.root, capture_output=True, check=False, timeout=10)
        assert done.returncode == 1, done.stdout
    found = project.run("doctor", "--config", conf.name, "--json", check=3)
    assert "no server starts with it" in only(found, "config.starts", "fail")["evidence"]
