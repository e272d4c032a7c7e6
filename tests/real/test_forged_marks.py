"""A mark names a process that isn't a server of ours: no verb sends it a signal."""

import json
import os
import shutil
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.other_user import NEEDS_ROOT, UID, hidden_process, home_of, run_as

from redistopo.host.server_process import boot_id, started_at


def _forge(path: Path, pid: int, config: Path) -> None:
    """A mark of that process, from what every user can read."""
    mark = {
        "node": "node1", "pid": pid, "started": started_at(pid), "boot": boot_id(),
        "executable": BUNDLED.path, "config": str(config), "launching": False,
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(mark))
    for one in (path, *path.parents):
        if one.name.startswith("redistopo-test-"):
            break
        os.chown(one, UID, UID)


@NEEDS_ROOT
@pytest.mark.fault(
    "a process mark was forged for a process of the same user whose folder can't be read, as of "
    "ssh-agent",
    "it is not taken for a server: no verb sends it a signal",
)
def test_what_cannot_be_read_is_not_ours() -> None:
    with home_of(UID) as root, hidden_process(UID) as process:
        port = str(28000 + os.getpid() % 900)
        done = run_as(UID, root, "init", "standalone", "--port", port)
        assert done.returncode == 0, done.stderr
        state = root / ".redistopo"
        state.mkdir()
        (state / "MARKER").write_text("ours")
        config = state / "nodes" / "node1" / "redis.conf"
        _forge(state / "nodes" / "node1" / "process.json", process.pid, config)
        shutil.chown(state / "MARKER", UID, UID)
        config.write_text(f"bind 127.0.0.1\nport {port}\n")
        _forge(state / "formation.json", process.pid, config)
        for words in (("kill", "node1"), ("down", "--wipe", "--yes")):
            run_as(UID, root, *words)
            assert process.poll() is None, words
