"""Saves on this machine's disk: BGSAVE, and a second name for the file."""

from collections.abc import Mapping
from pathlib import Path

from redistopo.client.connection import Command, Connections, raise_on_error
from redistopo.errors import BadReply, MissingPrerequisite
from redistopo.host.files import FREE, NO_SPACE, remove
from redistopo.host.large_files import checksum, free_bytes, link_or_copy
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.protocol.replies import parse_info
from redistopo.model.state.observed import NodeSeen
from redistopo.quick_dataclass import dataclass
from redistopo.snapshot.choose_sources import Source
from redistopo.snapshot.shard_save import (
    FACTS,
    SavedFile,
    ShardSave,
    clear_save,
    refuse_full,
    saved,
    size_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A save in progress, see ShardSave; `existed` is whether there was a file before."""

    client: Connections
    deadline: Deadline
    node: NodeSeen
    file: Path
    existed: bool
    info: Mapping[str, str]

    def keep(self, file: Path) -> SavedFile:
        """A server replaces its file at the next save, and never writes to it."""
        self._await_saved()
        try:
            link_or_copy(self.file, file)
            size, digest = file.stat().st_size, checksum(file)
        except OSError as error:
            raise MissingPrerequisite(
                f"can't read what {self.node.name} saved: {self.file}", detail=str(error)
            ) from error
        return SavedFile(bytes=size, sha256=digest, info=self.info)

    def clear(self) -> None:
        if not self.existed:
            clear_save(self.client, self.node, lambda: remove(self.file, missing_ok=True))

    def _saved(self) -> dict[str, str] | None:
        return saved(self.client, self.node)

    def _await_saved(self) -> None:
        node = self.node
        info = wait_for(
            self._saved, self.deadline, lambda: f"{node.name} is still saving", pause=0.01
        )
        if info.get("rdb_last_bgsave_status") != "ok":
            log = _log_tail(self.file.parent)
            full = NO_SPACE in log
            raise MissingPrerequisite(
                f"{node.name} could not save its data",
                detail=log,
                hint=FREE if full else "see its log: redistopo logs",
            )


def _log_tail(folder: Path) -> str:
    from redistopo.host.local_host import LOCAL
    from redistopo.host.server_log import log_tail
    from redistopo.model.topology.project_paths import NodeFolder

    return log_tail(LOCAL.files, NodeFolder(folder).log)


class DiskSaves:
    """Saves of nodes whose disks are this machine's."""

    def __init__(self, client: Connections, deadline: Deadline) -> None:
        self._client = client
        self._deadline = deadline
        self._files: dict[int, Path] = {}

    def require_room(self, folder: Path, sources: tuple[Source, ...]) -> None:
        """Count what each disk needs: several nodes may share one, with the folder too."""
        need: dict[int, tuple[Path, int]] = {}
        for one in sources:
            at = self._file(one).parent
            device = at.stat().st_dev if at.exists() else 0
            need[device] = (at, need.get(device, (at, 0))[1] + size_of(one.node))
        total = sum(size for _, size in need.values())
        here = folder.stat().st_dev
        if here not in need:
            need[here] = (folder, total)
        for at, size in need.values():
            refuse_full(str(at), size, free_bytes(at))

    def must_pause(self, sources: tuple[Source, ...]) -> bool:  # noqa: ARG002
        """A node's INFO is of the moment of its save."""
        return False

    def begin(self, source: Source, *, paused: bool) -> ShardSave:  # noqa: ARG002  see FACTS
        """In a transaction, BGSAVE would only be scheduled."""
        file, name = self._file(source), source.node.name
        existed = file.exists()
        commands: list[Command] = [*FACTS, ("BGSAVE",)]
        parts = self._client.execute(source.node.endpoint, commands)
        for one in parts:
            raise_on_error(one, f"{name}: BGSAVE")
        if "started" not in str(parts[2]):
            raise BadReply(f"{name}: BGSAVE failed", detail=str(parts[2])[:200])
        return _Begun(
            client=self._client,
            deadline=self._deadline,
            node=source.node,
            file=file,
            existed=existed,
            info=dict(parse_info(f"{parts[0]}\n{parts[1]}")),
        )

    def _file(self, source: Source) -> Path:
        """The file that BGSAVE writes."""
        if (known := self._files.get(source.number)) is not None:
            return known
        found, node = [], source.node
        for name in ("dir", "dbfilename"):
            (reply,) = self._client.execute(node.endpoint, [("CONFIG", "GET", name)])
            raise_on_error(reply, f"{node.name}: CONFIG GET {name}")
            found.append(str(reply[1]) if isinstance(reply, list) and len(reply) == 2 else "")
        return self._files.setdefault(source.number, Path(found[0]) / found[1])
