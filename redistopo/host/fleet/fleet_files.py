"""Files of a topology over several hosts: the nodes' files on their machines, all others here."""

import base64
from pathlib import Path

from redistopo.host.fleet.fleet import Fleet
from redistopo.host.fleet.seen import FileSeen, written_file
from redistopo.host.host import FileKind, FileStatus
from redistopo.host.local_host import LOCAL

_MIRROR_ONLY = ("process.json", "redis.conf.started", "users.listed")
"""Our own files that no server reads: they are only here."""

_MIRRORED = ("redis.conf", "sentinel.conf", "users.acl", "redis.conf.rewritten")
"""Our own files that servers read: they are on the host, and as last written also here."""

_FOLDER = FileStatus(kind=FileKind.FOLDER, size=0, modified=0.0, changed=0.0)
_LITTLE_SPACE = 64 * 1024


class FleetFiles:
    """Each path below a node's folder is that of a file on its machine."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def _remote(self, path: Path) -> tuple[str, str] | None:
        """The node and the name of a file on its machine; None for a file that is here."""
        place = self._fleet.located(path)
        return None if place is None or place[1] in _MIRROR_ONLY else place

    def _file(self, node: str, name: str) -> FileSeen | None:
        return self._fleet.seen(node).files.get(name)

    def read(self, path: Path) -> str | None:
        place = self._remote(path)
        if place is None:
            return LOCAL.files.read(path)
        found = self._file(*place)
        if found is None or found.status.kind is not FileKind.FILE:
            return None
        data = found.head
        if len(data) < found.status.size:
            data = self._bytes(path, found.status.size, end=False)
        return data.decode(errors="surrogateescape")

    def tail(self, path: Path, most: int) -> str:
        place = self._remote(path)
        if place is None:
            return LOCAL.files.tail(path, most)
        found = self._fleet.seen_lately(place[0]).files.get(place[1])
        return found.end[-most:].decode(errors="replace") if found else ""

    def head(self, path: Path, most: int) -> bytes:
        place = self._remote(path)
        if place is None:
            return LOCAL.files.head(path, most)
        found = self._file(*place)
        if found is None:
            raise FileNotFoundError(str(path))
        enough = min(most, found.status.size)
        return (
            found.head[:most] if len(found.head) >= enough else self._bytes(path, most, end=False)
        )

    def end(self, path: Path, most: int) -> bytes:
        place = self._remote(path)
        if place is None:
            return LOCAL.files.end(path, most)
        found = self._file(*place)
        if found is None:
            raise FileNotFoundError(str(path))
        enough = min(most, found.status.size)
        return found.end[-most:] if len(found.end) >= enough else self._bytes(path, most, end=True)

    def _bytes(self, path: Path, most: int, *, end: bool) -> bytes:
        node, name = self._fleet.located(path) or ("", "")
        op = {"op": "read", "path": self._fleet.remote(node, name), "most": most, "end": end}
        result = self._fleet.perform(node, {**op, "may_fail": True})
        if "refused" in result:
            raise OSError(result["errno"], result["why"], str(path))
        return base64.b64decode(result["bytes"])

    def status(self, path: Path) -> FileStatus | None:
        place = self._remote(path)
        if place is None:
            return LOCAL.files.status(path)
        if not place[1]:
            return _FOLDER if self._fleet.seen(place[0]).there else None
        found = self._file(*place)
        return found.status if found else None

    def names(self, folder: Path) -> tuple[str, ...]:
        place = self._remote(folder)
        if place is None:
            return LOCAL.files.names(folder)
        node, name = place
        prefix = f"{name}/" if name else ""
        files = self._fleet.seen(node).files
        below = (path.removeprefix(prefix) for path in files if path.startswith(prefix))
        found = {one for one in below if "/" not in one}
        own = {one for one in LOCAL.files.names(folder) if not name and one in _MIRROR_ONLY}
        return tuple(sorted((found - {*_MIRROR_ONLY}) | own))

    def write(self, path: Path, text: str) -> None:
        place = self._remote(path)
        if place is None or place[1] in _MIRRORED:
            LOCAL.files.private_folder(path.parent)
            LOCAL.files.write(path, text)
        if place is None:
            return
        op = {"op": "write", "path": self._fleet.remote(*place), "text": text}
        self._fleet.queue(place[0], op, lambda _done: self._fleet.copies.sent(*place, text))
        if (known := self._fleet.known(place[0])) is not None:
            known.files[place[1]] = written_file(text)
            known.there = True

    def private_folder(self, path: Path) -> None:
        place = self._remote(path)
        if place is None or not place[1]:
            LOCAL.files.private_folder(path)
        if place is not None and place[1]:
            self._fleet.queue(place[0], {"op": "folder", "path": self._fleet.remote(*place)})

    def rename(self, path: Path, to: Path) -> None:
        old, new = self._remote(path), self._remote(to)
        if old is None or new is None:
            LOCAL.files.rename(path, to)
            return
        names = {"path": self._fleet.remote(*old), "to": self._fleet.remote(*new)}
        self._fleet.queue(old[0], {"op": "rename", **names})
        if (known := self._fleet.known(old[0])) is not None and old[1] in known.files:
            known.files[new[1]] = known.files.pop(old[1])

    def link(self, path: Path, to: Path) -> None:
        old, new = self._remote(path), self._remote(to)
        if old is None or new is None:
            LOCAL.files.link(path, to)
            return
        names = {"path": self._fleet.remote(*old), "to": self._fleet.remote(*new)}
        self._fleet.queue(old[0], {"op": "link", **names})
        self._fleet.outdated(old[0])

    def remove(self, path: Path) -> None:
        place = self._remote(path)
        if place is None:
            LOCAL.files.remove(path)
            return
        if LOCAL.files.status(path):
            LOCAL.files.remove(path)
        self._fleet.queue(place[0], {"op": "remove", "path": self._fleet.remote(*place)})
        if (known := self._fleet.known(place[0])) is not None:
            gone = [one for one in known.files if f"{one}/".startswith(f"{place[1]}/")]
            for name in list(known.files) if not place[1] else gone:
                del known.files[name]
            known.there = known.there and bool(place[1])

    def sync_seconds(self, _folder: Path) -> float:
        return 0.0

    def room(self, folder: Path) -> int:
        place = self._fleet.located(folder)
        return LOCAL.files.room(folder) if place is None else self._fleet.seen(place[0]).free

    def disk_full(self, path: Path) -> bool:
        place = self._fleet.located(path)
        if place is None:
            return LOCAL.files.disk_full(path)
        return self._fleet.seen(place[0]).free < _LITTLE_SPACE
