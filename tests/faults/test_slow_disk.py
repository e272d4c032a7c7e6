"""A disk whose synced writes (fsync) take long: what `up` says of it, and whether that helps."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.forms import FULL
from support.project import Project

CC = shutil.which("cc")

_SLOW = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int after_a_while(long call, int file) {
    struct timespec nap = {0, 600000000};
    nanosleep(&nap, 0);
    return syscall(call, file);
}

int fsync(int file) { return after_a_while(SYS_fsync, file); }
int fdatasync(int file) { return after_a_while(SYS_fdatasync, file); }
"""


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A library in which fsync takes 0.6 s."""
    source, library = tmp_path / "slow.c", tmp_path / "slow.so"
    source.write_text(_SLOW)
    subprocess.run([str(CC), "-shared", "-fPIC", "-o", library, source], check=True)
    return library


@pytest.mark.skipif(not FULL, reason="it waits for a slow disk: in the whole form only")
@pytest.mark.skipif(CC is None, reason="no C compiler")
@pytest.mark.fault(
    "a synced write (fsync) takes so long that a start isn't over within its time limit",
    "`up` names the disk and a longer limit, which is enough when it is typed",
)
def test_a_disk_that_is_too_slow_for_the_time_limit(project: Project, slow: Path) -> None:
    words = ("--replicas", "1", "--persistence", "aof", "--set", "appendfsync=always")
    project.init("replication", *words, engine=BUNDLED.path)
    project.installed = True  # forked, its own fsync would be the usual one
    project.env["LD_PRELOAD"] = str(slow)
    done = project.run("up", "--timeout", "1", "--json")
    assert done.code in (1, 3), done  # at which step the second is over differs
    told = done.json["error"]
    slowness = re.search(r"a synced write \(fsync\) in \S+ takes ([\d.]+) s", told["detail"])
    assert slowness, told
    assert float(slowness[1]) >= 0.6
    found = re.match(r"redistopo (up --timeout \d+),", told["hint"])
    assert found, told
    project.run(*shlex.split(found[1]), check=0)
    with project.client() as client:
        assert client.config_get("appendfsync") == {"appendfsync": "always"}
        assert client.set("a", "1")
        assert client.wait(1, 5000) == 1
