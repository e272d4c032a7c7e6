"""A folder of a few plain files as one .tar.gz or .tar.zst, and back."""

import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import randbelow
from typing import BinaryIO

from redistopo.errors import RedistopoError
from redistopo.host.files import private_folder, remove, write_errors
from redistopo.host.large_files import plain_file
from redistopo.host.zstd import compressing, decompressed

GZIP, ZSTD = ".tar.gz", ".tar.zst"
SUFFIXES = (GZIP, ZSTD)

_LEVEL = 1
"""What is packed are RDB files, which servers compress already; more gains little."""

_MEMBER = re.compile(r"(?:[a-z]+/)?[A-Za-z0-9][A-Za-z0-9_.-]*")
_MOST_TEXT = 1 << 20


class DamagedArchive(ValueError):
    """An archive that can't be read, or has something else than plain files; the text says why."""


def without_suffix(name: str) -> str:
    """Return the name of an archive's folder."""
    return name.removesuffix(GZIP).removesuffix(ZSTD)


def pack(folder: Path, to: Path, first: str, suffix: str = GZIP) -> None:
    """Write a new archive of a folder's files, readable by its owner only, compressed as its suffix
    says; `first` is the file that is read without the others. Raises MissingPrerequisite if it
    can't be written."""
    files = sorted(one for one in folder.rglob("*") if one.is_file())
    files.sort(key=lambda one: one.name != first)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with write_errors(to), os.fdopen(os.open(to, flags, 0o600), "wb") as out:
        with _writing(out, suffix) as archive:
            for one in files:
                archive.add(one, str(one.relative_to(folder)), recursive=False)
        out.flush()
        os.fsync(out.fileno())


@contextmanager
def _writing(out: BinaryIO, suffix: str) -> Iterator[tarfile.TarFile]:
    if suffix == ZSTD:
        with compressing(out) as stream, tarfile.open(fileobj=stream, mode="w|") as archive:
            yield archive
        return
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=_LEVEL) as archive:
        yield archive


def first_text(path: Path, name: str) -> str:
    """Return the text of an archive's first file, which has this name; raises DamagedArchive."""
    with _read(path) as archive:
        member = archive.next()
        if member is None or member.name != name or member.size > _MOST_TEXT:
            raise DamagedArchive(f"it does not begin with {name}")
        file = archive.extractfile(member)
        return file.read().decode(errors="replace") if file else ""


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield the folder itself, or one beside the archive that has its files for that time. Raises
    DamagedArchive, MissingPrerequisite if there is no room."""
    if path.is_dir():
        yield path
        return
    name = without_suffix(path.name)
    around = path.with_name(f".{name}.{randbelow(10**9)}.unpacked")
    private_folder(around)
    try:
        folder = around / name
        private_folder(folder)
        with _read(path) as archive:
            for member in archive:
                _extract(archive, member, folder)
        yield folder
    finally:
        with suppress(RedistopoError):
            remove(around)


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one file; the archive is input, and must not lead out of the folder."""
    source = archive.extractfile(member) if member.isreg() else None
    if source is None or not _MEMBER.fullmatch(member.name):
        raise DamagedArchive(f"it has {member.name[:60]!a}, which no snapshot has")
    to = folder / member.name
    if to.parent != folder:
        private_folder(to.parent)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    with write_errors(to), os.fdopen(os.open(to, flags, 0o600), "wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)


@contextmanager
def _read(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with plain_file(path) as file:
            if path.name.endswith(ZSTD):
                with decompressed(file) as stream, tarfile.open(fileobj=stream, mode="r|") as found:
                    yield found
                return
            with tarfile.open(fileobj=file, mode="r:gz") as found:
                yield found
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise DamagedArchive(f"the archive is damaged: {error}") from error
