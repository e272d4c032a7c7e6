"""On which files an engine can't start, or would start empty; the servers themselves are asked in
tests/real/test_compatibility.py."""

import pytest

from redistopo.model.planning.refuse_unreadable import unreadable
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.protocol.logged_data import LoggedData
from redistopo.model.protocol.rdb import RdbFacts
from redistopo.model.state.disk import DiskSeen, FileSeen

OLD = Engine(product=Product.REDIS, version=Version(6, 2, 14))
MIDDLE = Engine(product=Product.REDIS, version=Version(7, 0, 15))
NEW = Engine(product=Product.REDIS, version=Version(8, 2, 3))

LOGS, SAVES = "appendonly yes", "appendonly no"
MANIFEST = (
    "file appendonly.aof.1.base.rdb seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i"
)


def _snapshot(version: int = 10, by: str = "redis 7.0.15") -> FileSeen:
    facts = RdbFacts(keys=1, version=version, written_by=by)
    return FileSeen(written=1, size=90, snapshot=facts)


def _log(base: FileSeen, **more: object) -> DiskSeen:
    files = {
        "appendonlydir/": FileSeen(written=1, size=0, empty=True),
        "appendonlydir/appendonly.aof.1.base.rdb": base,
        "appendonlydir/appendonly.aof.1.incr.aof": FileSeen(written=1, size=9),
        "appendonlydir/appendonly.aof.manifest": FileSeen(written=1, size=len(MANIFEST)),
    }
    manifests = {"appendonlydir/appendonly.aof.manifest": MANIFEST}
    return DiskSeen(files=files, manifests=manifests, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("engine", "conf", "disk", "recorded", "reason"),
    [
        (OLD, LOGS, _log(_snapshot()), "redis 7.0.15", "ignores appendonlydir, and would start"),
        (OLD, LOGS, _log(_snapshot(9, "redis 6.2.14")), "", "ignores appendonlydir"),
        (MIDDLE, LOGS, _log(_snapshot()), "redis 7.0.15", ""),
        (MIDDLE, LOGS, _log(_snapshot(12)), "", "base.rdb has RDB version 12"),
        # the log begins with what 7.0 wrote, and goes on with what 8.2 did
        (MIDDLE, LOGS, _log(_snapshot()), "redis 8.2.3", "written by redis 8.2.3"),
        (
            MIDDLE,
            LOGS,
            _log(_snapshot(), logged=LoggedData(ready=True, engine="redis 7.0.15")),
            "redis 8.2.3",  # other nodes ran it, not this one
            "",
        ),
        (MIDDLE, SAVES, DiskSeen(files={"dump.rdb": _snapshot(12)}), "", "dump.rdb has RDB"),
        (MIDDLE, SAVES, DiskSeen(files={"dump.rdb": _snapshot()}), "redis 8.2.3", ""),
        (NEW, SAVES, DiskSeen(files={"dump.rdb": _snapshot()}), "redis 7.0.15", ""),
        # what no start loads doesn't matter, nor what isn't there
        (OLD, LOGS, DiskSeen(files={"dump.rdb": _snapshot(12)}), "redis 8.2.3", ""),
        (OLD, LOGS, DiskSeen(), "redis 8.2.3", ""),
        (OLD, LOGS, DiskSeen(nodes_conf="vars"), "redis 8.2.3", ""),
        # nothing but the record says who wrote it
        (OLD, SAVES, DiskSeen(files={"dump.rdb": FileSeen(written=1, size=9)}), "redis 7.0.15",
         "written by redis 7.0.15"),
        # the node was last started with another persistence than the file now asks for
        (OLD, SAVES, _log(_snapshot(), started=f"{LOGS}\nport 1\n"), "", "ignores appendonlydir"),
    ],
)  # fmt: skip
def test_files_and_engines(
    engine: Engine, conf: str, disk: DiskSeen, recorded: str, reason: str
) -> None:
    found = unreadable(engine, disk, read_conf(conf), recorded)
    assert (reason in found.reason) if found else not reason
    assert bool(found) is bool(reason)
