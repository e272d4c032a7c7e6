"""An open topology folder: its files, credentials and connections."""

from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from redistopo.checks.check_types import Expected
from redistopo.client.connection import Connections
from redistopo.client.observe import observe
from redistopo.client.target import Detail, Target
from redistopo.host.files import read_text
from redistopo.host.host import Host
from redistopo.host.local_host import LOCAL
from redistopo.host.polling import Deadline
from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState, with_primary_seen
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape, Topology
from redistopo.progress import Progress
from redistopo.project.load import Project, adopted_plan, load_project, plan_of
from redistopo.project.passwords import load_credentials, load_password
from redistopo.project.started_topology import (
    address_conf,
    credentials_in_use,
    rendered_confs,
    shape_of,
    targets_in_use,
)
from redistopo.project.topology_state_file import load_topology_state, save_record
from redistopo.quick_dataclass import dataclass
from redistopo.session.adopted import adopted_in_file, adopted_servers
from redistopo.session.expected import expected_of

if TYPE_CHECKING:
    from redistopo.execute.context import ExecutionContext
    from redistopo.execute.shutdown import ShutdownRequest
    from redistopo.model.planning.password_rotation import PasswordRotation
    from redistopo.model.planning.plan import Plan


class CredentialSource(Enum):
    """The source of a verb's credentials."""

    RUNNING = auto()  # what the servers were started with; never the application's password
    APPLICATION = auto()  # the same, and the application's, which only the user may know
    FILE = auto()  # those of the topology file; "" if none was generated yet
    MADE = auto()  # the same, and missing ones are generated
    SUPPOSED = auto()  # the same, but generated ones aren't saved


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """What a verb needs of the topology in a folder.

    `lock` is the verb's name if it changes the topology: no other command does so in the meantime,
    and its progress is logged; "" for a query, which writes nothing. `seconds` is the time limit,
    including the wait for the lock. Without `needs_file` the topology file may be invalid, without
    `needs_started` no node need have been started yet, without `needs_topology` the folder may be
    empty. `verb` is its name if it has no lock, for what is refused on adopted servers. With
    `skip_unreachable`, hosts that aren't reached are left out, and not locked.
    """

    root: Path
    lock: str = ""
    verb: str = ""
    seconds: float = 60.0
    credentials: CredentialSource = CredentialSource.RUNNING
    needs_file: bool = True
    needs_started: bool = True
    needs_topology: bool = True
    skip_unreachable: bool = False


