"""Facts about this machine for reports: kernel, memory, disk, limits, versions."""

import os
import platform
import resource
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from redistopo.host.kernel_settings import kernel_settings
from redistopo.host.ports import ephemeral_range
from redistopo.quick_dataclass import dataclass

_LIMITS = ("NOFILE", "NPROC", "AS", "CORE", "DATA", "FSIZE", "MEMLOCK", "STACK")

_OF_PROCESS = (
    "status", "create_time", "num_threads", "num_fds", "exe", "cpu_times", "memory_info",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryAndDisk:
    """Memory, swap and disk in bytes; None if unknown. `disk_free` was measured at `folder`."""

    memory: int | None = None
    available: int | None = None
    swap: int | None = None
    swap_used: int | None = None
    disk_free: int | None = None
    folder: str = ""


def facts(folder: Path) -> Mapping[str, object]:
    """Return facts about the machine, in bytes and seconds, as far as they are known."""
    found: dict[str, object] = {
        "system": platform.platform(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "user": os.geteuid(),
        "limits": {name: _limit(name) for name in _LIMITS if hasattr(resource, f"RLIMIT_{name}")},
        "kernel settings": kernel_settings(),
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
    """Return the versions of Python and of redistopo's dependencies."""
    found = {"python": platform.python_version()}
    for name in ("redistopo", "click", "jinja2", "psutil", "redis", "rich"):
        with suppress(PackageNotFoundError):  # run from a checkout that was never installed
            found[name] = version(name)
    return found


def process_facts(process: psutil.Process) -> Mapping[str, object]:
    """Return facts about a process, as far as they are known."""
    found: dict[str, object] = {"pid": process.pid}
    for name in _OF_PROCESS:
        with suppress(
            psutil.Error, OSError, AttributeError
        ):  # not every system has every attribute
            value = getattr(process, name)()
            found[name] = value._asdict() if hasattr(value, "_asdict") else value
    with suppress(psutil.Error, OSError, AttributeError):
        found["open files allowed"] = process.rlimit(psutil.RLIMIT_NOFILE)
    return found


def environment() -> Mapping[str, str]:
    """Return the REDISTOPO_* environment variables, including those with a secret."""
    return {name: value for name, value in os.environ.items() if name.startswith("REDISTOPO_")}


def _limit(name: str) -> list[int | str]:
    pair = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))
    return ["unlimited" if one == resource.RLIM_INFINITY else one for one in pair]


def memory_and_disk(folder: Path) -> MemoryAndDisk:
    """Measure memory, swap, and the disk of a folder or of its nearest existing parent."""
    found = MemoryAndDisk()
    with suppress(OSError, psutil.Error):
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        found = MemoryAndDisk(
            memory=memory.total, available=memory.available, swap=swap.total, swap_used=swap.used
        )
    with suppress(OSError):
        there = next((one for one in (folder, *folder.parents) if one.exists()), folder)
        free = shutil.disk_usage(there).free
        found = replace(found, disk_free=free, folder=str(there))
    return found
