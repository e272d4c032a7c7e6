"""A container image of this machine's server: its programs, their libraries, and two users."""

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

_PROGRAMS = (
    "redis-server redis-cli sh cat mv chown find id grep awk seq sed date sleep tr dirname "
    "basename getent setpriv env timeout"
)
_TEXTS = {
    "etc/passwd": "root:x:0:0::/:/bin/sh\nredis:x:999:999::/data:/bin/sh\n",
    "etc/group": "root:x:0:\nredis:x:999:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}
_ENTRYPOINT = """#!/bin/sh
# As in images of Redis 8: files in /data keep their owner, and the server gets no capability.
set -e
if [ "$(id -u)" = 0 ]; then
    drop="--reuid=redis --regid=redis --clear-groups --no-new-privs --bounding-set=-all"
    exec setpriv $drop "$0" "$@"
fi
umask 0077
exec "$@"
"""


def write_image(path: Path) -> None:
    """A tar for `docker import`."""
    files = {f"bin/{name}": shutil.which(name) or name for name in _PROGRAMS.split()}
    for program in list(files.values()):
        done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
        files |= {found.lstrip("/"): found for found in re.findall(r"(/\S+) \(0x", done.stdout)}
    parents = {parent for name in (*files, *_TEXTS) for parent in Path(name).parents}
    with tarfile.open(path, "w") as made:
        for folder in sorted(map(str, {*parents, Path("export"), Path("run")} - {Path()})):
            _folder(made, folder)
        _folder(made, "data", owner=999)
        _folder(made, "tmp", mode=0o1777)
        for name, program in files.items():
            info = made.gettarinfo(Path(program).resolve(), name)
            info.uid = info.gid = 0
            with Path(program).open("rb") as file:
                made.addfile(info, file)
        for name, text in _TEXTS.items():
            _text(made, name, text)
        _text(made, "bin/docker-entrypoint.sh", _ENTRYPOINT, mode=0o755)


def _folder(made: tarfile.TarFile, name: str, *, mode: int = 0o755, owner: int = 0) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.uid, info.gid = tarfile.DIRTYPE, mode, owner, owner
    made.addfile(info)


def _text(made: tarfile.TarFile, name: str, text: str, *, mode: int = 0o644) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(text), mode
    made.addfile(info, io.BytesIO(text.encode()))
