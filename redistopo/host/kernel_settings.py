"""What the kernel is set to, as far as Redis cares: read here, or from text wherever it is from."""

import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redistopo.host.run_program import run_command

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
"""What Redis warns of in its log, and what a container limits; absent elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """None, or "", where the system doesn't have the setting or doesn't tell it.

    `overcommit` is 0 (a guess), 1 (always) or 2 (never); `huge_pages` is always, madvise or
    never; `somaxconn` the longest queue of connections; `memory_max` this container's, in bytes.
    """

    overcommit: int | None = None
    huge_pages: str = ""
    somaxconn: int | None = None
    memory_max: int | None = None


def kernel_settings() -> Mapping[str, str]:
    """File, or name of the sysctl -> its text; what this system doesn't have is left out."""
    found = {}
    for path in _KERNEL:
        with suppress(OSError):
            found[path] = Path(path).read_text(encoding="utf-8", errors="replace").strip()
    if sys.platform == "darwin" and (said := run_command(["sysctl", "-n", MAC_SOMAXCONN])):
        found[MAC_SOMAXCONN] = said.strip()
    return found


def kernel_of(settings: Mapping[str, str]) -> Kernel:
    """The kernel of such settings: the file, or the name of the sysctl, with its text."""
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
