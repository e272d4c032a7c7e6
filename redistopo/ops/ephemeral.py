"""Ephemeral topologies: a folder, a watcher and servers that end with this program."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from redistopo.host.watch_owner import OwnerWatcher
from redistopo.ops.init import InitRequest, init
from redistopo.ops.up import UpRequest, up
from redistopo.progress import EventKind, Progress
from redistopo.project.ephemeral_folder import (
    create_ephemeral_folder,
    keep_ephemeral_folder,
    remove_ephemeral_folder,
)

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
        return {**usual, **_UNLESS_ASKED.get(self.shape, {}), **self.keys}


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

    Raises RedistopoError.
    """
    folder = create_ephemeral_folder()
    try:
        servers = EphemeralServers(folder)
    except BaseException:
        remove_ephemeral_folder(folder)
        raise
    try:
        keys, settings = request.all_keys, request.settings
        asked = InitRequest(root=folder, shape=request.shape, keys=keys, settings=settings)
        init(asked, _warnings_of(progress))
        up(UpRequest(root=folder, seconds=request.seconds), progress)
    except BaseException:  # Ctrl-C too
        servers.end()
        raise
    return servers
