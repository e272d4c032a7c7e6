"""Where keys are imported from: a data file, or the primaries of a topology elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path

from redistopo.client.connection import Connections
from redistopo.client.copy_keys import KeySource, owners_of
from redistopo.client.discovery import (
    credentials_elsewhere,
    discover,
    parse_address,
    with_sentinel_logins,
)
from redistopo.client.observe import observe
from redistopo.client.target import Detail
from redistopo.errors import RedistopoError, UsageError
from redistopo.execute.loaded_file import loaded_file
from redistopo.host.polling import Deadline
from redistopo.model.protocol.connect_url import parse_connect_url
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.replies import keys_by_database
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.state.shards import shards_of
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFrom:
    """What was asked for: a path, HOST:PORT or URL, and a login for the latter."""

    text: str
    access: Login = field(default_factory=Login)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSource:
    """The servers to read; `keys` has the number of keys of each database, `live` is whether
    clients may write to them in the meantime."""

    name: str
    servers: tuple[KeySource, ...]
    keys: dict[int, int]
    live: bool

    @property
    def total(self) -> int:
        """The number of keys."""
        return sum(self.keys.values())

    @property
    def endpoints(self) -> frozenset[Endpoint]:
        """The addresses of the servers."""
        return frozenset(one.endpoint for one in self.servers)


@contextmanager
def open_source(wanted: ImportFrom, program: str, deadline: Deadline) -> Iterator[ImportSource]:
    """Open a source until the block ends: a file is loaded into a temporary server by `program`.

    Raises RedistopoError if it can't be read, is no address and no file, or lacks a primary.
    """
    path = Path(wanted.text).expanduser()
    named = "/" in wanted.text or not (":" in wanted.text or wanted.text.isdecimal())
    if "://" not in wanted.text and (path.exists() or named):
        yield from _file(path, program, deadline)
        return
    yield _topology(wanted)


def _file(path: Path, program: str, deadline: Deadline) -> Iterator[ImportSource]:
    if not path.exists() or not (path.is_dir() or path.is_file()):
        raise UsageError(
            f"there is no file {path}",
            hint="give an RDB file, an append-only file, the folder appendonlydir, or HOST:PORT",
        )
    if path.is_dir() and not list(path.glob("*.manifest")):
        raise UsageError(
            f"{path} has no append-only file: there is no manifest in it",
            hint="give the folder appendonlydir of a server, or its dump.rdb",
        )
    with loaded_file(program, path, deadline) as server:
        one = KeySource(endpoint=server.endpoint, login=server.login, databases=tuple(server.keys))
        yield ImportSource(name=str(path), servers=(one,), keys=server.keys, live=False)


def _topology(wanted: ImportFrom) -> ImportSource:
    address, access = parse_connect_url(wanted.text, wanted.access)
    endpoint = parse_address(address)
    credentials = credentials_elsewhere(access, endpoint)
    with Connections(credentials) as client:
        found = discover(endpoint, client)
        client.credentials = with_sentinel_logins(credentials, found)
        seen = observe(found.shape, found.targets, client, Detail.HEALTH)
        owners = owners_of(seen, client.credentials)
    if not owners:
        raise RedistopoError(
            f"no primary was found at {endpoint}",
            hint="give the address of a running primary, or of a Sentinel",
        )
    keys: dict[int, int] = {}
    servers = []
    for one in owners:
        info = next(node.info for node in seen.answering if node.endpoint == one.endpoint)
        mine = keys_by_database(info)
        for number, count in mine.items():
            keys[number] = keys.get(number, 0) + count
        servers.append(
            KeySource(
                endpoint=one.endpoint,
                login=one.login,
                databases=tuple(sorted(mine)),
                stream=_stream(seen, one.endpoint, sentinels=bool(found.sentinels)),
            )
        )
    return ImportSource(name=str(endpoint), servers=tuple(servers), keys=keys, live=True)


def _stream(seen: Observed, primary: Endpoint, *, sentinels: bool) -> Endpoint | None:
    """The server to ask for the primary's writes. Sentinels add what asks their primary to its
    replicas, for ever (sentinel.c, sentinelRefreshInstanceInfo); a replica sends the same."""
    if not sentinels:
        return primary
    shards = [one for one in shards_of(seen) if one.primary and one.primary.endpoint == primary]
    online = [node for one in shards for node in one.replicas if _follows(node)]
    return min((node.endpoint for node in online), default=None)


def _follows(node: NodeSeen) -> bool:
    return node.info.get("master_link_status") == "up"
