"""What our module saw on a host, as values."""

import base64
import time
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from redistopo.host.host import FileKind, FileStatus
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteProcess:
    """A process of a node on its machine: its pid is valid only with its start time and boot."""

    node: str
    pid: int
    started: float
    boot: str
    paused: bool = field(default=False, compare=False)
    lost: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSeen:
    """A file: its status, and its first and last bytes as far as they were read."""

    status: FileStatus
    head: bytes = b""
    end: bytes = b""


@dataclass(slots=True, kw_only=True)
class NodeSeen:
    """A node's process, folder and ports on its machine, at the time `at` (monotonic); `there`
    is whether it has a folder, `taken` maps ports that other programs use to their names; `free`
    and `memory` are the bytes that its machine has left, None if unknown, and `at_boot` is whether
    a unit of ours starts it with its machine."""

    process: RemoteProcess | None
    there: bool
    files: dict[str, FileSeen]
    taken: Mapping[int, str]
    free: int
    memory: int | None = None
    at_boot: bool = False
    at: float = field(default_factory=time.monotonic)

    @property
    def age(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self.at


def node_seen(name: str, seen: Mapping[str, Any]) -> NodeSeen:
    """Build it of what the module's `look` returned of a node's machine."""
    values = seen["nodes"][name]
    found = values["process"]
    return NodeSeen(
        process=process_seen(name, found) if found else None,
        there=values["there"],
        files={path: _file_seen(one) for path, one in values["files"].items()},
        taken={int(port): holder for port, holder in values["taken"].items()},
        free=seen["free"],
        memory=seen["memory"],
        at_boot=values["at_boot"],
    )


def process_seen(name: str, values: Mapping[str, Any]) -> RemoteProcess:
    """Build a process of what the module returned."""
    wanted = ("pid", "started", "boot", "paused", "lost")
    return RemoteProcess(node=name, **{one: values[one] for one in wanted})


def _file_seen(values: Mapping[str, Any]) -> FileSeen:
    modified, changed = values["at"]
    return FileSeen(
        status=FileStatus(
            kind=FileKind[values["kind"].upper()],
            size=values["size"],
            modified=modified,
            changed=changed,
        ),
        head=base64.b64decode(values.get("head", "")),
        end=base64.b64decode(values.get("end", "")),
    )


def written_file(text: str) -> FileSeen:
    """Return a file that was just written."""
    data = text.encode(errors="surrogateescape")
    now = time.time()
    kind = FileStatus(kind=FileKind.FILE, size=len(data), modified=now, changed=now)
    return FileSeen(status=kind, head=data)
