"""Releases of Redis and Valkey with known vulnerabilities: vulnerabilities.txt as values."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.quick_dataclass import dataclass

AS_OF = "2026-09-17"
"""The date of the newest source; later publications are missing."""

_TABLE = Path(__file__).with_name("vulnerabilities.txt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vulnerability:
    """The vulnerabilities fixed by one security release: `fixed` has the first good release of each
    line.

    A line older than the newest of these that isn't among them was never fixed; newer lines are
    not affected. `unauthenticated` means that no password is needed, `tls` that only servers with
    a TLS port are affected.
    """

    ids: tuple[str, ...]
    product: Product
    what: str
    fixed: tuple[Version, ...]
    since: Version
    unauthenticated: bool
    tls: bool

    @property
    def severe(self) -> bool:
        """Whether it may allow code execution."""
        return "code" in self.what

    def in_line(self, version: Version) -> Version | None:
        """Return the release that fixes it in the version's own line, or None."""
        lines = {(one.major, one.minor): one for one in self.fixed}
        return lines.get((version.major, version.minor))

    def hits(self, engine: Engine) -> bool:
        """Return whether that release is affected, by its version."""
        if engine.product is not self.product or engine.version < self.since:
            return False
        if self.tls and engine.tls is False:
            return False
        fixed = self.in_line(engine.version)
        return engine.version < (fixed or max(self.fixed))


def _table() -> Iterator[Vulnerability]:
    for line in _TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            product, ids, since, fixed, flags, what = map(str.strip, line.split("|"))
            yield Vulnerability(
                ids=tuple(ids.split()),
                product=Product(product),
                what=what,
                fixed=tuple(map(_version, fixed.split())),
                since=Version(0) if since == "-" else _version(since),
                unauthenticated="unauthenticated" in flags.split(),
                tls="tls" in flags.split(),
            )


def _version(text: str) -> Version:
    return Version(*map(int, text.split(".")))


VULNERABILITIES = tuple(_table())
"""All rows of vulnerabilities.txt."""


def vulnerabilities_of(engine: Engine) -> tuple[Vulnerability, ...]:
    """Return what a release is known to have, by its version, the newest first."""
    return tuple(flaw for flaw in VULNERABILITIES if flaw.hits(engine))


def first_fixed_release(engine: Engine) -> Version | None:
    """Return the first later release without any of it, in the same line if there is one; None if
    the release has no known vulnerability."""
    if not vulnerabilities_of(engine):
        return None
    later = {
        one
        for flaw in VULNERABILITIES
        if flaw.product is engine.product
        for one in flaw.fixed
        if one > engine.version
    }
    return min(one for one in later if not vulnerabilities_of(replace(engine, version=one)))