class Session:
    """Reads each file once, on first use; `refresh` reads files again that may have changed in
    the meantime. `locked` is whether the lock is held, `host` is the machine of the nodes."""

    def __init__(
        self, request: SessionRequest, layout: Layout, progress: Progress, host: Host = LOCAL
    ) -> None:
        self.layout = layout
        self.host = host
        self.deadline = Deadline(request.seconds)
        self.progress = progress
        self.locked = False
        self._request = request
        self._text: str | None = None

    @property
    def skip_unreachable(self) -> bool:
        """Whether hosts that aren't reached are left out."""
        return self._request.skip_unreachable

    @cached_property
    def project(self) -> Project:
        """The project; raises UsageError without a valid topology file."""
        self._text = read_text(self.layout.topology)
        return load_project(self.layout.root)

    def reread_file(self) -> bool:
        """Read the topology file again if it was changed while another verb held the lock, and
        return whether it was: `scale` for example edits it."""
        if "project" not in self.__dict__ or read_text(self.layout.topology) == self._text:
            return False
        self.__dict__.pop("project")
        return True

    @property
    def topology(self) -> Topology:
        return self.project.topology

    @cached_property
    def state(self) -> TopologyState | None:
        """The recorded state; None if nothing was started, or it is damaged."""
        return load_topology_state(self.layout)

    @cached_property
    def adopted(self) -> Mapping[str, Endpoint]:
        """The servers that redistopo didn't start, by node; empty if it starts the nodes itself."""
        loaded = "project" in self.__dict__
        in_file = self.topology.adopted if loaded else adopted_in_file(self.layout)
        return adopted_servers(self.layout, in_file)

    @cached_property
    def rendered(self) -> dict[str, Directives]:
        """Node -> its rendered configuration; of an adopted server, its address alone."""
        if self.adopted:
            return {name: address_conf(name, one) for name, one in self.adopted.items()}
        return rendered_confs(self.layout, self.state)

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        if self.adopted:
            return tuple(Target(name=name, endpoint=one) for name, one in self.adopted.items())
        return targets_in_use(self.layout, self.rendered, self.host)

    @cached_property
    def credentials(self) -> Credentials:
        return self.credentials_from(self._request.credentials)

    @cached_property
    def rotation(self) -> "PasswordRotation | None":
        """The password rotation that isn't finished; None for none."""
        from redistopo.project.rotation_file import pending_rotation

        return pending_rotation(self.layout)

    @cached_property
    def client(self) -> Connections:
        """Connections to the nodes, with these credentials."""
        return Connections(self.credentials)

    @property
    def shape(self) -> Shape:
        """The shape in the topology file if that is needed, otherwise of what was started."""
        if self._request.needs_file:
            return self.topology.shape
        return shape_of(self.state, self.rendered)

    @property
    def expected(self) -> Expected:
        """The expected state for checks."""
        folders = {name: self.layout.node(name) for name in self.rendered}
        users = {
            name: tuple((self.host.files.read(folders[name].listed) or "").splitlines())
            for name, conf in self.rendered.items()
            if "aclfile" in conf and "sentinel" not in conf
        }
        paths = {name: self.host.there(folder.config) for name, folder in folders.items()}
        found = expected_of(self.topology, self.rendered, paths, users)
        if found.hosts is None:
            return found
        from redistopo.session.hosts import services_of

        return replace(found, services=services_of(self.host))

    def credentials_from(self, source: CredentialSource) -> Credentials:
        """Load credentials; raises MissingPrerequisite or UsageError for unusable passwords."""
        if self.adopted:
            return load_credentials(self.topology, self.layout)
        if source in (CredentialSource.FILE, CredentialSource.MADE, CredentialSource.SUPPOSED):
            make, save = source is not CredentialSource.FILE, source is CredentialSource.MADE
            return load_credentials(self.topology, self.layout, make=make, save=save)
        known = ""
        if source is CredentialSource.APPLICATION:
            known = load_password(self.topology, self.layout)
        return credentials_in_use(self.layout, self.rendered, known)

    def plan(self, engine: str = "", *, assume: bool = False) -> "Plan":
        """Make the plan, see `plan_of`; over several hosts, `host` is then all of them."""
        if self.adopted:
            return adopted_plan(self.project)
        if self.topology.hosts is None:
            return plan_of(self.project, engine, assume=assume)
        from redistopo.session.hosts import plan_on_hosts

        self.host, plan = plan_on_hosts(
            self.project, self.host, self.progress, engine, assume=assume
        )
        return plan

    def replanned(self, plan: "Plan", engine: str) -> "Plan":
        """Return the plan, a new one if the file was changed while the lock was waited for."""
        return self.plan(engine) if self.reread_file() else plan

    def context(self, plan: "Plan") -> "ExecutionContext":
        """Build the context for executing steps of a plan."""
        from redistopo.execute.context import ExecutionContext

        return ExecutionContext(
            plan=plan,
            credentials=self.credentials,
            client=self.client,
            deadline=self.deadline,
            progress=self.progress,
            host=self.host,
        )

    def observe(self, depth: Detail = Detail.HEALTH, *, disk: bool = False) -> Observed:
        """Take a snapshot of all nodes, with `disk` also of their folders; nodes that don't run
        are included as absent."""
        return observe(self.shape, self.targets, self.client, depth, disk=disk)

    def shutdown(self, seen: Observed, *, lossy: bool, command: str) -> "ShutdownRequest":
        """Build the request to shut down nodes of a snapshot; `command` is to run again."""
        from redistopo.execute.shutdown import ShutdownRequest

        return ShutdownRequest(
            layout=self.layout,
            seen=seen,
            rendered=self.rendered,
            client=self.client,
            lossy=lossy,
            command=command,
            host=self.host,
        )

    def save_state(self, state: TopologyState) -> None:
        """Save the state if it changed; requires the lock."""
        if state != self.state:
            save_record(self.layout, state)
            self.state = state

    def record_primary(self, seen: Observed) -> Observed:
        """Record the primary of a snapshot, and return the snapshot; requires the lock."""
        if self.state is not None:
            self.save_state(with_primary_seen(self.state, seen))
        return seen

    def use(self, project: Project) -> None:
        """Use an edited topology file from now on."""
        self.project = project

    def reread(self) -> None:
        """Read what this verb itself writes again on next use: configurations, rotation."""
        for name in ("rendered", "targets", "rotation"):
            self.__dict__.pop(name, None)

    def refresh(self) -> None:
        """Read our own files again on next use, and reconnect. The topology file isn't read again:
        a verb uses it as it was when the verb began."""
        self.reread()
        for name in ("state", "credentials"):
            self.__dict__.pop(name, None)
        self._reconnect()

    def log_in_with(self, credentials: Credentials) -> None:
        """Use these credentials from now on."""
        self.credentials = credentials
        self._reconnect()

    def _reconnect(self) -> None:
        self.close()
        if "client" in self.__dict__:
            self.client.credentials = self.credentials

    def release(self) -> None:
        """Release the host, which may have become another one since it was claimed."""
        self.host.release()

    def close(self) -> None:
        """Close all connections."""
        if "client" in self.__dict__:
            self.client.__exit__(None, None, None)
