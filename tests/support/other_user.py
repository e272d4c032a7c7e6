"""Commands and processes of another ordinary user of the machine; only root can start them."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.forked import COMMAND

NEEDS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root can be another user"
)

UID, OTHER_UID = 54321, 54322
"""Two users that have no account."""

_HIDDEN = """
import ctypes, time
assert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0  # PR_SET_DUMPABLE, as ssh-agent does
print("hidden", flush=True)
time.sleep(300)
"""


def as_user(uid: int, *argv: str) -> list[str]:
    """The command line of a process of that user. It may read what root may, since Python may be
    installed in root's home folder; that opens neither another process nor anything to write."""
    may = "+dac_read_search"
    ids = (f"--reuid={uid}", f"--regid={uid}", "--clear-groups")
    caps = (f"--inh-caps={may}", f"--ambient-caps={may}", f"--bounding-set=-all,{may}")
    return ["setpriv", *ids, *caps, *argv]


@contextmanager
def home_of(uid: int) -> Iterator[Path]:
    """A folder of that user, which others can read."""
    folder = Path(tempfile.mkdtemp(prefix="redistopo-test-"))
    os.chown(folder, uid, uid)
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def run_as(uid: int, root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of that user in a folder."""
    return subprocess.run(
        as_user(uid, sys.executable, COMMAND, *words),
        cwd=root, text=True, capture_output=True, check=False,
        env={**os.environ, "HOME": str(root), "XDG_STATE_HOME": str(root / "state")},
        stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip


@contextmanager
def hidden_process(uid: int) -> Iterator[subprocess.Popen[str]]:
    """A process of that user whose folder nobody but root can read; it was alive at the end."""
    argv = as_user(uid, sys.executable, "-c", _HIDDEN)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "hidden\n"
            yield process
            assert process.poll() is None
        finally:
            process.kill()
