"""A topology for programs: what the verbs of the command line do, as methods."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redistopo.api import from_verbs
from redistopo.api.clients import make_async_client, make_client
from redistopo.api.results import (
    Action,
    Drill,
    LogLine,
    Node,
    Promotion,
    Setting,
    Started,
    Status,
    Stopped,
    Verdict,
    Waited,
)
from redistopo.errors import Unhealthy
from redistopo.model.state.application_access import ApplicationAccess, environment_of, url_of
from redistopo.progress import Progress, no_progress

if TYPE_CHECKING:
    from redis.cluster import ClusterNode


class Topology:
    """A topology in a folder; each method and attribute looks at it as it is now.

    Selectors are those of the command line: a name (`node2`), a port (`7001`), `shard:2`,
    `primary`, `replica` or `sentinel`; several narrow each other. Methods raise the errors of
    `RedistopoError`, print nothing, and may be called from several threads: those that change the
    topology wait for each other.
    """

    def __init__(self, folder: Path, progress: Progress = no_progress) -> None:
        self._folder = folder.absolute()
        self._progress = progress

    @classmethod
    def open(
        cls, folder: "str | os.PathLike[str]" = ".", *, progress: Progress | None = None
    ) -> "Topology":
        """Open the topology of a folder with redistopo.toml; it need not run, and stays as it is.

        `progress` is called with each event while a method works. Raises UsageError without a
        valid topology file.
        """
        from redistopo.project.load import layout_of_folder, load_project

        root = layout_of_folder(Path(folder)).root
        load_project(root)
        return cls(root, progress or no_progress)

    def __repr__(self) -> str:
        return f"Topology({str(self.folder)!r})"

    @property
    def folder(self) -> Path:
        """The folder with redistopo.toml."""
        return self._folder

    # -- How to connect --

    @property
    def url(self) -> str:
        """The URL of the primary, or of a cluster's first one, with the password."""
        access = self._access()
        return url_of(access.entry, access.login)

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs of all data nodes, with the password."""
        access = self._access()
        return tuple(url_of(one, access.login) for one in access.nodes)

    @property
    def startup_nodes(self) -> "list[ClusterNode]":
        """All data nodes, as redis.RedisCluster takes them."""
        from redis.cluster import ClusterNode

        return [ClusterNode(host, port) for host, port in self._access(roles=False).nodes]

    @property
    def password(self) -> str:
        """The application's password; "" without one."""
        return self._access(roles=False).login.password

    @property
    def environment(self) -> dict[str, str]:
        """The variables of `redistopo env`: REDIS_URL, REDIS_HOST and more."""
        return environment_of(self._access())

    def client(self, **options: Any) -> Any:
        """Create a redis-py client: RedisCluster for a cluster, the primary that the Sentinels
        name, or Redis for the primary. `options` are passed on to it; close it yourself."""
        return make_client(self._access(roles=False), options)

    def async_client(self, **options: Any) -> Any:
        """Create the same client of redis.asyncio."""
        return make_async_client(self._access(roles=False), options)

    def _access(self, *, roles: bool = True) -> ApplicationAccess:
        from redistopo.ops.env import read_access

        return read_access(self.folder, self._progress, roles=roles)

    # -- What it is doing --

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All nodes with their current roles, shards, pids and slots."""
        return self.status().nodes

    def status(self) -> Status:
        """Return the state of every node; one that doesn't run is no error."""
        from redistopo.ops.status import status

        found = status(self.folder)
        return Status(
            name=found.name,
            shape=found.shape.value,
            engine=found.engine,
            nodes=tuple(map(from_verbs.node, found.nodes)),
            faults=from_verbs.findings(found.faults),
        )

    def verify(self, *, write: bool = True, timeout: float = 5.0) -> Verdict:
        """Run every check; failures that may resolve are checked again until the timeout. With
        `write`, a write to each shard is read back from its replicas."""
        from redistopo.ops.verify import VerifyRequest, verify

        request = VerifyRequest(root=self.folder, write=write, seconds=timeout)
        return from_verbs.verdict(verify(request, self._progress).findings)

    def wait(self, condition: str = "healthy", *, timeout: float = 10.0) -> Waited:
        """Wait until the topology is started, replicated or healthy; raises Unhealthy with what
        is missing at the timeout."""
        from redistopo.model.state.wait_condition import WaitCondition
        from redistopo.ops.wait import WaitRequest, wait
        from redistopo.session.watched_topology import TargetRequest

        request = WaitRequest(
            sight=TargetRequest(root=self.folder), wanted=WaitCondition(condition), seconds=timeout
        )
        found = wait(request, self._progress)
        if found.missing:
            raise Unhealthy(
                f"{found.name} is not {condition} after {timeout:g} s",
                detail="\n".join(f"{one.subject}: {one.evidence}" for one in found.missing),
                hint=found.missing[0].hint,
            )
        return Waited(condition=condition, seconds=found.seconds)

    def logs(
        self, *nodes: str, since: float | None = None, tail: int | None = None, grep: str = ""
    ) -> list[LogLine]:
        """Return the servers' log entries in the order of time: those of the last `since` seconds,
        the last `tail`, those that match the regular expression `grep`. Secrets are hidden."""
        from redistopo.ops.logs import LogsRequest, logs

        request = LogsRequest(root=self.folder, words=nodes, since=since, tail=tail, grep=grep)
        return [from_verbs.log_line(one) for one in logs(request).entries]

    # -- Start, stop, break --

    def up(self, *, engine: str = "", timeout: float = 60.0) -> Started:
        """Start what doesn't run, form the topology and verify it; does nothing if all is well."""
        from redistopo.ops.up import UpRequest, up

        request = UpRequest(root=self.folder, engine=engine, seconds=timeout)
        return from_verbs.started(up(request, self._progress))

    def down(self, *, timeout: float = 30.0) -> Stopped:
        """Stop all nodes; data is kept."""
        from redistopo.ops.down import DownRequest, down

        return from_verbs.stopped(
            down(DownRequest(root=self.folder, seconds=timeout), self._progress)
        )

    def start(self, *nodes: str, timeout: float = 60.0) -> Action:
        """Start nodes that don't run, with their data; all of them without a selector."""
        from redistopo.ops.start import StartRequest, start

        request = StartRequest(root=self.folder, words=nodes, seconds=timeout)
        return from_verbs.action(start(request, self._progress))

    def stop(self, *nodes: str, timeout: float = 30.0) -> Action:
        """Stop nodes after they saved their data."""
        from redistopo.ops.stop import StopRequest, stop

        request = StopRequest(root=self.folder, words=nodes, seconds=timeout)
        return from_verbs.action(stop(request, self._progress))

    def restart(self, *nodes: str, rolling: bool = False, timeout: float = 60.0) -> Action:
        """Restart nodes with the current configuration; with `rolling` never two of a shard at
        once, each primary after a planned failover."""
        from redistopo.ops.restart import RestartRequest, restart

        request = RestartRequest(root=self.folder, words=nodes, rolling=rolling, seconds=timeout)
        found = restart(request, self._progress)
        return Action(nodes={one.node: "restarted" for one in found.restarted})

    def kill(self, *nodes: str, signal: str = "KILL") -> Action:
        """Send a signal to nodes; wait until they have ended, if it ends them."""
        from redistopo.ops.signals import SignalRequest, kill, parse_signal

        request = SignalRequest(root=self.folder, words=nodes)
        return from_verbs.action(kill(request, parse_signal(signal), self._progress))

    def pause(self, *nodes: str) -> Action:
        """Pause nodes (SIGSTOP): connections stay open, commands get no reply."""
        from redistopo.ops.signals import SignalRequest, pause

        return from_verbs.action(
            pause(SignalRequest(root=self.folder, words=nodes), self._progress)
        )

    def resume(self, *nodes: str) -> Action:
        """Resume paused nodes; all of them without a selector."""
        from redistopo.ops.signals import SignalRequest, resume

        return from_verbs.action(
            resume(SignalRequest(root=self.folder, words=nodes), self._progress)
        )

    def failover(self, *nodes: str, timeout: float = 60.0) -> Promotion:
        """Promote the selected replica, or the best of several, without losing a write."""
        from redistopo.ops.failover import FailoverRequest, failover

        request = FailoverRequest(root=self.folder, words=nodes, seconds=timeout)
        return from_verbs.promotion(failover(request, self._progress))

    def drill(
        self, *nodes: str, fault: str = "kill", max_downtime: float = 15.0, rate: int = 500
    ) -> Drill:
        """Inject a fault under load, measure the outage, and repair the topology.

        The target is one node, by default the primary of shard 1; `fault` is kill, freeze,
        shutdown, partition or none, `rate` the operations per second.
        """
        from redistopo.drill.drill_request import DrillRequest
        from redistopo.model.state.drill_fault import Fault
        from redistopo.ops.drill import drill

        request = DrillRequest(
            root=self.folder,
            targets=(nodes or ("shard:1", "primary"),),
            fault=Fault(fault),
            budget=max_downtime,
            rate=rate,
        )
        return from_verbs.drill(drill(request, self._progress))

    # -- Change --

    def set(self, directive: str, *value: str, nodes: tuple[str, ...] = ()) -> Setting:
        """Set a redis.conf directive on running servers and in the topology file."""
        from redistopo.ops.directive_edit import SetRequest
        from redistopo.ops.set import set_directive

        request = SetRequest(root=self.folder, directive=directive, value=value, words=nodes)
        return from_verbs.setting(set_directive(request, self._progress))

    def reset_data(self) -> None:
        """Delete all keys, functions and scripts on every primary; raises RedistopoError if a
        primary refuses. Settings and roles stay as they are."""
        from redistopo.api.reset_data import reset_data

        reset_data(self.folder)
