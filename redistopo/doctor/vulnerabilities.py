"""Releases of Redis and Valkey with known vulnerabilities: a small table with a date.

The sources of each row are in docs/doctor.md. A row is here only if a source names the fixed
releases; later publications are missing, so "none known" is no guarantee.
"""

from dataclasses import dataclass, replace

from redistopo.model.protocol.engine import Engine, Product, Version

AS_OF = "2026-09-17"
"""The date of its newest source; later publications are missing."""


_FIRST = Version(0)


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
    since: Version = _FIRST
    unauthenticated: bool = False
    tls: bool = False

    @property
    def severe(self) -> bool:
        """Whether it may allow code execution."""
        return "code" in self.what

    def in_line(self, version: Version) -> Version | None:
        """Return the release that fixes it in the version's own line, or None."""
        lines = {(one.major, one.minor): one for one in self.fixed}
        return lines.get((version.major, version.minor))

    def hits(self, engine: Engine) -> bool:
        """Tell whether that release is affected, by its version."""
        if engine.product is not self.product or engine.version < self.since:
            return False
        if self.tls and engine.tls is False:
            return False
        fixed = self.in_line(engine.version)
        return engine.version < (fixed or max(self.fixed))


def _versions(text: str) -> tuple[Version, ...]:
    return tuple(Version(*map(int, one.split("."))) for one in text.split())


