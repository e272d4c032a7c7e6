"""Reads a configuration's files on this machine, as a server would."""

from glob import glob, has_magic
from pathlib import Path

from redistopo.doctor.conf_includes import MOST_BYTES, MOST_FILES
from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.host.files import certainly_missing, read_errors
from redistopo.host.safe_open import UnusableFile, read_bytes


def included(path: Path) -> tuple[tuple[str, str], ...] | str:
    """Read an include; since 7.0 a pattern may match several files, or none (config.c,
    loadServerConfig). Patterns of folders are not followed: they may match the whole disk."""
    found = [str(path)]
    if has_magic(str(path.parent)):
        return "patterns of folders are not followed"
    if has_magic(path.name):
        found = sorted(glob(str(path)))  # noqa: PTH207  as a server does
    elif certainly_missing(path):
        return ()
    read: list[tuple[str, str]] = []
    for one in found:
        if len(read) == MOST_FILES or sum(len(text) for _path, text in read) > MOST_BYTES:
            return "it is too much"
        try:
            text = read_regular_file(Path(one))
        except (MissingPrerequisite, UsageError) as error:
            return error.detail
        if text is not None:
            read.append((one, text))
    return tuple(read)


def read_regular_file(path: Path) -> str | None:
    """Return a regular file's text, None if there is no file. Reading a FIFO or a device may block
    or never end: raises UsageError for those, and for more text than a configuration has."""
    path = Path(str(path).partition("\0")[0])  # a server reads the path up to a zero byte
    with read_errors(path):
        try:
            data = read_bytes(path, MOST_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except UnusableFile as error:
            raise _not_a_configuration(path, error.strerror or "") from error
    # a path may contain any bytes, and is passed to a server unchanged
    return data.decode(errors="surrogateescape")


def _not_a_configuration(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} is not a configuration file",
        detail=why,
        hint="name the redis.conf itself: redis-cli INFO server | grep config_file",
    )
