"""A lab by hand: ``PYTHONPATH=tests python -m hosts.lab [NUMBER] [COMMAND...]``.

The command, or a shell, has the hosts' addresses in $HOSTS (h1=10.1.2.1,h2=...), and an ssh that
knows them. Its network is its own, so nothing of this machine's is changed.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from support.network import isolate

from . import opened, why_not


def main(number: int, command: list[str]) -> int:
    """The command's exit code."""
    if reason := why_not():
        sys.exit(reason)
    isolate()
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder), number) as lab:
        hosts = ",".join(f"{one.name}={one.address}" for one in lab.hosts.values())
        env = {**os.environ, **lab.env, "HOSTS": hosts}
        return subprocess.run(command, env=env, check=False).returncode


if __name__ == "__main__":
    given = sys.argv[1:]
    how_many = int(given.pop(0)) if given and given[0].isdigit() else 3
    sys.exit(main(how_many, given or [os.environ.get("SHELL", "/bin/sh")]))
