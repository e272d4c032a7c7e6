"""Kernel settings that matter to Redis: read from this machine, or parsed from text."""

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from redistopo.host.run_program import run_command
from redistopo.quick_dataclass import dataclass

OVERCOMMIT = "/proc/sys/vm/overcommit_memory"
HUGE_PAGES = "/sys/kernel/mm/transparent_hugepage/enabled"
SOMAXCONN = "/proc/sys/net/core/somaxconn"
MAC_SOMAXCONN = "kern.ipc.somaxconn"
MEMORY_MAX = "/sys/fs/cgroup/memory.max"

_KERNEL = (
    OVERCOMMIT,
    SOMAXCONN,
    "/proc/sys/net/ipv4/ip_local_port_range",
    "/proc/sys/net/ipv4/tcp_max_syn_backlog",
    HUGE_PAGES,
    MEMORY_MAX,
    "/sys/fs/cgroup/pids.max",
    "/sys/fs/cgroup/cpu.max",
)
"""The settings that Redis warns about in its log, and the limits of a container."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """Kernel settings; None or "" if the system doesn't have or show one.

    `overcommit` is 0 (heuristic), 1 (always) or 2 (never); `huge_pages` is always, madvise or
    never; `somaxconn` the maximum length of a connection queue; `memory_max` the container's
    limit in bytes.
    """

    overcommit: int | None = None
    huge_pages: str = ""
    somaxconn: int | None = None
    memory_max: int | None = None


def kernel_settings() -> Mapping[str, str]:
    """Map each file or sysctl name that this system has to its text."""
    found = {}
    for path in _KERNEL:
        with suppress(OSError):
            found[path] = Path(path).read_text(encoding="utf-8", errors="replace").strip()
    if sys.platform == "darwin" and (text := run_command(["sysctl", "-n", MAC_SOMAXCONN])):
        found[MAC_SOMAXCONN] = text.strip()
    return found


def kernel_of(settings: Mapping[str, str]) -> Kernel:
    """Parse kernel settings from the text of each file or sysctl."""
    chosen = re.search(r"\[([a-z]+)\]", settings.get(HUGE_PAGES, ""))
    queue = settings.get(SOMAXCONN) or settings.get(MAC_SOMAXCONN) or ""
    return Kernel(
        overcommit=_number(settings.get(OVERCOMMIT, "")),
        huge_pages=chosen[1] if chosen else "",
        somaxconn=_number(queue),
        memory_max=_number(settings.get(MEMORY_MAX, "")),
    )


def _number(text: str) -> int | None:
    """A whole number, also as ``kern.ipc.somaxconn: 128`` or ``vm.x = 1``; None for others."""
    found = re.fullmatch(r"(?:[\w.]+\s*[:=]\s*)?([0-9]{1,19})", text.strip(), re.ASCII)
    return int(found[1]) if found else None
