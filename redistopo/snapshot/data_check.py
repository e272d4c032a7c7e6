"""The digest of data: of a snapshot in temporary servers, and of a topology's primaries."""

from collections.abc import Callable, Iterable
from functools import reduce
from operator import add
from pathlib import Path
from typing import TypeVar

from redistopo.client.connection import raise_on_error
from redistopo.client.data_digest import bulk_connection, digest_of
from redistopo.errors import RedistopoError, Unreachable
from redistopo.execute.loaded_file import loaded_file
from redistopo.host.in_threads import in_threads
from redistopo.host.polling import Deadline
from redistopo.model.protocol.credentials import Credentials, Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Engine
from redistopo.model.protocol.replies import keys_by_database
from redistopo.model.state.observed import NodeSeen
from redistopo.snapshot.manifest import NO_DATA, DataDigest, Manifest
from redistopo.snapshot.stored import UnusableSnapshot

SMALL_BYTES = 64 << 20
SMALL_KEYS = 100_000
"""Data of at most this size and number of keys is verified in seconds, and so without being asked
to: a key takes some 25 microseconds, and servers compress what is in a file."""

_SECONDS = 60.0
_WORKERS = 2


def installed(wrote: str) -> str:
    """Return a server on this machine that can load data that another engine wrote; raises
    MissingPrerequisite."""
    from redistopo.host.engine_search import choose_engine
    from redistopo.model.topology.compatibility import reads
    from redistopo.project.load import engine_request

    engine = choose_engine(engine_request("auto")).engine
    if not reads(engine, wrote):
        engine = choose_engine(engine_request(wrote)).engine
    return engine.path


def is_verified(manifest: Manifest, asked: bool | None) -> bool:
    """Return whether the digest of a snapshot's data is computed: as asked, or if it is small."""
    small = manifest.bytes <= SMALL_BYTES and manifest.keys <= SMALL_KEYS
    return small if asked is None else asked


def loader(engine: Engine, wrote: str) -> str:
    """Return this engine's server if it can load data that another engine wrote, else one that is
    installed; raises MissingPrerequisite."""
    from redistopo.model.topology.compatibility import reads

    return engine.path if reads(engine, wrote) else installed(wrote)


def digest_of_snapshot(
    path: Path, manifest: Manifest, program: str, deadline: Deadline
) -> DataDigest:
    """Load each file into a temporary server, and compute the digest of all; raises UnloadableFile
    if one can't be loaded."""

    def one(name: str) -> DataDigest:
        with loaded_file(program, path / name, deadline) as server:
            return digest_of_server(server.endpoint, server.login, server.databases)

    found = _total(one, [shard.file for shard in manifest.shards])
    require_counts(path, manifest, found)
    return found


def digest_of_primaries(primaries: Iterable[NodeSeen], credentials: Credentials) -> DataDigest:
    """Compute the digest of a topology's data on its primaries, while no client writes."""

    def one(node: NodeSeen) -> DataDigest:
        found = tuple(keys_by_database(node.info))
        return digest_of_server(node.endpoint, credentials.login_to(node.endpoint), found)

    return _total(one, list(primaries))


Item = TypeVar("Item")


def _total(one: Callable[[Item], DataDigest], items: Iterable[Item]) -> DataDigest:
    return reduce(add, in_threads(one, items, most=_WORKERS), NO_DATA)


def digest_of_server(endpoint: Endpoint, login: Login, databases: tuple[int, ...]) -> DataDigest:
    """Compute the digest of some databases of a server that isn't written to."""
    total = NO_DATA
    try:
        connection = bulk_connection(endpoint, login, _SECONDS)
        try:
            for number in databases:
                if number or len(databases) > 1:
                    raise_on_error(connection.ask("SELECT", number), f"{endpoint}: SELECT")
                keys, expiring, found = digest_of(connection, number)
                total += DataDigest(keys=keys, expiring=expiring, digest=f"{found:032x}")
        finally:
            connection.close()
    except OSError as error:
        raise Unreachable(f"{endpoint} doesn't reply", detail=str(error)) from error
    return total


def require_counts(path: Path, manifest: Manifest, loaded: DataDigest) -> None:
    """Raise UnusableSnapshot if the files have other numbers of keys than the manifest; keys with a
    TTL may have expired since."""
    expiring = sum(one.expiring for one in manifest.shards)
    lasting, found = manifest.keys - expiring, loaded.keys - loaded.expiring
    if found != lasting or loaded.expiring > expiring:
        raise UnusableSnapshot(
            f"the snapshot {path.name} can't be used",
            detail=f"{found:,} keys that don't expire were loaded, {lasting:,} were saved",
            hint="use another one: redistopo snapshots --verify",
        )


def difference(before: DataDigest, now: DataDigest) -> str:
    """Return how data differs from a digest; "" if it doesn't. Keys with a TTL may be gone."""
    lasting, lasts = before.keys - before.expiring, now.keys - now.expiring
    if lasts != lasting:
        return f"{lasts:,} keys that don't expire, {lasting:,} were saved"
    if now.digest != before.digest:
        return "the number of keys is the same, but values differ"
    if now.expiring > before.expiring:
        return f"{now.expiring:,} keys expire, {before.expiring:,} did"
    return ""


def require_same(before: DataDigest, now: DataDigest, what: str) -> None:
    """Raise RedistopoError if data differs from a digest."""
    if fault := difference(before, now):
        raise RedistopoError(
            f"the data of {what} differs from that of the snapshot",
            detail=fault,
            hint="were there writes in the meantime? redistopo verify --no-write shows more",
        )
