"""Resource limits of this process and its children."""

import os
import resource
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from redistopo.host.all_processes import all_processes
from redistopo.host.ports import ephemeral_range
from redistopo.model.planning.resource_limits import Limits

_UNLIMITED = 1 << 30


def process_limits(needed: int) -> Limits:
    """Return the current limits; tasks are counted only if they may be fewer than `needed`."""
    soft, hard = map(_number, resource.getrlimit(resource.RLIMIT_NOFILE))
    privileged = _may_raise(soft, hard)
    return Limits(
        files=soft,
        # a server raises its soft limit to the hard limit, and with privileges that too
        server_files=max(hard, _most_files()) if privileged else hard,
        tasks=None if privileged or os.getuid() == 0 else _tasks_left(needed),
        processors=_processors(),
        ephemeral=_ephemeral(),
    )


def _processors() -> int:
    """The processors that this process and its children may use; 0 if unknown."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 0


def _ephemeral() -> int:
    """The ports for outgoing connections; 0 if unknown."""
    span = ephemeral_range()
    return span[1] - span[0] + 1 if span else 0


def _number(limit: int) -> int:
    return _UNLIMITED if limit == resource.RLIM_INFINITY else limit


def _may_raise(soft: int, hard: int) -> bool:
    """Whether the hard limit can be raised. This is tried, because capabilities count only in the
    initial user namespace (sys.c, do_prlimit), which root in a container can't determine."""
    if hard >= _UNLIMITED:
        return True
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard + 1))
    except (ValueError, OSError):
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return True


def _most_files() -> int:
    """The kernel's maximum (proc(5), nr_open); 0 if unknown."""
    with suppress(OSError, ValueError):
        return int(Path("/proc/sys/fs/nr_open").read_text(encoding="ascii"))
    return 0


def _tasks_left(needed: int) -> int | None:
    most = _number(resource.getrlimit(resource.RLIMIT_NPROC)[0])
    if most >= _UNLIMITED or most - _all_tasks() >= needed:
        return None
    mine = os.getuid()
    used = 0
    for process in all_processes():
        with suppress(psutil.Error, OSError):
            if process.uids().real == mine:
                used += process.num_threads()
    return max(0, most - used)


def _all_tasks() -> int:
    """Processes and threads of the whole machine (proc(5), loadavg); a high number if unknown."""
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/loadavg").read_text(encoding="ascii")
        return int(text.split()[3].partition("/")[2])
    return _UNLIMITED
