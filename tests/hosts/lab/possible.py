"""Whether this system lets hosts be made."""

import os
import shutil
import subprocess
import sys
from functools import cache

_PROGRAMS = ("ip", "mount", "nsenter", "pivot_root", "setpriv", "ssh", "ssh-keygen", "unshare")
NEEDED = bool(os.environ.get("TESTS_NEED_LAB"))
"""Whether hosts could be made here before, so that it is a failure when they can't."""


@cache
def why_not() -> str:
    """The reason why no host can be made here; empty where it can."""
    if sys.platform != "linux":
        return "network namespaces are Linux's"
    if os.geteuid() != 0:
        return "making a host takes root"
    missing = [name for name in (*_PROGRAMS, "/usr/sbin/sshd") if not shutil.which(name)]
    if missing:
        return f"not on this machine: {', '.join(missing)} (openssh-server, iproute2)"
    return _refused()


def _refused() -> str:
    """What the system says to an overlay and to a virtual cable in namespaces of their own."""
    script = (
        "set -e; mount -t tmpfs lab /mnt; mkdir /mnt/u /mnt/w /mnt/r; "
        "mount -t overlay -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w lab /mnt/r; "
        "mount -t proc proc /mnt/r/proc; ip link add lab0 type bridge; ip link add cable type veth"
    )
    done = subprocess.run(
        ["unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "sh", "-c", script],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return f"the system forbids it: {done.stderr.strip()}" if done.returncode else ""
