"""Temporary folders of programs that were killed."""

import subprocess
import sys
from pathlib import Path

import pytest

from redistopo.host.temporary_folder import temporary_folder

OWNER = """
from redistopo.host.temporary_folder import temporary_folder
with temporary_folder("redistopo-load-") as folder:
    (folder / "data").write_text("keys")
    print(folder, flush=True)
    input()
"""


def test_what_a_killed_owner_left_is_removed_by_the_next_use_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    argv, own = [sys.executable, "-c", OWNER], {"TMPDIR": str(tmp_path)}
    pipe = subprocess.PIPE
    with (
        subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, env=own) as killed,
        subprocess.Popen(argv, stdin=pipe, stdout=pipe, text=True, env=own) as living,
    ):
        assert killed.stdout is not None
        assert living.stdout is not None
        left, lives = (Path(one.readline().strip()) for one in (killed.stdout, living.stdout))
        killed.kill()
        killed.wait()
        # nobody knows whose these are
        strange = tmp_path / "redistopo-load-strange"
        strange.mkdir(mode=0o700)
        link = tmp_path / "redistopo-load-link"
        link.symlink_to(lives)
        with temporary_folder("redistopo-load-") as folder:
            assert sorted(tmp_path.iterdir()) == sorted([folder, lives, strange, link])
            assert (lives / "data").read_text() == "keys"
            assert not left.exists()
        living.communicate("\n")
    assert sorted(tmp_path.iterdir()) == sorted([strange, link])
