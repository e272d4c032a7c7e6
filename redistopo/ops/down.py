"""`down`: every process of this topology ends, its data saved; nothing else is touched."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from redistopo.errors import AccessDenied, ExitCode, RedistopoError, TimedOut, Unreachable
from redistopo.events import Tell, step
from redistopo.model.layout import Layout
from redistopo.model.observed import NodeSeen, Observed, Role
from redistopo.model.replies import parse_info
from redistopo.model.topology import Directives, Shape
from redistopo.ops.history import remember_primary
from redistopo.ops.project import layout_of, load
from redistopo.ops.running import configs, running_keys, running_targets, saves
from redistopo.world.client import Asker
from redistopo.world.ending import Ended, Said, end_all
from redistopo.world.files import tail
from redistopo.world.folder import wipe
from redistopo.world.lock import locked
from redistopo.world.observe import Depth, look
from redistopo.world.orphans import servers_in
from redistopo.world.process import ours
from redistopo.world.record import recorded_nodes
from redistopo.world.redis_cli import end_leftover
from redistopo.world.registry import leave
from redistopo.world.timeline import recorded
from redistopo.world.waiting import Deadline, wait_for


@dataclass(frozen=True, slots=True, kw_only=True)
class DownRequest:
    """How to bring it down; `seconds` until what still runs is killed.

    With `force` also what can't save: it loses what it has not saved.
    """

    root: Path
    seconds: float = 30.0
    wipe: bool = False
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DownResult:
    """Names of the nodes that were stopped, and what became of the state folder."""

    root: Path
    stopped: tuple[str, ...]
    wiped: bool
    data_kept: bool
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


def down(request: DownRequest, tell: Tell) -> DownResult:
    """No process of this topology runs; data is kept, unless `wipe`.

    Works without a valid topology file: what was started is on record. A second `down`
    does nothing. Raises RedistopoError, also where a server that can't save was left running,
    where one was killed before it had saved, and where one that is not on record is left.
    """
    began = time.monotonic()
    layout = layout_of(request.root)
    stopped: tuple[str, ...] = ()
    wiped = False
    if not layout.state.exists() and not layout.topology.exists():
        _refuse_left(layout)
        load(request.root)  # says that there is no topology here
    deadline = Deadline(request.seconds)
    with locked(layout, "down", deadline, tell) as there:
        if there:
            with recorded(layout, "down", tell) as told:
                stopped = _stop(layout, request, deadline, told)
                if request.wipe:
                    _wipe(layout, told)
                    wiped = True
    _refuse_left(layout)
    return DownResult(
        root=layout.root,
        stopped=stopped,
        wiped=wiped,
        data_kept=layout.nodes.exists(),
        seconds=time.monotonic() - began,
    )


def _wipe(layout: Layout, tell: Tell) -> None:
    if left := servers_in(layout.state):
        raise RedistopoError(
            f"a server that is not on record works in {left[0].folder}: nothing was removed",
            detail="\n".join(f"pid {server.pid} in {server.folder}" for server in left),
            hint=f"if it is yours, stop it (kill {left[0].pid}), then run down --wipe again",
        )
    with step(tell, f"remove {layout.state}"):
        leave(layout.root)
        wipe(layout)


def _refuse_left(layout: Layout) -> None:
    """Raises RedistopoError where a server works in the state folder, or did when that was
    removed: nothing on record leads to it any more."""
    if not servers_in(layout.state):
        return
    # the child of a server that was just killed in the midst of saving ends a moment later
    with suppress(TimedOut):
        wait_for(lambda: None if servers_in(layout.state) else True, Deadline(1), lambda: "")
    if left := servers_in(layout.state):
        raise RedistopoError(
            f"a server that is not on record still runs: pid {left[0].pid} in {left[0].folder}",
            detail="\n".join(f"pid {server.pid} in {server.folder}" for server in left),
            hint=f"if it is yours, stop it: kill {' '.join(str(one.pid) for one in left)}",
        )


def _stop(layout: Layout, request: DownRequest, deadline: Deadline, tell: Tell) -> tuple[str, ...]:
    end_leftover(layout.formation)
    names = tuple(name for name in recorded_nodes(layout) if ours(layout, name))
    if not names:
        return ()
    rendered = configs(layout)
    with Asker(running_keys(layout, rendered)) as asker:
        targets = [one for one in running_targets(layout, rendered) if one.name in names]
        seen = look(Shape.REPLICATION, targets, asker, Depth.HEALTH)
        remember_primary(layout, seen)
        replicas = {node.name for node in seen.nodes if node.role is Role.REPLICA}
        # replicas first: a primary that goes first would leave them looking for it; and before
        # any of them the Sentinels, who would fail over
        sentinels = tuple(name for name in names if layout.node(name).sentinel)
        rest = tuple(name for name in names if name not in (*replicas, *sentinels))
        phases = [("Sentinels", sentinels), ("replicas", tuple(replicas)), ("primaries", rest)]
        phases = [(what, some) for what, some in phases if some]
        shutdown = _Shutdown(seen, rendered, asker, lossy=request.force or request.wipe)
        ends = []
        for left, (what, some) in zip(range(len(phases), 0, -1), phases, strict=True):
            running = {name: process for name in some if (process := ours(layout, name))}
            # replicas that refuse must not take the time that primaries need to save
            share = Deadline(deadline.left / left)
            with step(tell, f"stop {what}: {len(some)}"):
                ends.append(end_all(layout, running, share, shutdown, spare=not shutdown.lossy))
    if not shutdown.lossy:
        _refuse_loss(layout, rendered, ends)
    return names


def _refuse_loss(layout: Layout, rendered: dict[str, Directives], ends: list[Ended]) -> None:
    """Raises RedistopoError where a server was left running, or killed before it had saved."""
    spared = [name for one in ends for name in one.spared]
    killed = [n for one in ends for n in one.killed if n not in rendered or saves(rendered[n])]
    was = "were" if len(killed) > 1 else "was"
    had = "they" if len(killed) > 1 else "it"
    unsaved = f"{', '.join(killed)} {was} killed before {had} had saved" if killed else ""
    if spared:
        log = layout.node(spared[0]).log
        raise RedistopoError(
            f"{', '.join(spared)} can't save, and still {'run' if len(spared) > 1 else 'runs'}",
            detail="\n".join(filter(None, (unsaved, tail(log, 6)))),
            hint="free space, or make its folder writable, then redistopo down again; or "
            f"redistopo down --force loses what is not saved. Its log: {log}",
        )
    if killed:
        raise RedistopoError(
            unsaved,
            detail=tail(layout.node(killed[0]).log, 6),
            hint="--timeout gives it longer; what was saved before is kept: redistopo up",
        )


@dataclass(frozen=True, slots=True)
class _Shutdown:
    """Asks a server to save and end; `lossy` also where it can't save."""

    seen: Observed
    rendered: dict[str, Directives]
    asker: Asker
    lossy: bool

    def __call__(self, name: str) -> Said:
        """What the server said; it agrees by hanging up."""
        node = next((one for one in self.seen.nodes if one.name == name), None)
        if node is None or not node.answers:
            return Said.NOTHING
        if node.info.get("process_id") != str(node.pid):
            return Said.NOTHING  # a stranger answers at the address in our files
        said = self._shut(node, "SAVE" if saves(self.rendered[name]) else "NOSAVE")
        if said is Said.NO and (self.lossy or self._logged(node)):
            return self._shut(node, "NOSAVE")
        return said

    def _shut(self, node: NodeSeen, how: str) -> Said:
        try:
            reply = self.asker.ask(node.host, node.port, [("SHUTDOWN", how)])[0]
        except Unreachable:
            return Said.YES
        except AccessDenied:
            return Said.NOTHING
        return Said.NO if "trying to SHUTDOWN" in str(reply) else Said.NOTHING

    def _logged(self, node: NodeSeen) -> bool:
        """Whether all of its data is in an append-only file, so that a snapshot adds nothing."""
        try:
            reply = self.asker.ask(node.host, node.port, [("INFO", "persistence")])[0]
        except (Unreachable, AccessDenied):
            return False
        told = parse_info(str(reply))
        return told.get("aof_enabled") == "1" and told.get("aof_last_write_status") == "ok"
