"""Saves of nodes on other hosts: each sends its data through the network, as to a new replica.

So data of any size takes no memory here, needs no SSH, and is encrypted as the topology is.
"""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path

from redistopo.client.connection import raise_on_error
from redistopo.client.rdb_stream import RdbStream
from redistopo.errors import MissingPrerequisite, Unreachable
from redistopo.host.files import FREE, NO_SPACE
from redistopo.host.large_files import free_bytes, new_file
from redistopo.host.polling import wait_for
from redistopo.host.server_log import log_tail
from redistopo.model.protocol.rdb import HEAD, first_counts, rdb_facts
from redistopo.model.protocol.replies import keys_by_database, parse_info
from redistopo.model.state.observed import NodeSeen
from redistopo.model.topology.project_paths import NodeFolder
from redistopo.quick_dataclass import dataclass
from redistopo.session.session import Session
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

_HEAD = 1 << 20
"""How much of a file's start is read for facts: libraries of functions precede the keys."""

_PART_SECONDS = 30.0
"""How long the next part of the data may take: a server under load, or a slow network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """A save in progress, see ShardSave; `left` is its file on the host, and `existed` whether
    there was one before. `exact` is whether `info` is of its moment, not of one before."""

    session: Session
    source: Source
    stream: RdbStream
    left: Path
    existed: bool
    exact: bool
    info: Mapping[str, str]

    def keep(self, file: Path) -> SavedFile:
        """The file is written as it arrives."""
        size, made, head = 0, sha256(), b""
        try:
            with new_file(file) as out:
                for part in self.stream.parts(self.session.deadline.left):
                    out.write(part)
                    made.update(part)
                    size += len(part)
                    head = head if len(head) >= _HEAD else head + part
        except Unreachable as error:  # a server closes the connection if it can't save
            log = log_tail(self.session.host.files, NodeFolder(self.left.parent).log)
            if NO_SPACE not in log:
                raise
            name = self.source.node.name
            raise MissingPrerequisite(
                f"{name} could not save its data", detail=log, hint=FREE
            ) from error
        info = self.info if self.exact else {**self.info, **_facts(head, self.info)}
        return SavedFile(bytes=size, sha256=made.hexdigest(), info=info)

    def clear(self) -> None:
        self.stream.close()
        if not self.existed:
            files = self.session.host.files
            clear_save(self.session.client, self.source.node, lambda: files.remove(self.left))


def _facts(head: bytes, info: Mapping[str, str]) -> dict[str, str]:
    """What the file itself tells of its moment: INFO was asked right before."""
    facts, counts, found = rdb_facts(head[:HEAD]), first_counts(head), {}
    if facts.offset is not None:
        name = "slave_repl_offset" if info.get("role") == "slave" else "master_repl_offset"
        found = {"master_replid": facts.replication_id, name: str(facts.offset)}
    if counts is not None and len(_databases(info)) <= 1:
        keys, expiring = counts
        name = next(iter(_databases(info)), "db0")
        found[name] = f"keys={keys},expires={expiring}"
    return found


def _databases(info: Mapping[str, str]) -> list[str]:
    return [name for name in info if name.startswith("db") and name[2:].isdigit()]


class NetworkSaves:
    """Saves of nodes whose disks are those of other machines."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def require_room(self, folder: Path, sources: tuple[Source, ...]) -> None:
        """Count what each host needs, which saves to its own disk first, and this machine. The
        hosts are locked by that, before anything is saved."""
        files, need = self._session.host.files, Counter[str]()
        for one in sources:
            need[one.node.endpoint.host] += size_of(one.node)
        for one in sources:
            at, host = self._left(one).parent, one.node.endpoint.host
            there = f"{self._session.host.there(at)} on {host}"
            refuse_full(there, need[host], files.room(at))
        refuse_full(str(folder), need.total(), free_bytes(folder))

    def must_pause(self, sources: tuple[Source, ...]) -> bool:
        """A file begins with the number of keys in its first database only."""
        return any(len(keys_by_database(one.node.info)) > 1 for one in sources)

    def begin(self, source: Source, *, paused: bool) -> ShardSave:
        """Begin the save at this moment."""
        node, left = source.node, self._left(source)
        login = self._session.credentials.login_to(node.endpoint)
        stream = RdbStream(node.endpoint, login, _PART_SECONDS)
        existed = self._session.host.files.status(left) is not None
        replies = self._session.client.execute(node.endpoint, FACTS)
        for one in replies:
            raise_on_error(one, f"{node.name}: INFO")
        stream.begin()
        try:
            wait_for(partial(self._begun, node, stream), self._session.deadline, pause=0.002)
        except BaseException:
            stream.close()
            raise
        return _Begun(
            session=self._session,
            source=source,
            stream=stream,
            left=left,
            existed=existed,
            exact=paused,
            info=dict(parse_info("\n".join(map(str, replies)))),
        )

    def _begun(self, node: NodeSeen, stream: RdbStream) -> bool | None:
        """True once the save has begun, or is done."""
        saves = saved(self._session.client, node) is None
        return True if saves or stream.sends else None

    def _left(self, source: Source) -> Path:
        """The file that the save leaves on the host."""
        node = source.node
        (reply,) = self._session.client.execute(node.endpoint, [("CONFIG", "GET", "dbfilename")])
        raise_on_error(reply, f"{node.name}: CONFIG GET dbfilename")
        name = str(reply[1]) if isinstance(reply, list) and len(reply) == 2 else "dump.rdb"
        return self._session.layout.node(node.name).root / name
