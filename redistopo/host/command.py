"""Asking a program of this system one harmless question, within a time."""

import os
import subprocess

_SECONDS = 3.0
_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where a system's own programs are; not everybody has these on PATH."""


def search_path() -> str:
    """PATH, and behind it the folders of the system's own programs."""
    return os.pathsep.join((*os.get_exec_path(), *_SYSTEM))


def run_command(argv: list[str]) -> str | None:
    """What it printed on stdout, in English; None where it isn't there, refused, or took long."""
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False,
            stdin=subprocess.DEVNULL, start_new_session=True,
            env={"LC_ALL": "C", "PATH": search_path()},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None
