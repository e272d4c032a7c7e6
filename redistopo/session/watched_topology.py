"""The target of verbs that poll: the folder's topology, as far as it is started, or the
topology around an address, as far as it is discovered."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import field
from pathlib import Path
from typing import Protocol

from redistopo.checks.check_types import Expected
from redistopo.client.connection import Connections
from redistopo.client.discovery import (
    Discovered,
    credentials_elsewhere,
    discover,
    parse_address,
    with_new_nodes,
    with_sentinel_logins,
)
from redistopo.client.observe import observe
from redistopo.client.poller import Poller
from redistopo.client.target import Detail, Target
from redistopo.errors import BadReply, RedistopoError, Unreachable
from redistopo.model.protocol.credentials import Credentials, Login, single_credential
from redistopo.model.state.observed import Observed, Role
from redistopo.model.topology.spec import Shape, Topology
from redistopo.project.started_topology import nothing_started_error
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session, record_primary_unless_busy
from redistopo.session.session import CredentialSource, Session, SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRequest:
    """The folder's topology, or the one around `connect` with the login `access`; of a
    Sentinel, with the primary `master`, or all that it monitors.

    With `remembers`, changes of the primary are recorded: a replica that was promoted manually
    is primary again after all nodes have stopped, even if no command was run in between.
    """

    root: Path
    connect: str = ""
    master: str = ""
    access: Login = field(default_factory=Login)
    patience: float = 1.0
    remembers: bool = False


class WatchedTarget(Protocol):
    """A topology that may not exist yet, may grow, and may end."""

    name: str
    trouble: RedistopoError | None
    """Why there is nothing to observe; None if there is."""

    def snapshot(self) -> Observed | None:
        """Take a snapshot with the detail of HEALTH; None if there is nothing to observe yet."""

    def full_snapshot(self) -> Observed | None:
        """Take a snapshot with full detail, waiting for slow nodes."""

    @property
    def asked(self) -> Topology | None:
        """The topology file's content; None for an address."""

    @property
    def expected(self) -> Expected:
        """The expected state, as far as it is known."""

    @property
    def size(self) -> int:
        """The minimum number of nodes."""

    @property
    def credentials(self) -> Credentials:
        """The credentials of the last snapshot; `application` is None if its password isn't known
        here."""


@contextmanager
def open_target(request: TargetRequest) -> Iterator[WatchedTarget]:
    """Open the target; raises UsageError without a topology file or an address. The first
    snapshot of an address with a wrong password raises AccessDenied."""
    if request.connect:
        elsewhere = _Elsewhere(request)
        with elsewhere.poller:
            yield elsewhere
        return
    asked = SessionRequest(root=request.root, needs_started=False)
    with open_session(asked) as session:
        own = _Own(session, request)
        try:
            yield own
        finally:
            own.close()


class _Own:
    """The folder's topology: its configuration is read again for each snapshot, because `up`
    writes it, a rotation changes its passwords, and `down --wipe` removes it."""

    def __init__(self, session: Session, request: TargetRequest) -> None:
        self.name = session.topology.name
        self.asked = session.topology
        self.size = session.topology.count
        self.trouble: RedistopoError | None = None
        self._session = session
        self._request = request
        self._poller: Poller | None = None
        self._leading: list[str] = []

    @property
    def credentials(self) -> Credentials:
        return self._session.credentials_from(CredentialSource.APPLICATION)

    @property
    def expected(self) -> Expected:
        return self._session.expected

    def snapshot(self) -> Observed | None:
        try:
            targets = self._targets()
            if not targets or self._poller is None:
                return None
            seen = self._poller.snapshot(self._session.shape, targets)
        except FileNotFoundError:  # `down --wipe` removed what was being read
            self.trouble = nothing_started_error(self._session.layout)
            return None
        if self._request.remembers:
            self._remember(seen)
        return seen

    def full_snapshot(self) -> Observed | None:
        try:
            targets = self._targets()
            with Connections(self.credentials) as client:
                shape = self._session.shape
                return observe(shape, targets, client, Detail.FULL) if targets else None
        except FileNotFoundError:  # `down --wipe` removed what was being read
            self.trouble = nothing_started_error(self._session.layout)
            return None

    def close(self) -> None:
        if self._poller is not None:
            self._poller.__exit__(None, None, None)
            self._poller = None

    def _targets(self) -> tuple[Target, ...]:
        self._session.refresh()
        targets = self._session.targets
        self.trouble = None if targets else nothing_started_error(self._session.layout)
        if targets:
            self._open(self._session.credentials)
        return targets

    def _open(self, credentials: Credentials) -> None:
        if self._poller is None or self._poller.client.credentials != credentials:
            self.close()
            self._poller = Poller(credentials, patience=self._request.patience)

    def _remember(self, seen: Observed) -> None:
        """Record the primary as other verbs do, but only if it is new, and never while another
        verb changes the topology: then that verb keeps the record."""
        leading = [node.name for node in seen.answering if node.role is Role.PRIMARY]
        if seen.shape is not Shape.REPLICATION or not leading or leading == self._leading:
            return
        with suppress(RedistopoError):
            record_primary_unless_busy(self._session.layout.root, "watch", seen)
            self._leading = leading


class _Elsewhere:
    """The topology around an address, followed as it grows."""

    expected = Expected()
    asked = None
    size = 1

    def __init__(self, request: TargetRequest) -> None:
        self.name = request.connect
        self.trouble: RedistopoError | None = None
        self._entry = parse_address(request.connect)
        self._access, self._master = request.access, request.master
        self.credentials = single_credential(request.access)
        self.poller = Poller(self.credentials, patience=request.patience)
        self._found: Discovered | None = None

    def snapshot(self) -> Observed | None:
        if self._found is None:
            self._discover()
        if self._found is None:
            return None
        seen = self.poller.snapshot(self._found.shape, self._found.targets)
        self._found = with_new_nodes(self._found, seen, self._entry.port)
        return seen

    def full_snapshot(self) -> Observed | None:
        if self._found is None:
            return None
        with Connections(self.credentials) as client:
            return observe(self._found.shape, self._found.targets, client, Detail.FULL)

    def _discover(self) -> None:
        try:
            self.credentials = credentials_elsewhere(self._access, self._entry)
            with Connections(self.credentials, seconds=1.0) as client:
                self._found = discover(self._entry, client, self._master)
            self.credentials = self.poller.client.credentials = with_sentinel_logins(
                self.credentials, self._found
            )
            self.trouble = None
        except (Unreachable, BadReply) as error:
            self.trouble = error
