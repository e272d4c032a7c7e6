"""What this machine and its processes allow: kernel, memory, disk, limits, versions."""

import os
import platform
import resource
import shutil
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from redistopo.world.ports import ephemeral_range

_LIMITS = ("NOFILE", "NPROC", "AS", "CORE", "DATA", "FSIZE", "MEMLOCK", "STACK")

_OF_PROCESS = (
    "status", "create_time", "num_threads", "num_fds", "exe", "cpu_times", "memory_info",
)  # fmt: skip

_KERNEL = (
    "/proc/sys/vm/overcommit_memory",
    "/proc/sys/net/core/somaxconn",
    "/proc/sys/net/ipv4/ip_local_port_range",
    "/proc/sys/net/ipv4/tcp_max_syn_backlog",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/pids.max",
    "/sys/fs/cgroup/cpu.max",
)
"""What Redis warns of in its log, and what a container limits; absent elsewhere."""


def facts(folder: Path) -> Mapping[str, object]:
    """The machine now; sizes in bytes, times in seconds. What can't be told is left out."""
    found: dict[str, object] = {
        "system": platform.platform(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "user": os.geteuid(),
        "limits": {name: _limit(name) for name in _LIMITS if hasattr(resource, f"RLIMIT_{name}")},
        "kernel settings": _settings(),
        "ephemeral ports": ephemeral_range(),
    }
    with suppress(OSError):
        found["load"] = os.getloadavg()
        found["disk"] = dict(zip(("total", "used", "free"), shutil.disk_usage(folder), strict=True))
    with suppress(OSError, psutil.Error):
        found["memory"] = psutil.virtual_memory()._asdict()
        found["swap"] = psutil.swap_memory()._asdict()
        found["processes"] = len(psutil.pids())
        found["booted"] = psutil.boot_time()
    return found


def versions() -> Mapping[str, str]:
    """Python and what redistopo stands on."""
    found = {"python": platform.python_version()}
    for name in ("redistopo", "click", "jinja2", "psutil", "redis", "rich"):
        with suppress(PackageNotFoundError):  # run from a checkout that was never installed
            found[name] = version(name)
    return found


def process_facts(process: psutil.Process) -> Mapping[str, object]:
    """One process now; what it doesn't tell is left out."""
    found: dict[str, object] = {"pid": process.pid}
    for name in _OF_PROCESS:
        with suppress(psutil.Error, OSError, AttributeError):  # not every system has every one
            told = getattr(process, name)()
            found[name] = told._asdict() if hasattr(told, "_asdict") else told
    with suppress(psutil.Error, OSError, AttributeError):
        found["open files allowed"] = process.rlimit(psutil.RLIMIT_NOFILE)
    return found


def environment() -> Mapping[str, str]:
    """Our own variables, and no others; which of them is a secret, the caller knows."""
    return {name: value for name, value in os.environ.items() if name.startswith("REDISTOPO_")}


def _limit(name: str) -> list[int | str]:
    pair = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
    return ["unlimited" if one == resource.RLIM_INFINITY else one for one in pair]


def _settings() -> Mapping[str, str]:
    found = {}
    for path in _KERNEL:
        with suppress(OSError):
            found[path] = Path(path).read_text(encoding="utf-8", errors="replace").strip()
    return found
