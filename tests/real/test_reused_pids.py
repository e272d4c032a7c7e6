"""A process ends between the proof that it is ours and a signal, and its pid is another process's:
that isn't signalled, neither here nor on a host."""

import shutil
import signal
import subprocess
import sys

import pytest
from real.test_containers import APART

from redistopo.host.fleet.encoding import AT

_REUSE = """
import os, signal, subprocess, sys
from pathlib import Path

def process():
    return subprocess.Popen(["sleep", "60"])

def reused(ours):
    ours.kill()
    ours.wait()
    Path("/proc/sys/kernel/ns_last_pid").write_text(str(ours.pid - 1))
    stranger = process()
    assert stranger.pid == ours.pid
    strangers.append(stranger)

ours, strangers = process(), []
"""
_HERE = """
import psutil
from redistopo.host.server_process import signal_process

class Proven(psutil.Process):
    def is_running(self):
        found = super().is_running()
        reused(ours)
        return found

signal_process(Proven(ours.pid), signal.SIGKILL)
"""
_ON_A_HOST = """
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv[1] + "/module_utils")
from ansible.module_utils import redistopo_processes as module
from ansible.module_utils.redistopo_seen import process_seen, runs

def proven(*process):
    found = runs(*process)
    reused(ours)
    return found

module.runs = proven
module.send_signal({**process_seen(ours.pid, lost=False), "number": signal.SIGKILL})
"""
_JUDGED = """
assert strangers
strangers[0].terminate()
print(strangers[0].wait())
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="takes unshare of Linux")
@pytest.mark.parametrize("code", [_HERE, _ON_A_HOST], ids=["here", "on a host"])
def test_a_process_with_the_pid_of_one_that_ended_is_not_signalled(code: str) -> None:
    done = subprocess.run(
        [*APART, sys.executable, "-c", f"{_REUSE}{code}{_JUDGED}", AT],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, f"{-signal.SIGTERM}\n"), done.stderr
