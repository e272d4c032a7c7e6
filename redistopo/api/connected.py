"""A topology that somebody else started, found from the URL of one of its nodes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from redistopo.api import from_verbs
from redistopo.api.clients import make_async_client, make_client
from redistopo.api.results import Node, Verdict
from redistopo.model.protocol.connect_url import parse_connect_url
from redistopo.model.protocol.credentials import Login, TlsFiles
from redistopo.model.state.application_access import ApplicationAccess, url_of
from redistopo.model.state.shards import shards_of
from redistopo.model.state.status_rows import status_rows
from redistopo.progress import Progress, no_progress

if TYPE_CHECKING:
    from redistopo.ops.verify import VerifyResult


class ConnectedTopology:
    """A topology elsewhere; each method and attribute looks at it as it is now."""

    def __init__(self, address: str, login: Login, progress: Progress = no_progress) -> None:
        self._address = address
        self._login = login
        self._progress = progress

    def __repr__(self) -> str:
        return f"ConnectedTopology({self._address!r})"

    @property
    def url(self) -> str:
        """The URL of its primary, or of a cluster's first one, with the password."""
        return url_of(self._access().entry, self._login)

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs of all data nodes, with the password."""
        return tuple(url_of(one, self._login) for one in self._access().nodes)

    @property
    def password(self) -> str:
        """The password in the URL; "" without one."""
        return self._login.password

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes with their current roles, shards and slots."""
        rows = status_rows(self._look(write=False, timeout=0.0).seen)
        return tuple(map(from_verbs.node, rows))

    def client(self, **options: Any) -> Any:
        """Create a redis-py client that fits the shape; `options` are passed on to it."""
        return make_client(self._access(), options)

    def async_client(self, **options: Any) -> Any:
        """Create the same client of redis.asyncio."""
        return make_async_client(self._access(), options)

    def verify(self, *, write: bool = True, timeout: float = 5.0) -> Verdict:
        """Run every check; with `write`, a write to each shard is read back from its replicas."""
        return from_verbs.verdict(self._look(write=write, timeout=timeout).findings)

    def _look(self, *, write: bool, timeout: float) -> "VerifyResult":
        from redistopo.ops.verify import VerifyRequest, verify

        request = VerifyRequest(
            root=Path(),
            connect=self._address,
            access=self._login,
            seconds=timeout,
            write=write,
        )
        return verify(request, self._progress)

    def _access(self) -> ApplicationAccess:
        seen = self._look(write=False, timeout=0.0).seen
        primaries = [shard.primary for shard in shards_of(seen) if shard.primary]
        data = [node for node in seen.nodes if not node.is_sentinel]
        names = (watch.name for watch in seen.named_watches)
        return ApplicationAccess(
            name=self._address,
            folder="",
            shape=seen.shape,
            entry=(primaries or data or [*seen.nodes])[0].endpoint,
            nodes=tuple(node.endpoint for node in data),
            login=self._login,
            sentinels=tuple(node.endpoint for node in seen.nodes if node.is_sentinel),
            service=next(names, ""),
            sentinel=self._login,
        )


def connect(
    url: str,
    *,
    ca: str = "",
    cert: str = "",
    follow: bool = False,
    progress: Progress | None = None,
) -> ConnectedTopology:
    """Return the topology around a server that something else started.

    `url` is redis://user:password@host:port, rediss:// for TLS with the files `ca` and `cert` (a
    client certificate with its key), or HOST:PORT. Nothing is connected to before it is used. The
    login is used only for that host, unless `follow`: if the servers name nodes at others, methods
    raise OtherHosts. Raises UsageError for an invalid URL.
    """
    hosts: frozenset[str] | None = None if follow else frozenset()
    login = Login(tls=TlsFiles(ca=ca, pem=cert) if ca else None, hosts=hosts)
    address, login = parse_connect_url(url, login)
    return ConnectedTopology(address, login, progress or no_progress)
