"""Server processes: starts, identifies and ends ours, and never another process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import psutil

from redistopo.errors import MissingPrerequisite, TimedOut
from redistopo.host.files import private_folder, read_json, refuse_links, write_errors
from redistopo.host.own_children import child_runs, remember_child
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.process_marks import load_process_mark, save_process_mark
from redistopo.host.run_program import clean_environment
from redistopo.host.safe_open import open_to_write
from redistopo.host.server_log import LOG_MARK
from redistopo.host.working_folders import REMOVED, working_in
from redistopo.model.state.record import ProcessMark
from redistopo.model.topology.project_paths import STATE_FOLDER, Layout, NodeFolder

Started = psutil.Popen
"""A child of this program, which can reap it."""

SERVERS = ("redis-server", "valkey-server", "redis-check-rdb", "valkey-check-rdb")


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return the boot id of the machine; "" if the system has none."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def started_at(pid: int) -> float:
    """Return a process's start time: clock ticks since boot on Linux, else seconds since the epoch.

    Raises psutil.NoSuchProcess.
    """
    if sys.platform == "linux":
        # psutil adds the boot time, which changes with the system clock; the ticks don't.
        # proc(5): field 22, counted after the command name, which may hold spaces.
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError) as error:
            raise psutil.NoSuchProcess(pid) from error
        return float(text.rpartition(")")[2].split()[19])
    return psutil.Process(pid).create_time()


def launch(layout: Layout, node: str, executable: str, settings: Mapping[str, str]) -> Started:
    """Start a node's server, detached in its own session and folder, and record it; `settings` are
    in place of those in its file.

    The intent is recorded first, so that the server is found even if redistopo is killed right
    after the start. Raises MissingPrerequisite if the program can't be run.
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
    process = _spawn(folder, executable, settings)
    remember_child(process)
    try:
        mark = replace(mark, pid=process.pid, started=started_at(process.pid), launching=False)
        save_process_mark(folder.process, mark)
    except psutil.NoSuchProcess:
        pass  # it ended at once, which the caller will notice
    except BaseException:  # Ctrl-C too: it isn't recorded, so nothing would stop it
        process.kill()
        process.wait()
        raise
    return process


