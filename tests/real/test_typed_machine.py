"""What `doctor` prints of the machine, its ports, and any redis.conf, typed as it is printed. The
kernel's settings are those of the test's own network."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from redis.exceptions import RedisError
from support.apart import apart
from support.engines import BUNDLED
from support.findings import found_in
from support.judge import client
from support.network import isolated
from support.project import COMMAND, Done, Project
from support.typed_record import RECORDER
from support.waiting import until

from redistopo.host.kernel_settings import HUGE_PAGES, OVERCOMMIT

QUICK = ("doctor", "--json", "--timeout", "200ms")
HOLDER = "import socket, time; s = socket.create_server(('127.0.0.1', {})); time.sleep(600)"


def _told(project: Project, check: str, *words: str) -> dict[str, str]:
    """The one thing that the check finds."""
    done = project.run(*QUICK, *words)
    (one,) = [one for how in ("fail", "warn") for one in found_in(done, check, how)]
    return dict(one)


def _well(project: Project, check: str, *words: str) -> bool:
    done = project.run(*QUICK, *words)
    return not any(found_in(done, check, how) for how in ("fail", "warn", "unknown"))


def test_the_program_that_holds_a_port_is_ended(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    with subprocess.Popen([sys.executable, "-c", HOLDER.format(project.port)]) as holder:
        try:
            until(lambda: not _well(project, "ports.free"))
            hint = _told(project, "ports.free")["hint"]
            project.shell(hint.partition("stop it (")[2].partition(", if")[0])
            assert holder.wait(10) < 0
        finally:
            holder.kill()
    assert _well(project, "ports.free")
    project.up()
    with project.client() as node:
        assert node.ping()


def test_more_memory_than_there_is_is_lowered_live_and_in_the_file(
    project: Project,
) -> None:
    project.init("standalone", "--set", "maxmemory=900000gb", engine=BUNDLED.path)
    project.up()
    hint = _told(project, "machine.memory")["hint"]
    assert hint.startswith("redistopo set maxmemory SIZE, ")
    project.run("set", "maxmemory", "10mb", check=0)
    assert _well(project, "machine.memory")
    with project.client() as node:
        assert node.config_get("maxmemory") == {"maxmemory": str(10 << 20)}
    assert '"10mb"' in (project.root / "redistopo.toml").read_text()


def test_more_open_files_are_allowed_in_the_shell_that_is_used(project: Project) -> None:
    project.init("cluster", engine=BUNDLED.path)
    few = f"ulimit -S -n 60; {{}}{COMMAND} {' '.join(QUICK)} || true"
    shown = project.shell(few.format(""))
    (told,) = found_in(Done(3, shown, ""), "machine.files", "fail")
    RECORDER.saw("redistopo doctor", shown)
    RECORDER.types(told["hint"])
    shown = project.shell(few.format(f"{told['hint']}; "))
    assert found_in(Done(0, shown, ""), "machine.files", "ok")


KERNEL = {
    "net.ipv4.ip_local_reserved_ports": ("ports.ephemeral", "4000"),
    "net.core.somaxconn": ("machine.backlog", "100"),
}
"""Setting -> the check that prints how to change it, and a value at which it does."""


@pytest.fixture
def own_sudo(project: Project) -> Path:
    """`sudo` is there, and runs what root would."""
    (project.root / "bin").mkdir()
    sudo = project.root / "bin" / "sudo"
    sudo.write_text('#!/bin/sh\nexec "$@"\n')
    sudo.chmod(0o755)
    project.env["PATH"] = f"{sudo.parent}:{project.environment()['PATH']}"
    return sudo


@pytest.fixture
def own_kernel(own_sudo: Path) -> Iterator[Callable[[str], Path]]:
    """The file of a setting, which is this network's own and is put back after the test."""
    before: dict[Path, str] = {}

    def setting(name: str) -> Path:
        path = Path("/proc/sys", *name.split("."))
        if os.geteuid() or not os.access(path, os.W_OK) or not isolated():
            pytest.skip("the kernel's settings are the machine's here")
        before[path] = path.read_text()
        return path

    yield setting
    for path, text in before.items():
        path.write_text(text)


