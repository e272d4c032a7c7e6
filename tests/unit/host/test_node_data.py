"""Whether what a server keeps is there."""

from pathlib import Path

import pytest

from redistopo.host.local_host import LOCAL
from redistopo.host.node_data import has_log

MANIFEST = (
    "file a.aof.1.base.rdb seq 1 type h\n"
    'file "a.aof.2.base.rdb" seq 2 type b\n'
    "file a.aof.2.incr.aof seq 2 type i startoffset 0\n"
)
"""As a server writes it: the first is history, which it removes."""

CASES = [
    ("nothing", {}, False),
    ("a folder without a manifest", {"d/a.aof.1.base.rdb": "x"}, False),
    ("an old server's file", {"a.aof": ""}, False),
    (
        "all of it",
        {"d/a.aof.manifest": MANIFEST, "d/a.aof.2.base.rdb": "x", "d/a.aof.2.incr.aof": ""},
        True,
    ),
    ("an empty manifest", {"d/a.aof.manifest": "", "d/a.aof.2.incr.aof": "x"}, False),
    ("no base yet", {"d/a.aof.manifest": MANIFEST, "d/a.aof.2.incr.aof": ""}, False),
    ("no log", {"d/a.aof.manifest": MANIFEST, "d/a.aof.2.base.rdb": "x"}, False),
]


@pytest.mark.parametrize(
    ("files", "there"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_log_is_its_manifest_and_what_that_names(
    tmp_path: Path, files: dict[str, str], there: bool
) -> None:
    (tmp_path / "d").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    live = {"appendfilename": "a.aof", "appenddirname": "d"}
    assert has_log(LOCAL.files, tmp_path, live) is there


def test_before_redis_7_it_is_one_file(tmp_path: Path) -> None:
    assert not has_log(LOCAL.files, tmp_path, {})
    (tmp_path / "appendonly.aof").touch()
    assert has_log(LOCAL.files, tmp_path, {})
