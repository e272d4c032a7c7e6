"""What a command made is removed again if it fails: files, and the folders made for them."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from redistopo.host import safe_open


@contextmanager
def leaving_nothing(*paths: Path) -> Iterator[None]:
    """On an error, Ctrl-C too, remove those of these files and folders, and of the folders above
    them, that weren't there before; a folder only if it is empty."""
    missing = {one for path in paths for one in (path, *path.parents) if not os.path.lexists(one)}
    try:
        yield
    except BaseException:
        for path in sorted(missing, key=lambda one: len(one.parts), reverse=True):
            _remove_alone(path)
        raise


def _remove_alone(path: Path) -> None:
    with suppress(OSError), safe_open.parent_of(path) as (folder, name):
        is_folder = stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode)
        (os.rmdir if is_folder else os.unlink)(name, dir_fd=folder)
