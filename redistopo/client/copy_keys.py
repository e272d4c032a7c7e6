"""Copies all keys from one server to the owners of their slots: SCAN, DUMP and PTTL, then RESTORE.

Both sides are pipelined. The source is only read. TTLs are kept; every type is copied that the
target's engine can load.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import groupby

from redistopo.client.connection import BinaryCommand, Reply
from redistopo.client.data_digest import bulk_connection, replies, scan
from redistopo.client.key_changes import KeyChanges, Name
from redistopo.client.server_connection import Connection
from redistopo.errors import BadReply, RedistopoError, Unreachable
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import keys_by_database, parse_info
from redistopo.model.protocol.resp import ErrorReply
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange, slot_of_bytes
from redistopo.model.state.observed import Observed
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass

_FIRST_KEYS, _MOST_KEYS = 100, 1000
_MOST_BYTES = 4 << 20
_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A primary, our login to it, and the slots that it owns; none outside a cluster."""

    endpoint: Endpoint
    login: Login
    slots: tuple[SlotRange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """A server to copy from, and the databases that have keys. `stream` is the server that sends
    its writes as to a replica, None if no node should be asked for them."""

    endpoint: Endpoint
    login: Login
    databases: tuple[int, ...] = (0,)
    stream: Endpoint | None = None


@dataclass(slots=True, kw_only=True)
class CopyResult:
    """What was copied; `gone` are keys that expired or were deleted in the meantime."""

    keys: int = 0
    bytes: int = 0
    gone: int = 0


def owners_of(seen: Observed, credentials: Credentials) -> tuple[Owner, ...]:
    """Return the primaries of a topology, with their slots in a cluster."""
    found = (one for one in shards_of(seen) if one.primary is not None)
    clustered = seen.shape is Shape.CLUSTER
    return tuple(
        Owner(
            endpoint=one.primary.endpoint,
            login=credentials.login_to(one.primary.endpoint),
            slots=one.slots,
        )
        for one in found
        if one.primary is not None and (one.slots or not clustered)
    )


Report = Callable[[int], None]
"""Called with the number of keys copied so far."""


class KeyCopy:
    """Connections to all owners, used for one source after the other. The owners' keys with the
    same names are replaced. With `changes`, only keys that differ from the last pass are copied."""

    def __init__(
        self, owners: Sequence[Owner], *, report: Report, changes: KeyChanges | None = None
    ) -> None:
        self._owners = owners
        self._report = report
        self._changes = changes
        self._stack = ExitStack()
        self._targets: list[Connection] = []
        self._by_slot = _owners_by_slot(owners)
        self._database = 0
        self._libraries: dict[Endpoint, frozenset[bytes]] = {}
        self._batch = _FIRST_KEYS
        self.result = CopyResult()

    def __enter__(self) -> "KeyCopy":
        try:
            for one in self._owners:
                made = _connected(one.endpoint, one.login)
                self._stack.callback(made.close)
                self._targets.append(made)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def copy(self, source: KeySource) -> None:
        """Copy all keys, then the functions; raises RedistopoError at the first that fails."""
        with connected(source.endpoint, source.login) as made, self._named_loss():
            for number in _databases(made, source):
                if number:
                    select(made, number)
                self._select(number)
                for batch in scan(made, 1000):
                    self._copy_batch(made, batch)
            self._copy_functions(source.endpoint, made)

    def refresh(self, source: Connection, number: int, keys: Sequence[bytes]) -> int:
        """Copy keys of the database that is selected at the source again, and delete those that
        the source no longer has, if they were copied; return the number of the latter."""
        with self._named_loss():
            self._select(number)
            gone = [
                name
                for name in self._copy_batch(source, keys)
                if self._changes is not None and self._changes.forget(name)
            ]
            self.delete(gone)
            return len(gone)

    def refresh_functions(self, endpoint: Endpoint, source: Connection) -> None:
        """Copy the functions again, and delete those that the source no longer has."""
        with self._named_loss():
            self._copy_functions(endpoint, source)

    @contextmanager
    def _named_loss(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unreachable(
                "a server was lost while keys were copied",
                detail=f"{error}; {self.result.keys:,} keys were copied",
                hint="run the same command again once both sides are up",
            ) from error

    def _select(self, number: int) -> None:
        if number != self._database:
            for target in self._targets:
                select(target, number)
            self._database = number

    def delete(self, names: Sequence[Name]) -> None:
        """Delete keys that the source no longer has."""
        for number, some in groupby(sorted(names), key=lambda name: name[0]):
            self._select(number)
            by_owner: dict[int, list[BinaryCommand]] = defaultdict(list)
            for _, key in some:
                by_owner[self._owner(key)].append(("DEL", key))
            for at, commands in by_owner.items():
                for first in range(0, len(commands), _MOST_KEYS):
                    for reply in replies(self._targets[at], commands[first : first + _MOST_KEYS]):
                        _require(reply, "DEL")

    def _owner(self, key: bytes) -> int:
        return self._by_slot[slot_of_bytes(key)] if self._by_slot else 0

    def _copy_batch(self, source: Connection, keys: Sequence[bytes]) -> list[Name]:
        """Copy keys; return those that are gone."""
        at, gone = 0, []
        while at < len(keys):
            some = keys[at : at + self._batch]
            at += len(some)
            wanted = [one for key in some for one in (("DUMP", key), ("PTTL", key))]
            found = replies(source, wanted)
            size = sum(len(one) for one in found[::2] if isinstance(one, bytes))
            # the next ones are probably as large: what is in memory at a time stays small
            self._batch = max(1, min(_MOST_KEYS, _MOST_BYTES * len(some) // max(1, size)))
            gone += self._restore(some, found[::2], found[1::2])
        self._report(self.result.keys)
        return gone

    def _restore(
        self, keys: Sequence[bytes], payloads: Sequence[Reply], lefts: Sequence[Reply]
    ) -> list[Name]:
        gone: list[Name] = []
        sent: dict[int, list[bytes]] = defaultdict(list)
        commands: dict[int, list[BinaryCommand]] = defaultdict(list)
        for key, payload, left in zip(keys, payloads, lefts, strict=True):
            if isinstance(payload, ErrorReply) or isinstance(left, ErrorReply):
                raise _unread(key, payload if isinstance(payload, ErrorReply) else left)
            if not isinstance(payload, bytes) or not isinstance(left, int) or left == -2:
                gone.append((self._database, key))
                continue
            ends = time.monotonic() + left / 1000 if left >= 0 else 0.0
            if self._changes and not self._changes.differs((self._database, key), payload, ends):
                continue
            at = self._owner(key)
            ttl = max(left, 1) if left >= 0 else 0
            commands[at].append(("RESTORE", key, ttl, payload, "REPLACE"))
            sent[at].append(key)
            self.result.bytes += len(payload)
        for at, some in commands.items():
            self._targets[at].send(some)
        for at, names in sent.items():
            self._read(self._targets[at], names)
        self.result.gone += len(gone)
        return gone

    def _read(self, target: Connection, keys: Sequence[bytes]) -> None:
        if target.skip(b"+OK\r\n" * len(keys)):
            self.result.keys += len(keys)
            return
        for key in keys:
            reply = target.read()
            if not isinstance(reply, ErrorReply):
                self.result.keys += 1
            else:
                raise _refused(key, reply)

    def _copy_functions(self, endpoint: Endpoint, source: Connection) -> None:
        """Copy libraries of functions, which Redis has since 7.0, to every primary; delete those
        that no server of the source has any more."""
        payload, listed = replies(source, [("FUNCTION", "DUMP"), ("FUNCTION", "LIST")])
        if not isinstance(payload, bytes) or not isinstance(listed, list):
            return
        before = frozenset[bytes]().union(*self._libraries.values())
        self._libraries[endpoint] = _names(listed)
        gone = before.difference(*self._libraries.values()) if self._changes else ()
        for target in self._targets:
            for name in gone:
                _require(target.ask("FUNCTION", "DELETE", name), "FUNCTION DELETE")
            reply = target.ask("FUNCTION", "RESTORE", payload, "REPLACE") if listed else None
            if isinstance(reply, ErrorReply):
                raise BadReply("the source's functions can't be loaded", detail=str(reply)[:200])


def _names(listed: list[object]) -> frozenset[bytes]:
    """The names in the reply to FUNCTION LIST."""
    entries = (
        dict(zip(one[::2], one[1::2], strict=True)) for one in listed if isinstance(one, list)
    )
    found = (one.get(b"library_name") for one in entries)
    return frozenset(name for name in found if isinstance(name, bytes))


def _databases(source: Connection, known: KeySource) -> list[int]:
    """The databases that have keys, or had some before."""
    reply = source.ask("INFO")  # its section keyspace alone has no field if there are none
    now = keys_by_database(parse_info(reply.decode())) if isinstance(reply, bytes) else ()
    return sorted({*known.databases, *now})


@contextmanager
def connected(endpoint: Endpoint, login: Login) -> Iterator[Connection]:
    """Connect to a server until the block ends; raises Unreachable."""
    made = _connected(endpoint, login)
    try:
        yield made
    finally:
        made.close()


def _connected(endpoint: Endpoint, login: Login) -> Connection:
    try:
        return bulk_connection(endpoint, login, _SECONDS)
    except (OSError, ErrorReply, ValueError) as error:
        raise Unreachable(f"can't connect to {endpoint}", detail=str(error)) from error


def _owners_by_slot(owners: Sequence[Owner]) -> Mapping[int, int]:
    found = {
        slot: number
        for number, one in enumerate(owners)
        for span in one.slots
        for slot in range(span.first, span.last + 1)
    }
    lacks = f"{SLOT_COUNT - len(found)} slots have no owner"
    if not owners or (found and len(found) != SLOT_COUNT):
        raise RedistopoError(
            lacks if owners else "no primary replies that keys could be copied to",
            hint="repair it: redistopo up",
        )
    return found


def select(connection: Connection, number: int) -> None:
    """Select a database; raises BadReply."""
    _require(connection.ask("SELECT", number), "SELECT")


def _require(reply: Reply, what: str) -> None:
    if isinstance(reply, ErrorReply):
        raise BadReply(f"{what} failed", detail=str(reply)[:200])


def _shown(key: bytes) -> str:
    return ascii(key[:60].decode(errors="replace"))


def _unread(key: bytes, reply: Reply) -> BadReply:
    """The error of a key that the source doesn't send. A slot that moves away from it is never
    taken for keys that are gone."""
    text = str(reply)
    moved = text.startswith(("MOVED", "ASK", "TRYAGAIN"))
    hint = "the source moves slots: once that is done, run the same command again with --replace"
    return BadReply(
        f"can't read the key {_shown(key)}", detail=text[:200], hint=hint if moved else ""
    )


def _refused(key: bytes, reply: ErrorReply) -> RedistopoError:
    """The error of a key that the target doesn't accept."""
    text = str(reply)
    hints = {
        "DUMP payload version": "the target's engine is older than the source's, or lacks a module "
        "or a type of it: set a newer `engine`",
        "Bad data format": "the target lacks the module or the type of that key",
        "OOM": "the target has too little memory: raise maxmemory (redistopo set)",
        "MOVED": "slots were moved in the meantime: run the same command again",
        "CROSSSLOT": "slots were moved in the meantime: run the same command again",
        "READONLY": "the primary was replaced in the meantime: run the same command again",
    }
    hint = next((one for word, one in hints.items() if word in text), "")
    return RedistopoError(f"the target refuses the key {_shown(key)}", detail=text[:200], hint=hint)
