"""Shuts servers down with their data saved, Sentinels first, primaries last."""

from collections.abc import Iterable
from dataclasses import dataclass

from redistopo.client.connection import Connections
from redistopo.errors import AccessDenied, RedistopoError, Unreachable
from redistopo.execute.terminate import Ask, Ended, Said, end_all
from redistopo.host.host import Host
from redistopo.host.polling import Deadline
from redistopo.host.server_log import log_tail
from redistopo.model.planning.shutdown_order import shutdown_phases
from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.replies import parse_info
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, step
from redistopo.project.started_topology import keeps_data_on_disk


def shut_down_saving(
    shutdown: "ShutdownRequest", names: Iterable[str], deadline: Deadline, progress: Progress
) -> None:
    """Stop these nodes, with their data saved to disk.

    Raises RedistopoError if a server that can't save was left running, or one was killed before
    it had saved; neither with `lossy`.
    """
    seen, layout, processes = shutdown.seen, shutdown.layout, shutdown.host.processes
    wanted = tuple(names)
    sentinels = [name for name in wanted if layout.node(name).sentinel]
    phases = shutdown_phases(seen, wanted, sentinels)
    ask, ends = Ask(shutdown, spare=not shutdown.lossy), []
    for left, (what, some) in zip(range(len(phases), 0, -1), phases, strict=True):
        running = {name: one for name in some if (one := processes.find(layout, name))}
        # replicas that refuse must not take the time that primaries need to save
        share = Deadline(deadline.left / left)
        with step(progress, f"stop {what}: {len(some)}"):
            ends.append(end_all(processes, layout, running, share, ask))
    if not shutdown.lossy:
        _refuse_loss(shutdown, ends)


def _refuse_loss(shutdown: "ShutdownRequest", ends: list[Ended]) -> None:
    """Raise RedistopoError if a server was left running, or killed before it had saved."""
    rendered, layout, again = shutdown.rendered, shutdown.layout, shutdown.command
    spared = [name for one in ends for name in one.spared]
    killed = [
        n
        for one in ends
        for n in one.killed
        if n not in rendered or keeps_data_on_disk(rendered[n])
    ]
    was = "were" if len(killed) > 1 else "was"
    had = "they" if len(killed) > 1 else "it"
    unsaved = f"{', '.join(killed)} {was} killed before {had} had saved" if killed else ""
    if spared:
        log = layout.node(spared[0]).log
        raise RedistopoError(
            f"{', '.join(spared)} can't save, and still {'run' if len(spared) > 1 else 'runs'}",
            detail="\n".join(filter(None, (unsaved, log_tail(shutdown.host.files, log, 6)))),
            hint=f"free disk space, or make its folder writable, then {again} again; or "
            f"{again} --force discards unsaved data. Its log: {log}",
        )
    if killed:
        raise RedistopoError(
            unsaved,
            detail=log_tail(shutdown.host.files, layout.node(killed[0]).log, 6),
            hint="wait longer with --timeout; earlier saved data is kept: redistopo up",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownRequest:
    """Makes a server save and exit; `lossy` also if it can't save. `command` is the command to run
    again, for hints."""

    layout: Layout
    seen: Observed
    rendered: dict[str, Directives]
    client: Connections
    lossy: bool
    command: str
    host: Host

    def __call__(self, name: str) -> Said:
        """Send SHUTDOWN, and return the reply; a server agrees by closing the connection."""
        node = next((one for one in self.seen.nodes if one.name == name), None)
        if node is None or not node.answers:
            return Said.NOTHING
        if node.info.get("process_id") != str(node.pid):
            return Said.NOTHING  # a server that we did not start replies at this address
        said = self._shut(node, "SAVE" if keeps_data_on_disk(self.rendered[name]) else "NOSAVE")
        if said is Said.NO and (self.lossy or self._logged(node)):
            return self._shut(node, "NOSAVE")
        return said

    def _shut(self, node: NodeSeen, how: str) -> Said:
        try:
            reply = self.client.execute(node.endpoint, [("SHUTDOWN", how)])[0]
        except Unreachable:
            return Said.YES
        except AccessDenied:
            return Said.NOTHING
        return Said.NO if "trying to SHUTDOWN" in str(reply) else Said.NOTHING

    def _logged(self, node: NodeSeen) -> bool:
        """Whether all of its data is in an append-only file, so that a snapshot adds nothing."""
        try:
            reply = self.client.execute(node.endpoint, [("INFO", "persistence")])[0]
        except (Unreachable, AccessDenied):
            return False
        told = parse_info(str(reply))
        return told.get("aof_enabled") == "1" and told.get("aof_last_write_status") == "ok"
