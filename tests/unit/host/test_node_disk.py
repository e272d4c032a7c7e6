"""A node's folder, read from a real one."""

import os
from pathlib import Path

import pytest

from redistopo.host.local_host import LOCAL
from redistopo.host.node_disk import read_disk
from redistopo.model.state.disk import DiskSeen
from redistopo.model.state.stop_record import StopRecord
from redistopo.model.topology.project_paths import Layout, NodeFolder

AUX = b"\xfa\x09redis-ver\x057.0.0\xfa\x0aredis-bits\xc0\x40"
EMPTY = b"REDIS0011" + AUX + b"\xff" + bytes(8)
ONE_KEY = b"REDIS0011" + AUX + b"\xfe\x00\xfb\x01\x00\x00\x01a\x01b\xff" + bytes(8)


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    made = Layout(tmp_path).node("node1")
    (made.root / "appendonlydir").mkdir(parents=True)
    return made


def test_no_folder_is_an_empty_one(tmp_path: Path) -> None:
    assert read_disk(LOCAL.files, Layout(tmp_path).node("node1")) == DiskSeen()


def test_files_are_seen_one_folder_deep(folder: NodeFolder) -> None:
    (folder.root / "appendonlydir" / "appendonly.aof.1.incr.aof").write_text("x")
    (folder.root / "appendonlydir" / "appendonly.aof.1.base.rdb").write_bytes(EMPTY)
    (folder.root / "dump.rdb").write_bytes(ONE_KEY)
    os.utime(folder.root / "dump.rdb", (7, 7))
    files = read_disk(LOCAL.files, folder).files
    assert {name: one.empty for name, one in files.items()} == {
        "appendonlydir/": True,
        "appendonlydir/appendonly.aof.1.base.rdb": True,
        "appendonlydir/appendonly.aof.1.incr.aof": False,
        "dump.rdb": False,
    }
    assert files["dump.rdb"].written == 7


def test_a_damaged_snapshot_may_hold_keys(folder: NodeFolder) -> None:
    (folder.root / "dump.rdb").write_bytes(ONE_KEY[:20])
    assert read_disk(LOCAL.files, folder).has_keys
    (folder.root / "dump.rdb").write_bytes(b"")
    assert not read_disk(LOCAL.files, folder).has_keys


def test_a_data_folder_behind_a_link_is_seen(folder: NodeFolder, tmp_path: Path) -> None:
    (folder.root / "appendonlydir").rmdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "appendonly.aof.1.incr.aof").write_text("x")
    (folder.root / "appendonlydir").symlink_to(tmp_path / "other")
    assert read_disk(LOCAL.files, folder).has_keys


REFUSED = "1:M # Unrecoverable error: corrupted cluster config file.\n"


@pytest.mark.parametrize(
    ("log", "refused"),
    [
        (REFUSED, True),
        (f"{REFUSED}# redistopo starts this server\n", False),
        ("1:M # Could not write the cluster config file\n", False),
    ],
)
def test_a_refused_nodes_conf_is_of_the_last_start(
    folder: NodeFolder, log: str, *, refused: bool
) -> None:
    folder.table.write_text("nonsense")
    folder.log.write_text(f"# redistopo starts this server\n{log}")
    assert bool(read_disk(LOCAL.files, folder).refusal) is refused
    assert not read_disk(LOCAL.files, folder, ended=False).refusal


def test_garbage_is_not_what_a_server_that_was_started_by_hand_wrote(folder: NodeFolder) -> None:
    names = [f"appendonlydir/appendonly.aof.{one}" for one in ("1.base.rdb", "manifest")]
    record = StopRecord(role="master", keys=1, offset=1, files=dict.fromkeys(names, 9))
    for name in names:
        (folder.root / name).write_text("garbage, and more of it")
    assert read_disk(LOCAL.files, folder, stopped=record).stopped == record
    (folder.root / names[0]).write_bytes(ONE_KEY)
    assert read_disk(LOCAL.files, folder, stopped=record).by_hand


def test_a_log_of_data_proofs_has_no_keys(folder: NodeFolder) -> None:
    log = folder.root / "appendonlydir" / "appendonly.aof.1.incr.aof"
    key = b"redistopo:verify:1{1}"
    proof = b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$1\r\nv\r\n" % (len(key), key)
    log.write_bytes(proof)
    assert not read_disk(LOCAL.files, folder).has_keys
    log.write_bytes(proof + proof.replace(key, b"x" * len(key)))
    assert read_disk(LOCAL.files, folder).has_keys
