"""Which of our own files on the machines are known to be as the copies here: then nothing has to
be looked up there to see that nothing is to do."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from redistopo.host.files import read_json, write_private
from redistopo.host.fleet.seen import FileSeen
from redistopo.host.local_host import LOCAL
from redistopo.model.topology.project_paths import Layout

_FILES = ("redis.conf", "users.acl")
"""The files that servers read, and that are here as they were last written from here. That of a
Sentinel is its own memory, which what it replies is newer than."""


class OwnCopies:
    """The digests of files on the machines: of those that were written there, or seen there."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._saved = _strings(read_json(layout.copies) or {})
        self._digests = {node: dict(some) for node, some in self._saved.items()}

    def sent(self, node: str, name: str, text: str) -> None:
        """Note that a file was written."""
        if name in _FILES:
            self._digests.setdefault(node, {})[name] = _digest(
                text.encode(errors="surrogateescape")
            )

    def seen(self, node: str, files: Mapping[str, FileSeen]) -> None:
        """Note the files of a node as they are on its machine."""
        whole = {name: one for name, one in files.items() if len(one.head) == one.status.size}
        found = {name: _digest(whole[name].head) for name in _FILES if name in whole}
        self._digests[node] = found

    def forget(self, node: str) -> None:
        """Note that the node's folder was put aside, or put back."""
        self._digests.pop(node, None)

    def current(self, node: str) -> bool:
        """Return whether the node's files on its machine are known to be as they are here."""
        folder, known = self._layout.node(node), self._digests.get(node, {})
        here = {name: LOCAL.files.read(folder.root / name) for name in _FILES}
        texts = {name: text for name, text in here.items() if text is not None}
        whole = folder.sentinel or folder.config.name in texts
        return whole and known == {
            name: _digest(text.encode(errors="surrogateescape")) for name, text in texts.items()
        }

    def save(self) -> None:
        """Write what is new; requires the lock."""
        if self._digests != self._saved:
            write_private(self._layout.copies, json.dumps(self._digests, indent=1) + "\n")
            self._saved = {node: dict(some) for node, some in self._digests.items()}


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _strings(values: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The content of the file, without what is damaged."""
    return {node: some for node, some in values.items() if isinstance(some, dict)}
