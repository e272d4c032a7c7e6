"""Writes an archive that only its owner can read."""

import io
import os
import tarfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from redistopo.errors import UsageError
from redistopo.host.files import write_errors

Member = tuple[str, str]
"""A path inside the archive, and the text there."""


def write_archive(path: Path, folder: str, members: Iterable[Member]) -> tuple[str, ...]:
    """Write a new .tar.gz with mode 0600 and its members below `folder`; return their names.

    Members are produced one at a time, so that they are never all in memory. Raises UsageError
    if the file exists, MissingPrerequisite if it can't be written; then no part of it remains.
    """
    names = []
    with write_errors(path):
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError as error:
            raise UsageError(
                f"{path} exists already", hint="--out FILE names another one"
            ) from error
        try:
            with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as archive:
                os.fchmod(handle, 0o600)
                for name, text in members:
                    _add(archive, f"{folder}/{name}", text)
                    names.append(name)
        except BaseException:  # Ctrl-C too: no partial file remains
            with suppress(OSError):  # report the first error
                path.unlink()
            raise
    return tuple(names)


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    raw = text.encode(errors="replace")
    member = tarfile.TarInfo(name)
    member.size = len(raw)
    member.mode = 0o600
    member.mtime = int(time.time())
    archive.addfile(member, io.BytesIO(raw))
