"""What a node's folder says: of its data, of its nodes.conf, of its Sentinel."""

import pytest

from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.data_files import Written
from redistopo.model.state.disk import DiskSeen, FileSeen

FULL, EMPTY = FileSeen(written=5, size=9), FileSeen(written=3, size=9, empty=True)
FOLDER = FileSeen(written=1, size=0, empty=True)


# files, whether there is data, whether there are keys, when data was last written
@pytest.mark.parametrize(
    ("files", "data", "keys", "written"),
    [
        ({}, False, False, 0),
        ({"redis.conf": FULL, "redis.log": FULL}, False, False, 0),
        ({"nodes.conf": FULL}, True, False, 0),
        ({"appendonlydir/": FOLDER}, True, False, 0),
        ({"dump.rdb": EMPTY}, True, False, 3),
        ({"dump.rdb": FULL}, True, True, 5),
        ({"appendonlydir/": FOLDER, "appendonlydir/a.1.base.rdb": EMPTY}, True, False, 0),
        ({"appendonlydir/": FOLDER, "appendonlydir/a.1.incr.aof": FULL}, True, True, 5),
        ({"appendonly.aof": EMPTY}, True, False, 3),
    ],
)
def test_data_and_keys(files: dict[str, FileSeen], data: bool, keys: bool, written: float) -> None:
    disk = DiskSeen(files=files)
    assert (disk.has_data, disk.has_keys, disk.written_at) == (data, keys, written)


@pytest.mark.parametrize(
    ("conf", "files", "snapshot", "log"),
    [
        ("", {"dump.rdb": FULL}, 5, 0),
        ("dbfilename b.rdb", {"dump.rdb": FULL, "b.rdb": EMPTY}, 3, 0),
        ("", {"appendonly.aof": FULL}, 0, 5),
        ("", {"appendonly.aof": FOLDER}, 0, 0),  # its first content is being written
        # a folder without a manifest is no log yet, whatever an older server left beside it
        ("", {"appendonlydir/": FOLDER, "appendonly.aof": FULL}, 0, 0),
        (
            "appenddirname d\nappendfilename f",
            {"d/": FOLDER, "d/f.manifest": FULL, "d/f.1.incr.aof": EMPTY, "d/g.1.incr.aof": FULL},
            0,
            3,
        ),
    ],
)
def test_the_files_of_a_configuration(
    conf: str, files: dict[str, FileSeen], snapshot: float, log: float
) -> None:
    found = DiskSeen(files=files).written(read_conf(conf))
    assert found == Written(snapshot=snapshot, log=log)


@pytest.mark.parametrize(
    ("text", "damage"),
    [
        (None, "missing"),
        ("", "empty"),
        ("\0\0\n", "empty"),
        ("abc 127.0.0.1:1 myself\n", "cut off"),
        ("abc 127.0.0.1:1 myself\nvars currentEpoch 1 lastVoteEpoch 0\n", ""),
    ],
)
def test_a_lost_nodes_conf(text: str | None, damage: str) -> None:
    assert DiskSeen(nodes_conf=text).damage == damage


def test_no_secret_is_printed() -> None:
    disk = DiskSeen(config="requirepass hush", started="masterauth hush", users="user a >hush")
    assert "hush" not in repr(disk)
