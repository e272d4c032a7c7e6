"""Copies all keys from one server to the owners of their slots: SCAN, DUMP and PTTL, then RESTORE.

Both sides are pipelined. The source is only read. TTLs are kept; every type is copied that the
target's engine can load.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from redistopo.client.connection import BinaryCommand, Connection, Reply
from redistopo.client.data_digest import bulk_connection, replies, scan
from redistopo.errors import BadReply, RedistopoError, Unreachable
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.resp import ErrorReply
from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange, slot_of_bytes
from redistopo.model.state.observed import Observed
from redistopo.model.state.shards import shards_of
from redistopo.model.topology.spec import Shape

_MOST_KEYS = 500
_MOST_BYTES = 4 << 20
_SECONDS = 60.0
_SAMPLES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A primary, our login to it, and the slots that it owns; none outside a cluster."""

    endpoint: Endpoint
    login: Login
    slots: tuple[SlotRange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """A server to copy from, and the databases that have keys."""

    endpoint: Endpoint
    login: Login
    databases: tuple[int, ...] = (0,)


@dataclass(slots=True, kw_only=True)
class CopyResult:
    """What was copied; `gone` are keys that expired or were deleted in the meantime, `existing`
    those that the target had already, the first few by name."""

    keys: int = 0
    bytes: int = 0
    gone: int = 0
    existing: int = 0
    examples: list[str] = field(default_factory=list)


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
    """Connections to all owners, used for one source after the other."""

    def __init__(self, owners: Sequence[Owner], *, replace: bool, report: Report) -> None:
        self._owners = owners
        self._replace = replace
        self._report = report
        self._stack = ExitStack()
        self._targets: list[Connection] = []
        self._by_slot = _owners_by_slot(owners)
        self._database = 0
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
        made = _connected(source.endpoint, source.login)
        try:
            for number in source.databases:
                self._select(made, number)
                for batch in scan(made, 1000):
                    self._copy_batch(made, batch)
            self._copy_functions(made)
        except OSError as error:
            raise Unreachable(
                "a server was lost while keys were copied",
                detail=f"{error}; {self.result.keys:,} keys were copied",
                hint="run the same command again once both sides are up",
            ) from error
        finally:
            made.close()

    def _select(self, source: Connection, number: int) -> None:
        if number:
            _require(source.ask("SELECT", number), "SELECT")
        if number != self._database:
            for target in self._targets:
                _require(target.ask("SELECT", number), "SELECT")
            self._database = number

    def _copy_batch(self, source: Connection, keys: Sequence[bytes]) -> None:
        for some in _bounded(source, keys):
            wanted = [one for key in some for one in (("DUMP", key), ("PTTL", key))]
            found = replies(source, wanted)
            self._restore(some, found[::2], found[1::2])
        self._report(self.result.keys)

    def _restore(
        self, keys: Sequence[bytes], payloads: Sequence[Reply], lefts: Sequence[Reply]
    ) -> None:
        sent: dict[int, list[bytes]] = defaultdict(list)
        commands: dict[int, list[BinaryCommand]] = defaultdict(list)
        for key, payload, left in zip(keys, payloads, lefts, strict=True):
            if isinstance(payload, ErrorReply) or isinstance(left, ErrorReply):
                raise BadReply(f"can't read the key {_shown(key)}", detail=str(payload)[:200])
            if not isinstance(payload, bytes) or not isinstance(left, int) or left == -2:
                self.result.gone += 1
                continue
            at = self._by_slot[slot_of_bytes(key)] if self._by_slot else 0
            how = ("REPLACE",) if self._replace else ()
            commands[at].append(("RESTORE", key, max(left, 1) if left >= 0 else 0, payload, *how))
            sent[at].append(key)
            self.result.bytes += len(payload)
        for at, some in commands.items():
            self._targets[at].send(some)
        for at, names in sent.items():
            self._read(self._targets[at], names)

    def _read(self, target: Connection, keys: Sequence[bytes]) -> None:
        if target.skip(b"+OK\r\n" * len(keys)):
            self.result.keys += len(keys)
            return
        for key in keys:
            reply = target.read()
            if not isinstance(reply, ErrorReply):
                self.result.keys += 1
            elif reply.code == "BUSYKEY":
                self.result.existing += 1
                if len(self.result.examples) < _SAMPLES:
                    self.result.examples.append(_shown(key))
            else:
                raise _refused(key, reply)

    def _copy_functions(self, source: Connection) -> None:
        """Copy libraries of functions, which Redis has since 7.0, to every primary."""
        payload = source.ask("FUNCTION", "DUMP")
        if not isinstance(payload, bytes) or isinstance(source.ask("FUNCTION", "LIST"), ErrorReply):
            return
        if not source.ask("FUNCTION", "LIST"):
            return
        how = "REPLACE" if self._replace else "APPEND"
        for target in self._targets:
            reply = target.ask("FUNCTION", "RESTORE", payload, how)
            if isinstance(reply, ErrorReply) and "already exists" not in str(reply):
                raise BadReply("the source's functions can't be loaded", detail=str(reply)[:200])


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
    if found and len(found) != SLOT_COUNT:
        raise RedistopoError(
            f"{SLOT_COUNT - len(found)} slots have no owner", hint="repair it: redistopo up"
        )
    return found


def _bounded(source: Connection, keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Split keys so that the payloads of a round trip stay small: large values come alone."""
    sizes = replies(source, [("MEMORY", "USAGE", key, "SAMPLES", 1) for key in keys])
    some: list[bytes] = []
    total = 0
    for key, size in zip(keys, sizes, strict=True):
        weight = size if isinstance(size, int) else 0
        if some and (total + weight > _MOST_BYTES or len(some) >= _MOST_KEYS):
            yield some
            some, total = [], 0
        some.append(key)
        total += weight
    if some:
        yield some


def _require(reply: Reply, what: str) -> None:
    if isinstance(reply, ErrorReply):
        raise BadReply(f"{what} failed", detail=str(reply)[:200])


def _shown(key: bytes) -> str:
    return ascii(key[:60].decode(errors="replace"))


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
