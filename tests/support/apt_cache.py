"""Debian's apt as it is on a machine of a user: with its cache.

Images of containers turn the cache off, and then each `apt-cache` reads every list of packages,
which takes a second of the processor.
"""

import os
import shutil
from pathlib import Path

_PARTS = Path("/etc/apt/apt.conf.d")
_CACHES = ("pkgcache", "srcpkgcache")


def use_cache_in(folder: Path) -> dict[str, str]:
    """The variables with which apt has the configuration that it has, and a cache in that folder;
    none where there is no apt, or it is configured by a variable already."""
    if shutil.which("apt-cache") is None or "APT_CONFIG" in os.environ or not _PARTS.is_dir():
        return {}
    parts = folder / "parts"
    parts.mkdir()
    for part in _PARTS.iterdir():
        (parts / part.name).symlink_to(part)
    last = "".join(f'Dir::Cache::{name} "{folder}/{name}.bin";\n' for name in _CACHES)
    (parts / "zz-cache").write_text(last)
    first = folder / "apt.conf"
    first.write_text(f'Dir::Etc::Parts "{parts}";\n')
    return {"APT_CONFIG": str(first)}