def _spawn(folder: NodeFolder, executable: str, settings: Mapping[str, str]) -> Started:
    private_folder(folder.root)
    refuse_links(folder.root)  # the server would follow them
    with write_errors(folder.log):
        log = open_to_write(folder.log, os.O_WRONLY | os.O_APPEND)
        os.write(log, f"{LOG_MARK}\n".encode())
    words = [word for name, value in settings.items() for word in (f"--{name}", value)]
    try:
        return psutil.Popen(
            [executable, str(folder.config), *(["--sentinel"] if folder.sentinel else []), *words],
            cwd=folder.root,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            umask=0o077,  # the server creates dump.rdb and the AOF with its own umask
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
    """Find the node's running process; None if there is none.

    It is identified by its recorded pid, start time and boot, and by its working folder, since
    in a copy of a project the record is that of the original. If the record is of no use (a start
    interrupted before the pid was recorded, a folder copied over this one), a server whose working
    folder is the node's is found. Writes nothing: see `adopt_process`. A folder behind a symbolic
    link isn't ours.
    """
    folder = layout.node(node)
    if folder.root.is_symlink() or layout.nodes.is_symlink() or layout.state.is_symlink():
        return None
    return _marked(folder) or _unmarked(layout, node)


def adopt_process(layout: Layout, node: str) -> None:
    """Find the node's process and record it; for verbs that hold the lock."""
    process, folder = find_process(layout, node), layout.node(node)
    if process is not None and _marked(folder) is None:
        with suppress(psutil.Error, OSError):  # it has just ended
            mark = make_mark(process, node, str(folder.config))
            save_process_mark(folder.process, replace(mark, executable=process.exe()))


def _marked(folder: NodeFolder) -> psutil.Process | None:
    """The recorded process, if it runs and has that working folder, or left it."""
    mark = load_process_mark(folder.process)
    process = process_of_mark(mark) if mark is not None and mark.pid else None
    if mark is None or process is None:
        return None
    if has_working_folder(process, folder.root):
        return process
    return process if mark.config == str(folder.config) and _left_it(process, folder) else None


def _left_it(process: psutil.Process, folder: NodeFolder) -> bool:
    """Whether the process is the node's server, which left its folder by a CONFIG SET dir.

    If it works in another node's folder, this one is a copy of that one, which was moved. A mark
    can be forged for any process; but only the node's own server writes to its log.
    """
    try:
        left = STATE_FOLDER not in Path(process.cwd()).parts
        return left and serves(process) and _writes_to(process.pid, folder.log)
    except (psutil.Error, OSError):
        return False


def _writes_to(pid: int, log: Path) -> bool:
    """Whether a process's stdout is that file, also if it was removed; True if nothing tells."""
    stdout = f"/proc/{pid}/fd/1"
    if sys.platform != "linux" or os.readlink(stdout) == f"{log}{REMOVED}":  # noqa: PTH115
        return True
    return os.path.samestat(Path(stdout).stat(), log.stat())


def process_of_mark(mark: ProcessMark) -> psutil.Process | None:
    """Return the running process with the pid, start time and boot of a mark, if any."""
    if mark.boot != boot_id():
        return None
    try:
        if started_at(mark.pid) != mark.started:
            return None
        process = psutil.Process(mark.pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process
        child_runs(mark.pid)  # so that it is reaped
        return None
    except psutil.NoSuchProcess:
        return None


def make_mark(process: psutil.Process, name: str, config: str = "") -> ProcessMark:
    """Create the mark of a process; raises psutil.NoSuchProcess if it has ended."""
    return ProcessMark(
        node=name,
        pid=process.pid,
        started=started_at(process.pid),
        boot=boot_id(),
        executable="",
        config=config,
    )


def has_working_folder(process: psutil.Process, folder: Path) -> bool:
    """Whether the process's working folder is that one; False if the system doesn't show it."""
    try:
        return Path(process.cwd()).samefile(folder)
    except (psutil.Error, NotImplementedError, OSError):
        return False


def _unmarked(layout: Layout, node: str) -> psutil.Process | None:
    """A server whose working folder is the node's, whatever is recorded, or was, before it was
    removed; also one that was started by hand after redistopo had stopped the node."""
    folder = layout.node(node)
    if not (folder.process.exists() or folder.pidfile.exists() or layout.record.exists()):
        return None
    for pid in working_in(folder.root):
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if serves(process) and (not lost_folder(process) or _of_record(process, layout)):
                return process
    return None


def _of_record(process: psutil.Process, layout: Layout) -> bool:
    """Whether a process started after the topology was recorded: one whose folder was removed may
    be of an earlier topology in the same place."""
    created = (read_json(layout.record) or {}).get("created")
    with suppress(TypeError, ValueError):
        since = datetime.fromisoformat(str(created)).timestamp()
        return _began(process) >= since
    return False


def _began(process: psutil.Process) -> float:
    """When a process began; on Linux, psutil adds its ticks to a boot time in whole seconds."""
    if sys.platform != "linux":
        return process.create_time()
    since_boot = started_at(process.pid) / os.sysconf("SC_CLK_TCK")
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + since_boot


def serves(process: psutil.Process) -> bool:
    """Return whether a process is a server, not its child that saves, nor a file checker.

    On Debian all of these are one program. Their titles differ: a child changes its title
    (server.c, redisSetProcTitle), and a checker doesn't have a server's.
    """
    if process.status() == psutil.STATUS_ZOMBIE:
        return False
    program = Path(process.exe().removesuffix(" (deleted)")).name
    title = "".join(process.cmdline()[:1])
    word = title if title.startswith("/") else title.partition(" ")[0]
    return program in SERVERS and "server" in Path(word).name


def server_of_script(layout: Layout, node: str) -> psutil.Process | None:
    """Find the server that the node's started program runs beside itself, as a script does that
    doesn't become the server: it works in the node's folder, and isn't older than the record."""
    folder = layout.node(node)
    mark = load_process_mark(folder.process)
    if mark is None:
        return None
    # it may have detached itself a moment ago
    for pid in working_in(folder.root, anew=True):
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if pid != mark.pid and started_at(pid) >= mark.started and serves(process):
                return process
    return None


def lost_folder(process: psutil.Process) -> bool:
    """Return whether a process's working folder was removed; False if the system doesn't show it.

    psutil leaves out what proc(5) appends.
    """
    with suppress(OSError):
        return os.readlink(f"/proc/{process.pid}/cwd").endswith(REMOVED)  # noqa: PTH115
    return False


def is_paused(process: psutil.Process) -> bool:
    """Return whether a process is paused, by SIGSTOP or a debugger."""
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False


def signal_process(process: psutil.Process, number: signal.Signals) -> None:
    """Send a signal, unless the process has ended; psutil refuses a reused pid.

    The pid may be reused after psutil's proof, so that a descriptor of the process is opened before
    it, which stays that process's (pidfd_open(2), Linux 5.3).
    """
    handle = None
    with suppress(AttributeError, OSError):  # none there, or forbidden
        handle = os.pidfd_open(process.pid)
    try:
        if handle is None:
            process.send_signal(number)
        elif process.is_running():
            signal.pidfd_send_signal(handle, number)
    except (psutil.NoSuchProcess, ProcessLookupError):
        pass
    except PermissionError as error:
        raise psutil.AccessDenied(process.pid) from error
    finally:
        if handle is not None:
            os.close(handle)


def await_end(processes: list[psutil.Process], deadline: Deadline) -> list[psutil.Process]:
    """Wait until processes end; return those that still run at the deadline.

    A zombie has ended: its parent, an earlier redistopo, is gone, so init reaps it. Our own
    children are reaped here.
    """
    alive = list(processes)

    def all_ended() -> bool | None:
        alive[:] = [process for process in alive if _runs(process)]
        return None if alive else True

    with suppress(TimedOut):
        wait_for(all_ended, deadline, lambda: "", pause=0.002)
    return alive


def _runs(process: psutil.Process) -> bool:
    runs = child_runs(process.pid)  # a pid is not reused before it is reaped
    if runs is not None:
        return runs
    try:
        return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
