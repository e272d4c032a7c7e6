"""Follows the writes to a source while its keys are copied, by what it sends to replicas."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from redistopo.client.connection import BinaryCommand
from redistopo.client.copy_keys import KeySource, connected, select
from redistopo.client.data_digest import replies
from redistopo.client.server_connection import Connection
from redistopo.client.write_notices import ANY, WriteNotices
from redistopo.client.write_stream import NoStream, WriteStream
from redistopo.errors import TimedOut, Unreachable
from redistopo.host.polling import Deadline, wait_for
from redistopo.importing.copy_passes import QUIET_SECONDS, Copying, ImportPass, copy_pass
from redistopo.importing.import_source import ImportSource
from redistopo.model.protocol.command_keys import parse_commands
from redistopo.model.protocol.replies import parse_info
from redistopo.progress import note
from redistopo.quick_dataclass import dataclass

_REPORT_SECONDS = 5.0

_NEAR_SECONDS, _NEAR_KEYS = 0.1, 1000
"""What is left takes a moment if the last turn took no longer, and no more keys are known."""


@dataclass(slots=True, kw_only=True)
class FollowedServer:
    """A server of the source: a connection to it, its stream, and what that tells."""

    source: KeySource
    reader: Connection
    stream: WriteStream
    notices: WriteNotices
    database: int = 0

    def note(self) -> None:
        """Note what has arrived."""
        for words in self.stream.commands():
            self.notices.add(words)

    def offset(self) -> int:
        """Ask the server how far its own stream is."""
        return int(self.info("replication").get("master_repl_offset", 0))

    def ask(self, *commands: BinaryCommand) -> list[object]:
        """Return the replies to commands; raises Unreachable."""
        try:
            return replies(self.reader, commands)
        except OSError as error:
            raise Unreachable(
                f"{self.source.endpoint} was lost",
                detail=str(error),
                hint="once it is up: run the same command again with --replace",
            ) from error

    def info(self, section: str) -> dict[str, str]:
        """Return a section of the server's INFO."""
        (reply,) = self.ask(("INFO", section))
        return dict(parse_info(reply.decode(errors="replace") if isinstance(reply, bytes) else ""))

    def select(self, number: int) -> None:
        """Select a database on the connection."""
        if number != self.database:
            select(self.reader, number)
            self.database = number


class FollowedSource:
    """All servers of a source, and the `databases` that have or had keys.

    What copies calls `note` again and again: what a server has sent and we haven't read takes its
    memory, and in the end it closes the connection (client-output-buffer-limit replica).
    """

    def __init__(self, servers: tuple[FollowedServer, ...]) -> None:
        self.servers = servers
        self.databases = {0}.union(*(one.source.databases for one in servers))

    def note(self) -> bool:
        """Note what has arrived; return whether something is to be copied."""
        for one in self.servers:
            one.note()
        return any(one.notices for one in self.servers)

    def drained(self, offsets: tuple[int, ...]) -> bool:
        """Return whether everything up to these offsets was noted."""
        self.note()
        pairs = zip(self.servers, offsets, strict=True)
        return all(one.stream.offset >= offset for one, offset in pairs)

    def offsets(self) -> tuple[int, ...]:
        """Ask the servers how far their streams are."""
        return tuple(one.offset() for one in self.servers)

    def pending(self) -> int:
        """Return how many keys are to be copied, as far as that is known."""
        return sum(len(one.notices.names) + len(one.notices.unresolved) for one in self.servers)

    def copy_noted(self, copying: Copying) -> ImportPass:
        """Copy what was noted: keys that are there as they are now, and delete others."""
        began, before = time.monotonic(), copying.copy.result.keys
        for one in self.servers:
            _resolve(one)
        deleted = 0
        if any(one.notices.everything for one in self.servers):
            for one in self.servers:
                one.notices.everything = False
            deleted = copy_pass(copying).deleted
        for one in self.servers:
            deleted += self._copy_names(one, copying)
            if one.notices.functions:
                one.notices.functions = False
                copying.copy.refresh_functions(one.source.endpoint, one.reader)
        copied = copying.copy.result.keys - before
        took = time.monotonic() - began
        return ImportPass(copied=copied, changed=copied, deleted=deleted, seconds=took)

    def _copy_names(self, one: FollowedServer, copying: Copying) -> int:
        by_database: dict[int, set[bytes]] = {}
        for number, key in one.notices.take_names():
            self.databases.add(max(number, 0))
            for each in self.databases if number == ANY else (number,):
                by_database.setdefault(each, set()).add(key)
        deleted = 0
        for number, keys in sorted(by_database.items()):
            one.select(number)
            deleted += copying.copy.refresh(one.reader, number, list(keys))
        return deleted


def _resolve(one: FollowedServer) -> None:
    """Ask the server for the keys of commands that its table doesn't tell."""
    wanted, one.notices.unresolved = one.notices.unresolved, []
    commands: list[BinaryCommand] = [("COMMAND", "GETKEYS", *words) for _, words in wanted]
    found = one.ask(*commands)
    for (number, _), keys in zip(wanted, found, strict=True):
        if isinstance(keys, list):
            one.notices.add_keys(number, [key for key in keys if isinstance(key, bytes)])
        else:
            one.notices.everything = True


@contextmanager
def followed(source: ImportSource) -> Iterator[FollowedSource]:
    """Follow all writes from now on until the block ends; raises NoStream if a server refuses."""
    with ExitStack() as stack:
        servers: list[FollowedServer] = []
        for one in source.servers:
            if one.stream is None:
                raise NoStream(
                    f"{one.endpoint} is not asked for its writes",
                    detail="its Sentinels would take what asks for a replica, and it has none",
                )
            reader = stack.enter_context(connected(one.endpoint, one.login))
            table = parse_commands(replies(reader, [("COMMAND",)])[0])
            if not table:
                raise NoStream(f"{one.endpoint} doesn't list its commands")
            stream = WriteStream(one.stream, one.login)
            stack.callback(stream.close)
            stream.begin()
            notices = WriteNotices(table)
            servers.append(
                FollowedServer(source=one, reader=reader, stream=stream, notices=notices)
            )
        yield FollowedSource(tuple(servers))


def follow_until(
    copying: Copying, writes: FollowedSource, *, near: bool
) -> tuple[ImportPass, bool]:
    """Copy what is written until nothing was for a while, or, with `near`, until what is left takes
    a moment. Return what was copied, and whether that was reached within the deadline."""
    total = ImportPass(copied=0, changed=0, deleted=0, seconds=0)
    reported = time.monotonic()
    while not copying.deadline.over:
        last = writes.copy_noted(copying)
        total = added(total, last)
        writes.note()
        if near and last.seconds < _NEAR_SECONDS and writes.pending() <= _NEAR_KEYS:
            return total, True
        if not near and _stays_quiet(writes):
            return total, True
        if time.monotonic() - reported > _REPORT_SECONDS:
            reported = time.monotonic()
            text = f"{total.changed:,} keys were copied again, {writes.pending():,} are next"
            note(copying.progress, text)
    return total, False


def _stays_quiet(writes: FollowedSource) -> bool:
    with suppress(TimedOut):
        return not wait_for(lambda: True if writes.note() else None, Deadline(QUIET_SECONDS))
    return writes.drained(writes.offsets())


def added(one: ImportPass, other: ImportPass) -> ImportPass:
    """Return both as one."""
    return ImportPass(
        copied=one.copied + other.copied,
        changed=one.changed + other.changed,
        deleted=one.deleted + other.deleted,
        seconds=one.seconds + other.seconds,
    )
