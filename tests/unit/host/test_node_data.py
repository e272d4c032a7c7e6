"""Whether what a server keeps is there."""

from pathlib import Path

import pytest

from redistopo.host.local_host import LOCAL
from redistopo.host.node_data import log_damage

MANIFEST = (
    "file a.aof.1.base.rdb seq 1 type h\n"
    'file "a.aof.2.base.rdb" seq 2 type b\n'
    "file a.aof.2.incr.aof seq 2 type i startoffset 0\n"
)
"""As a server writes it: the first is history, which it removes."""

LISTED = {"d/a.aof.manifest": MANIFEST}
BASE, INCR = "d/a.aof.2.base.rdb", "d/a.aof.2.incr.aof"
WHOLE = {**LISTED, BASE: "REDIS0011", INCR: "*1\r\n$4\r\nPING\r\n"}

CASES = [
    ("nothing", {}, "d is missing"),
    ("a folder without a manifest", {BASE: "REDIS0011"}, "d/a.aof.manifest is missing"),
    ("an old server's file", {"a.aof": ""}, "d is missing"),
    ("all of it", WHOLE, ""),
    ("an empty manifest", {**WHOLE, "d/a.aof.manifest": ""}, "d/a.aof.manifest is empty"),
    ("a wrong manifest", {**WHOLE, "d/a.aof.manifest": "x"}, "d/a.aof.manifest is damaged"),
    ("no base yet", {**LISTED, INCR: ""}, f"{BASE} is missing"),
    ("no log", {**LISTED, BASE: "REDIS0011"}, f"{INCR} is missing"),
    ("a cut log", {**WHOLE, INCR: "*1\r\n"}, "its files have 13 bytes of the 23 that the server"),
    ("another base", {**WHOLE, BASE: "garbage " * 9}, f"{BASE} is neither a snapshot nor a log"),
]


@pytest.mark.parametrize(
    ("files", "damage"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_log_is_its_manifest_and_all_that_was_written_to_what_that_names(
    tmp_path: Path, files: dict[str, str], damage: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text.encode())
    live = {"appendfilename": "a.aof", "appenddirname": "d"}
    found = log_damage(LOCAL.files, tmp_path, live, {"aof_current_size": "23"})
    assert (found.startswith(damage) and bool(damage)) or found == damage


def test_while_a_log_is_written_again_its_size_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.aof").touch()
    info = {"aof_current_size": "23", "aof_rewrite_in_progress": "1"}
    assert log_damage(LOCAL.files, tmp_path, {"appendfilename": "a.aof"}, info) == ""


def test_before_redis_7_it_is_one_file(tmp_path: Path) -> None:
    assert log_damage(LOCAL.files, tmp_path, {}, {}) == "appendonly.aof is missing"
    (tmp_path / "appendonly.aof").touch()
    assert log_damage(LOCAL.files, tmp_path, {}, {}) == ""