@pytest.mark.parametrize("name", KERNEL)
def test_a_setting_of_the_kernel_is_changed(
    project: Project, own_kernel: Callable[[str], Path], name: str
) -> None:
    check, value = KERNEL[name]
    file = own_kernel(name)
    file.write_text(value)
    port = "40000" if check == "ports.ephemeral" else str(project.port)
    project.run("init", "standalone", "--port", port, check=0)
    hint = _told(project, check)["hint"]
    project.shell(hint[hint.index("sudo ") :])
    assert _well(project, check)
    assert file.read_text().strip().split(",")[0] in (value, "1024")


SHARED = {
    "machine.overcommit": (OVERCOMMIT, "0", "1", "overcommit"),
    "machine.huge-pages": (HUGE_PAGES, "[always] madvise never", "madvise", "huge page"),
}
"""Check -> the file of a setting that all programs of the machine share, a value at which it warns,
the value that its command writes, and what a server's log warns of until then."""


@pytest.mark.parametrize("check", SHARED)
def test_a_setting_that_the_machine_shares_is_changed_in_a_copy_of_its_file(
    project: Project, own_sudo: Path, check: str
) -> None:
    """In a namespace of its own, servers and `doctor` read that copy, and the command writes it."""
    file, before, after, warning = SHARED[check]
    copy = project.root / "setting"
    copy.write_text(f"{before}\n")

    def beside(command: str) -> str:
        done = apart(
            project, "--mount", "sh", "-c", f"mount --bind {copy} {file} && {{ {command}; }}"
        )
        if "mount:" in done.stderr or "unshare" in done.stderr:
            pytest.skip(f"no namespace with mounts here: {done.stderr}")
        return done.stdout

    def warns() -> bool:
        return warning in beside(f"{BUNDLED.path} --port 0 --disable-thp no").lower()

    (project.root / "dump.rdb").write_text("none")  # a server warns, and ends when it loads that
    project.init("standalone", engine=BUNDLED.path)
    shown = beside(f"{project.command} {' '.join(QUICK)}")
    (told,) = found_in(Done(0, shown, ""), check, "warn")
    assert warns()
    RECORDER.saw("redistopo doctor", shown)
    typed = told["hint"].partition("   (")[0]
    RECORDER.types(typed)
    beside(typed)
    assert copy.read_text().strip() == after
    assert not found_in(Done(0, beside(f"{project.command} {' '.join(QUICK)}"), ""), check, "warn")
    assert not warns()


def _answers(port: int) -> bool:
    with closing(client(port)) as node:
        try:
            return bool(node.ping())
        except RedisError:
            return False


def test_a_refused_line_is_edited_and_the_server_started(project: Project) -> None:
    conf, port = project.root / "my.conf", project.port
    conf.write_text(f'port {port}\nbind 127.0.0.1\nmaxmemry 3mb\nsave ""\n')
    editor = project.root / "editor"
    editor.write_text('#!/bin/sh\nsed -i "${1#+}d" "$2"\n')  # it deletes the line that it opens
    editor.chmod(0o755)
    words = ("--config", "my.conf")
    hint = _told(project, "config.starts", *words)["hint"]
    project.env["EDITOR"] = str(editor)
    project.shell(hint)
    assert _well(project, "config.starts", *words)
    start = _told(project, "config.running", *words)["hint"].removeprefix("start it: ")
    project.shell(f"{start} > log 2>&1 & echo $! > pid")
    try:
        until(lambda: _answers(port))
        assert _well(project, "config.running", *words)
        server = psutil.Process(int((project.root / "pid").read_text()))
        server.suspend()
        resume = _told(project, "config.running", *words)["hint"]
        project.shell(resume.partition("stopped (")[2].partition(")")[0])
        until(lambda: _answers(port))
        assert _well(project, "config.running", *words)
    finally:
        project.shell("kill -9 $(cat pid)")
