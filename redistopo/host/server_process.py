"""Server processes: launched, recognised for good, and ended; never one that isn't ours."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import psutil

from redistopo.errors import MissingPrerequisite, TimedOut
from redistopo.host.files import private_folder, write_errors
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.process_marks import load_process_mark, save_process_mark
from redistopo.host.run_program import clean_environment
from redistopo.host.server_log import LOG_MARK
from redistopo.model.state.record import ProcessMark
from redistopo.model.topology.project_paths import Layout, NodeFolder

Started = psutil.Popen
"""A process that this very program started, and so can reap."""

_children: dict[int, Started] = {}
"""By pid: the servers that this very program started and has not seen end. Whoever embeds
redistopo would else keep a zombie of each, and be warned of a process left running."""

SERVERS = ("redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb")


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Names this boot of the machine; "" where the system has no such name."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def started_at(pid: int) -> float:
    """Return a process's start time: clock ticks since boot on Linux, else seconds since the epoch.

    Raises psutil.NoSuchProcess.
    """
    if sys.platform == "linux":
        # psutil adds the boot time, which moves with the system's clock; the ticks don't.
        # proc(5): field 22, counted after the command name, which may hold spaces.
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError) as error:
            raise psutil.NoSuchProcess(pid) from error
        return float(text.rpartition(")")[2].split()[19])
    return psutil.Process(pid).create_time()


def launch(layout: Layout, node: str, executable: str) -> Started:
    """The node's server runs, detached in a session of its own, and is on record.

    Its folder is its working folder and its log gets what it prints. The intent is on
    record before the start, so that a server is found even if we die right after.
    Raises MissingPrerequisite where the program can't be run.
    """
    folder = layout.node(node)
    mark = ProcessMark(
        node=node,
        pid=0,
        started=0,
        boot=boot_id(),
        executable=executable,
        config=str(folder.config),
        launching=True,
    )
    save_process_mark(folder.process, mark)
    process = _spawn(folder, executable)
    _children[process.pid] = process
    try:
        mark = replace(mark, pid=process.pid, started=started_at(process.pid), launching=False)
        save_process_mark(folder.process, mark)
    except psutil.NoSuchProcess:
        pass  # it ended at once: whoever waits for it sees that
    except BaseException:  # Ctrl-C too: it isn't on record, so nobody would ever stop it
        process.kill()
        process.wait()
        raise
    return process


def _spawn(folder: NodeFolder, executable: str) -> Started:
    private_folder(folder.root)
    with write_errors(folder.log):
        log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(log, f"{LOG_MARK}\n".encode())
    try:
        return psutil.Popen(
            [executable, str(folder.config), *(["--sentinel"] if folder.sentinel else [])],
            cwd=folder.root,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,  # dump.rdb and the AOF are made by the server, with its own umask
        )
    except OSError as error:
        raise MissingPrerequisite(
            f"can't run {executable}",
            detail=error.strerror or str(error),
            hint="`redistopo engines` lists the servers on this machine",
        ) from error
    finally:
        os.close(log)


def find_process(layout: Layout, node: str) -> psutil.Process | None:
    """The node's running process, proven ours; None where there is none.

    Proven by pid, start time and boot as recorded, and by its working folder: in a copy
    of a project the record names the original's processes, but they work elsewhere. Where
    the record proves nothing (a launch cut off before its pid was recorded, a folder copied
    over this one), a server that works in this very folder is found; nothing is written: see
    `adopt_process`. What lies behind a symbolic link is somebody else's.
    """
    folder = layout.node(node)
    if folder.root.is_symlink() or layout.nodes.is_symlink() or layout.state.is_symlink():
        return None
    return _marked(folder) or _unmarked(folder)


def adopt_process(layout: Layout, node: str) -> psutil.Process | None:
    """The same process, which is on record from now on; for verbs that hold the lock."""
    process, folder = find_process(layout, node), layout.node(node)
    if process is not None and _marked(folder) is None:
        with suppress(psutil.Error, OSError):  # it ended just now
            mark = make_mark(process, node, str(folder.config))
            save_process_mark(folder.process, replace(mark, executable=process.exe()))
    return process


def _marked(folder: NodeFolder) -> psutil.Process | None:
    """The process on record, if it still runs, and works in that folder."""
    mark = load_process_mark(folder.process)
    process = process_of_mark(mark) if mark is not None and mark.pid else None
    return process if process and has_working_folder(process, folder.root) else None


def process_of_mark(mark: ProcessMark) -> psutil.Process | None:
    """The process of that mark, if it still runs: the same pid, start and boot."""
    if mark.boot != boot_id():
        return None
    try:
        if started_at(mark.pid) != mark.started:
            return None
        process = psutil.Process(mark.pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process
        if (child := _children.get(mark.pid)) and child.poll() is not None:
            del _children[mark.pid]
        return None
    except psutil.NoSuchProcess:
        return None


def make_mark(process: psutil.Process, name: str, config: str = "") -> ProcessMark:
    """What names that process for good; raises psutil.NoSuchProcess where it has ended."""
    return ProcessMark(
        node=name,
        pid=process.pid,
        started=started_at(process.pid),
        boot=boot_id(),
        executable="",
        config=config,
    )


def has_working_folder(process: psutil.Process, folder: Path) -> bool:
    """Whether the process's working folder is that one; True if the system doesn't show it."""
    try:
        return Path(process.cwd()).samefile(folder)
    except (psutil.AccessDenied, NotImplementedError):
        return True
    except (psutil.ZombieProcess, OSError):
        return False


def _unmarked(folder: NodeFolder) -> psutil.Process | None:
    """A server that works in this node's own folder, whatever is on record.

    After a server ended by itself or by `down`, neither its mark nor its pidfile is there:
    then nobody is looked for, which spares a look at each process of the machine.
    """
    if not (folder.process.exists() or folder.pidfile.exists()):
        return None
    for pid in _working_in(folder.root):
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if serves(process):
                return process
    return None


def serves(process: psutil.Process) -> bool:
    """Whether it is a server itself: no child of one that saves, no checker of its files.

    All of these are one program (on Debian); they differ by their title, which a child
    changes (server.c, redisSetProcTitle) and a checker never bears.
    """
    if process.status() == psutil.STATUS_ZOMBIE:
        return False
    program = Path(process.exe().removesuffix(" (deleted)")).name
    title = "".join(process.cmdline()[:1])
    word = title if title.startswith("/") else title.partition(" ")[0]
    return program in SERVERS and "server" in Path(word).name


def _working_in(folder: Path) -> Iterator[int]:
    """Pids of all processes whose working folder is that one, as far as we may see them."""
    if not folder.is_dir():
        return
    if sys.platform == "linux":
        wanted = str(folder.resolve())
        for entry in Path("/proc").iterdir():
            # not by psutil: it reads each process's start time, and this is done often; nor by
            # pathlib, which makes a path of each link
            with suppress(OSError):
                if entry.name.isdigit() and os.readlink(entry / "cwd") == wanted:  # noqa: PTH115
                    yield int(entry.name)
        return
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if Path(process.cwd()).samefile(folder):
                yield process.pid


def is_paused(process: psutil.Process) -> bool:
    """Whether it was stopped, by SIGSTOP or a debugger, and would go on at SIGCONT."""
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False


def signal_process(process: psutil.Process, number: signal.Signals) -> None:
    """The process got the signal, or had ended; psutil refuses a pid that was reused."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def await_end(processes: list[psutil.Process], deadline: Deadline) -> list[psutil.Process]:
    """Those that still run at the deadline.

    A zombie has ended: whoever started it, an earlier redistopo, is gone, and how soon
    init reaps it is init's affair. Our own children are reaped here.
    """
    alive = list(processes)

    def look() -> bool | None:
        alive[:] = [process for process in alive if _runs(process)]
        return None if alive else True

    with suppress(TimedOut):
        wait_for(look, deadline, lambda: "", pause=0.002)
    return alive


def _runs(process: psutil.Process) -> bool:
    process = _children.get(process.pid, process)  # a pid is not reused before it is reaped
    if isinstance(process, psutil.Popen):
        if process.poll() is None:
            return True
        _children.pop(process.pid, None)
        return False
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