VULNERABILITIES: tuple[Vulnerability, ...] = (
    Vulnerability(
        ids=("redis#15673",),
        product=Product.REDIS,
        what="EXEC doesn't check ACL key permissions again that were revoked",
        fixed=_versions("8.4.7 8.6.7 8.8.3 8.10.2"),
        since=Version(8, 4),
    ),
    Vulnerability(
        ids=("redis#15804",),
        product=Product.REDIS,
        what="deeply nested JSON in a query of a vector set crashes the server",
        fixed=_versions("8.2.10 8.4.7 8.6.7 8.8.3 8.10.2"),
        since=Version(8, 2),
    ),
    Vulnerability(
        ids=("GHSA-fq2f-crmw-q97r",),
        product=Product.VALKEY,
        what="use-after-free of the Lua interpreter",
        fixed=_versions("9.1.2"),
        since=Version(9, 1),
        unauthenticated=True,
    ),
    Vulnerability(
        ids=("CVE-2026-81934",),
        product=Product.REDIS,
        what="use-after-free in TLS connections, remote code execution",
        fixed=_versions("6.2.24 7.2.16 7.4.11 8.2.9 8.4.6 8.6.6 8.8.2 8.10.1"),
        unauthenticated=True,
        tls=True,
    ),
    Vulnerability(
        ids=("redis#15669",),
        product=Product.REDIS,
        what="a client certificate whose name has a NUL byte is accepted for another user",
        fixed=_versions("8.6.6 8.8.2 8.10.1"),
        since=Version(8, 6),
        tls=True,
    ),
    Vulnerability(
        ids=("redis#15594",),
        product=Product.REDIS,
        what="use-after-free of blocked clients; a malicious RDB corrupts memory",
        fixed=_versions("8.2.9 8.4.6 8.6.6 8.8.2 8.10.1"),
        since=Version(8, 2),
    ),
    Vulnerability(
        ids=("redis#15478",),
        product=Product.REDIS,
        what="SORT, GEORADIUS and XREAD bypass ACL key permissions",
        fixed=_versions("8.2.9 8.4.6 8.6.6 8.8.2"),
        since=Version(8, 2),
    ),
    Vulnerability(
        ids=("CVE-2026-66373",),
        product=Product.REDIS,
        what="double free by RESTORE of a stream, remote code execution",
        fixed=_versions("6.2.23 7.2.15 7.4.10 8.2.8 8.4.5 8.6.5 8.8.0"),
    ),
    Vulnerability(
        ids=("CVE-2026-56684",),
        product=Product.VALKEY,
        what="use-after-free in TLS connections by CLIENT KILL, remote code execution",
        fixed=_versions("7.2.14 8.0.10 8.1.9 9.0.5 9.1.1"),
        tls=True,
    ),
    Vulnerability(
        ids=("CVE-2026-63639",),
        product=Product.VALKEY,
        what="a corrupt stream in RDB or RESTORE, remote code execution",
        fixed=_versions("7.2.14 8.0.10 8.1.9 9.0.5 9.1.1"),
    ),
    Vulnerability(
        ids=("CVE-2026-23479",),
        product=Product.REDIS,
        what="use-after-free when a blocked client is evicted, remote code execution",
        fixed=_versions("7.2.15 7.4.9 8.2.6 8.4.3 8.6.3"),
        since=Version(7, 2),
    ),
    Vulnerability(
        ids=("CVE-2026-25243", "CVE-2026-23631"),
        product=Product.REDIS,
        what="invalid memory access by RESTORE, use-after-free by Lua, remote code execution",
        fixed=_versions("6.2.23 7.2.15 7.4.9 8.2.6 8.4.3 8.6.3"),
    ),
    Vulnerability(
        ids=("CVE-2026-23479", "CVE-2026-25243", "CVE-2026-23631"),
        product=Product.VALKEY,
        what="use-after-free of blocked clients and by Lua, RESTORE, remote code execution",
        fixed=_versions("7.2.13 8.0.9 8.1.7 9.0.4"),
    ),
    Vulnerability(
        ids=("CVE-2026-21863",),
        product=Product.VALKEY,
        what="a malformed cluster bus message crashes the server",
        fixed=_versions("7.2.12 8.0.7 8.1.6 9.0.3"),
        unauthenticated=True,
    ),
    Vulnerability(
        ids=("CVE-2025-67733",),
        product=Product.VALKEY,
        what="replies forged by Lua",
        fixed=_versions("7.2.12 8.0.7 8.1.6 9.0.3"),
    ),
    Vulnerability(
        ids=("CVE-2025-67733",),
        product=Product.REDIS,
        what="replies forged by Lua",
        fixed=_versions("7.2.13 7.4.8 8.0.6 8.2.5 8.4.2 8.6.1"),
        since=Version(7, 0),
    ),
    Vulnerability(
        ids=("CVE-2026-27623",),
        product=Product.VALKEY,
        what="a malformed request crashes the server",
        fixed=_versions("9.0.3"),
        since=Version(9, 0),
        unauthenticated=True,
    ),
    Vulnerability(
        ids=("CVE-2025-62507",),
        product=Product.REDIS,
        what="stack overflow by XACKDEL, remote code execution",
        fixed=_versions("8.2.3"),
        since=Version(8, 2),
    ),
    Vulnerability(
        ids=("CVE-2025-49844", "CVE-2025-46817", "CVE-2025-46818", "CVE-2025-46819"),
        product=Product.REDIS,
        what='Lua scripts run code outside their sandbox ("RediShell")',
        fixed=_versions("6.2.20 7.2.11 7.4.6 8.0.4 8.2.2"),
    ),
    Vulnerability(
        ids=("CVE-2025-49844", "CVE-2025-46817", "CVE-2025-46818", "CVE-2025-46819"),
        product=Product.VALKEY,
        what='Lua scripts run code outside their sandbox ("RediShell")',
        fixed=_versions("7.2.11 8.0.6 8.1.4"),
    ),
    Vulnerability(
        ids=("CVE-2025-32023",),
        product=Product.REDIS,
        what="out-of-bounds write by HyperLogLog, remote code execution",
        fixed=_versions("6.2.19 7.2.10 7.4.5 8.0.3"),
    ),
    Vulnerability(
        ids=("CVE-2025-48367",),
        product=Product.REDIS,
        what="failed accepts prevent new connections",
        fixed=_versions("6.2.19 7.2.10 7.4.5 8.0.3"),
        unauthenticated=True,
    ),
    Vulnerability(
        ids=("CVE-2025-32023",),
        product=Product.VALKEY,
        what="out-of-bounds write by HyperLogLog, remote code execution",
        fixed=_versions("7.2.10 8.0.4 8.1.3"),
    ),
    Vulnerability(
        ids=("CVE-2025-48367",),
        product=Product.VALKEY,
        what="failed accepts prevent new connections",
        fixed=_versions("7.2.10 8.0.4 8.1.3"),
        unauthenticated=True,
    ),
    Vulnerability(
        ids=("CVE-2025-21605",),
        product=Product.REDIS,
        what="clients without a password fill the memory",
        fixed=_versions("6.2.18 7.2.8 7.4.3"),
        unauthenticated=True,
    ),
    Vulnerability(
        ids=("CVE-2025-21605",),
        product=Product.VALKEY,
        what="clients without a password fill the memory",
        fixed=_versions("7.2.9 8.0.3 8.1.1"),
        unauthenticated=True,
    ),
    Vulnerability(
        ids=("CVE-2024-46981",),
        product=Product.REDIS,
        what="Lua scripts may run code",
        fixed=_versions("6.2.17 7.2.7 7.4.2"),
    ),
    Vulnerability(
        ids=("CVE-2024-51741",),
        product=Product.REDIS,
        what="a malformed ACL selector crashes the server",
        fixed=_versions("7.2.7 7.4.2"),
        since=Version(7, 0),
    ),
    Vulnerability(
        ids=("CVE-2024-31449", "CVE-2024-31228"),
        product=Product.REDIS,
        what="stack overflow by Lua's libraries; unbounded pattern matching",
        fixed=_versions("6.2.16 7.2.6 7.4.1"),
    ),
    Vulnerability(
        ids=("CVE-2024-31227",),
        product=Product.REDIS,
        what="a malformed ACL selector crashes the server",
        fixed=_versions("7.2.6 7.4.1"),
        since=Version(7, 0),
    ),
    Vulnerability(
        ids=("CVE-2024-31449", "CVE-2024-31227", "CVE-2024-31228"),
        product=Product.VALKEY,
        what="stack overflow by Lua's libraries; malformed ACL selectors; unbounded patterns",
        fixed=_versions("7.2.7 8.0.1"),
    ),
)


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
