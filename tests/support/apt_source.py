"""An apt source of one package on a host of a lab: this machine's redis-server, packed again."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

from hosts.lab import Host

PACKAGE = "redis-server"
SOURCE = "/opt/source"
_INFO = Path("/var/lib/dpkg/info")


def packed(folder: Path) -> Path | None:
    """The package as a file, with the scripts that start its service; None if it isn't here."""
    seen = _printed("dpkg-query", "-s", PACKAGE)
    if "Status: install ok installed" not in seen or not shutil.which("dpkg-deb"):
        return None
    root = folder / "package"
    for name in _printed("dpkg-query", "-L", PACKAGE).splitlines():
        path, into = Path(name), root / name.lstrip("/")
        if path.exists() and not path.is_dir():  # documentation may have been left out
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, into, follow_symlinks=False)
    control = root / "DEBIAN"
    control.mkdir(parents=True)
    for name in ("postinst", "prerm", "postrm", "conffiles"):
        shutil.copy2(_INFO / f"{PACKAGE}.{name}", control / name)
    conffiles = r"^Conffiles:\n(?: .*\n)+"
    text = re.sub(r"^Status:.*\n", "", re.sub(conffiles, "", seen, flags=re.M), flags=re.M)
    (control / "control").write_text(text)
    made = folder / f"{PACKAGE}.deb"
    subprocess.run(["dpkg-deb", "-Znone", "-b", root, made], check=True, capture_output=True)
    return made


def without_package(host: Host) -> None:
    """The host has no server, and no source that needs a network."""
    assert host.run("stat", "-f", "-c", "%T", "/").stdout.strip() == "overlayfs"
    host.run("dpkg", "--purge", PACKAGE)
    host.run("sh", "-c", "rm -rf /etc/apt/sources.list* /var/lib/apt/lists/*")
    host.path("/etc/apt/sources.list.d").mkdir()
    host.path("/etc/apt/preferences.d/source").write_text(
        "Package: *\nPin: release *\nPin-Priority: 500\n"
    )


def offer(host: Host, package: Path) -> None:
    """The package is in an apt source of the host."""
    folder = host.path(SOURCE)
    folder.mkdir()
    shutil.copy(package, folder / package.name)
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    control = _printed("dpkg-deb", "-f", package).strip()
    more = f"Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n"
    (folder / "Packages").write_text(f"{control}\n{more}")
    source = host.path("/etc/apt/sources.list.d/source.list")
    source.write_text(f"deb [trusted=yes] file:{SOURCE} ./\n")


def _printed(*argv: str | Path) -> str:
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60).stdout
