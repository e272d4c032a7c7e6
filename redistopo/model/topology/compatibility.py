"""Which engine reads the data of which, from disk and by replication, and shares a cluster.

Each row was tried on a server of that version (tests/real/test_compatibility.py); of a version
between two rows, the earlier one counts. nodes.conf isn't here: every supported engine reads that
of every other.
"""

from redistopo.model.protocol.engine import Engine, Product, Version, parse_request
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFormat:
    """The RDB version that the releases of a product write from `since` on, and where that is
    defined."""

    product: Product
    since: Version
    rdb: int
    source: str


DATA_FORMATS = (
    DataFormat(product=Product.REDIS, since=Version(6, 2), rdb=9, source="rdb.h of 6.2"),
    DataFormat(product=Product.REDIS, since=Version(7, 0), rdb=10, source="rdb.h of 7.0"),
    DataFormat(product=Product.REDIS, since=Version(7, 2), rdb=11, source="rdb.h of 7.2"),
    DataFormat(product=Product.REDIS, since=Version(7, 4), rdb=12, source="rdb.h of 7.4"),
    DataFormat(product=Product.REDIS, since=Version(8, 6), rdb=13, source="a file of 8.6.2"),
    DataFormat(
        product=Product.REDIS, since=Version(8, 8), rdb=14, source="presumed: between 8.6 and 8.10"
    ),
    DataFormat(product=Product.REDIS, since=Version(8, 10), rdb=15, source="a file of 8.10.2"),
    DataFormat(product=Product.VALKEY, since=Version(7, 2), rdb=11, source="rdb.h of 7.2.4"),
    DataFormat(product=Product.VALKEY, since=Version(9, 0), rdb=80, source="rdb.h of 9.0"),
)

SHARED_RDB = 11
"""The last RDB version that both products read: Valkey was forked from Redis 7.2, and refuses 12 to
79 as foreign (rdb.h, RDB_FOREIGN_VERSION_MIN); Redis doesn't know the magic of Valkey 9."""

_VALKEYS_OWN = 80
"""From here on, RDB versions are Valkey's."""

_LOG_FOLDER = Version(7, 0)
"""The append-only log is a folder since then. Before, a server ignores the folder: it starts
empty, without an error (aof.c)."""

_OWN_EXTENSIONS = Version(8, 0)
"""Since then both products send an extension of their own with the pings of the cluster bus, both
under the number 4: Valkey reads the internal secret of Redis as a client's address, and hands it
on, so that no node knows the other's address any more (cluster_legacy.h, clusterMsgPingtypes)."""

_OLDER_STREAM = Version(9, 1)
"""Valkey sends a replica that can't read its RDB version the shared one since then, unless a
hash field has a TTL."""


def rdb_version(engine: Engine) -> int:
    """Return the RDB version that an engine writes."""
    rows = (one for one in DATA_FORMATS if one.product is engine.product)
    return max((one.rdb for one in rows if one.since <= engine.version), default=SHARED_RDB)


def reads_rdb(engine: Engine, version: int) -> bool:
    """Return whether an engine loads a snapshot of that RDB version."""
    foreign = SHARED_RDB < version < _VALKEYS_OWN
    if engine.product is Product.VALKEY and foreign:
        return False
    return version <= rdb_version(engine)


def keeps_log_folder(engine: Engine) -> bool:
    """Return whether its append-only log is a folder; otherwise it would not find one."""
    return engine.product is Product.VALKEY or engine.version >= _LOG_FOLDER


def reads(engine: Engine, written_by: str) -> bool:
    """Return whether it loads the files of another engine, given as ``redis 7.0.15``; True if that
    isn't readable."""
    writer = _engine(written_by)
    if writer is None:
        return True
    found = keeps_log_folder(engine) or not keeps_log_folder(writer)
    return found and reads_rdb(engine, rdb_version(writer))


def follows(replica: Engine, primary: Engine) -> bool:
    """Return whether it can be fully synchronized from a primary of another engine."""
    if reads_rdb(replica, rdb_version(primary)):
        return True
    older = primary.product is Product.VALKEY and primary.version >= _OLDER_STREAM
    return older and reads_rdb(replica, SHARED_RDB)


def shares_bus(one: Engine, other: Engine) -> bool:
    """Return whether nodes of both engines can be in one cluster."""
    both = min(one.version, other.version)
    return one.product is other.product or both < _OWN_EXTENSIONS


def _engine(name: str) -> Engine | None:
    request = parse_request(name)
    if request is None or request.product is None or not request.numbers:
        return None
    return Engine(product=request.product, version=Version(*request.numbers))
