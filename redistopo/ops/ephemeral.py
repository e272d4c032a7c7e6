"""Ephemeral topologies: a folder, a watcher and servers that end with this program."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path

from redistopo.errors import MissingPrerequisite, RedistopoError
from redistopo.host.files import absolute
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.watch_owner import OwnerWatcher
from redistopo.model.remedies.remedy import rewritten
from redistopo.ops.init import InitRequest, init
from redistopo.ops.up import UpRequest, up
from redistopo.progress import EventKind, Progress
from redistopo.project.ephemeral_folder import (
    create_ephemeral_folder,
    keep_ephemeral_folder,
    remove_ephemeral_folder,
)
from redistopo.quick_dataclass import dataclass
from redistopo.session.diagnosis import BUNDLE

_ATTEMPTS = 3

_FIRST_PORTS = {"sentinel": (8000, 12000)}
"""Bus ports are 10000 higher, Sentinels' 20000: all below 32768, from where on systems choose ports
for outgoing connections."""

_NAMES = {"sentinel": "mymaster"}
"""The name that Sentinels' clients ask for, where nothing else is configured."""

_UNLESS_ASKED: Mapping[str, Mapping[str, object]] = {"cluster": {"formation": "instant"}}


@dataclass(frozen=True, slots=True, kw_only=True)
class EphemeralRequest:
    """What to start: `keys` and `settings` are those of `init`. Nothing is kept on disk, and a
    cluster is formed instantly, unless `keys` ask for something else."""

    shape: str
    keys: Mapping[str, object] = field(default_factory=dict)
    settings: tuple[str, ...] = ()
    seconds: float = 60.0

    @property
    def all_keys(self) -> dict[str, object]:
        """The keys of the topology file."""
        usual = {"name": _NAMES.get(self.shape, self.shape), "persistence": "none"}
        found = {**usual, **_UNLESS_ASKED.get(self.shape, {}), **self.keys}
        engine = str(found.get("engine", ""))
        if os.sep in engine:  # relative to here, not to the topology's folder
            found["engine"] = str(absolute(Path(engine)))
        return found


def _any_port(shape: str) -> int:
    """Where to begin to look for free ports: not at the ports that people know, and not where
    another program begins at this moment."""
    first, end = _FIRST_PORTS.get(shape, (10000, 22000))
    return first + 20 * secrets.randbelow((end - first) // 20)


def _warnings_of(progress: Progress) -> Progress:
    """Leave out notes: which ports were free isn't of interest."""
    return lambda event: progress(event) if event.kind is EventKind.WARNING else None


class EphemeralServers:
    """The servers of one ephemeral topology, and who ends them."""

    def __init__(self, folder: Path) -> None:
        """Watch this process for a folder that it created."""
        self.folder = folder
        self._owner = os.getpid()
        self._watcher = OwnerWatcher(folder)

    def end(self, *, keep: bool = False) -> None:
        """End the servers and remove the folder, or leave both to the user with `keep`; does
        nothing in a process that the owner forked."""
        if os.getpid() != self._owner:
            return
        try:
            if keep:
                keep_ephemeral_folder(self.folder)
            else:
                remove_ephemeral_folder(self.folder)
        finally:
            self._watcher.end()


def start_ephemeral(request: EphemeralRequest, progress: Progress) -> EphemeralServers:
    """Start a topology and verify it; on failure, and on Ctrl-C, nothing of it is left.

    If another program takes one of its ports at that moment, the next free block is tried. Raises
    RedistopoError.
    """
    for _attempt in range(_ATTEMPTS - 1):
        try:
            return _start(request, progress)
        except MissingPrerequisite as error:
            if "port" in request.keys or "in use" not in f"{error.message} {error.detail}":
                raise
    return _start(request, progress)


def _start(request: EphemeralRequest, progress: Progress) -> EphemeralServers:
    servers = None
    try:
        with interrupts_deferred(later=True):  # until there is a watcher, which ends what is left
            servers = _watched()
        keys, settings = request.all_keys, request.settings
        asked = InitRequest(root=servers.folder, shape=request.shape, keys=keys, settings=settings)
        init(replace(asked, first_port=_any_port(request.shape)), _warnings_of(progress))
        up(UpRequest(root=servers.folder, seconds=request.seconds), progress)
    except BaseException as error:  # Ctrl-C too
        if servers is not None:
            servers.end()
            if isinstance(error, RedistopoError):
                _leave_out(servers.folder, error)
        raise
    return servers


def _leave_out(folder: Path, error: RedistopoError) -> None:
    """Leave out of an error what is in the folder, which is gone, and nobody's to edit."""
    hint = error.hint.replace(" in the topology file", "")
    parts = [one for one in hint.split("; ") if str(folder) not in one]
    error.hint = rewritten(error.hint, "; ".join(parts))
    lines = error.detail.splitlines()
    error.detail = "\n".join(one for one in lines if one != BUNDLE and str(folder) not in one)


def _watched() -> EphemeralServers:
    """An ephemeral folder and its watcher; nothing is left if that fails."""
    folder = create_ephemeral_folder()
    try:
        return EphemeralServers(folder)
    except BaseException:
        remove_ephemeral_folder(folder)
        raise
