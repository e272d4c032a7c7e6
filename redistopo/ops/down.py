"""`down`: every process of this topology ends, its data saved; nothing else is touched."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from redistopo.errors import AccessDenied, ExitCode, RedistopoError, Unreachable
from redistopo.events import Tell, step
from redistopo.model.layout import Layout
from redistopo.model.observed import Observed, Role
from redistopo.model.topology import Directives, Shape
from redistopo.ops.history import remember_primary
from redistopo.ops.project import layout_of, load
from redistopo.ops.running import configs, running_keys, running_targets, saves
from redistopo.world.client import Asker
from redistopo.world.ending import end_all
from redistopo.world.folder import wipe
from redistopo.world.lock import locked
from redistopo.world.observe import Depth, look
from redistopo.world.orphans import servers_in
from redistopo.world.process import ours
from redistopo.world.record import recorded_nodes
from redistopo.world.redis_cli import end_leftover
from redistopo.world.registry import leave
from redistopo.world.timeline import recorded
from redistopo.world.waiting import Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class DownRequest:
    """How to bring it down; `seconds` until what still runs is killed."""

    root: Path
    seconds: float = 30.0
    wipe: bool = False


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
    does nothing. Raises RedistopoError.
    """
    began = time.monotonic()
    layout = layout_of(request.root)
    stopped: tuple[str, ...] = ()
    wiped = False
    if not layout.state.exists() and not layout.topology.exists():
        load(request.root)  # says that there is no topology here
    deadline = Deadline(request.seconds)
    with locked(layout, "down", deadline, tell) as there:
        if there:
            with recorded(layout, "down", tell) as told:
                stopped = _stop(layout, deadline, told)
                if request.wipe:
                    _wipe(layout, told)
                    wiped = True
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


def _stop(layout: Layout, deadline: Deadline, tell: Tell) -> tuple[str, ...]:
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
        # replicas first: a primary that goes first would leave them looking for it
        rest = tuple(name for name in names if name not in replicas)
        for what, some in (("replicas", tuple(replicas)), ("primaries", rest)):
            if some:
                with step(tell, f"stop {what}: {len(some)}"):
                    _stop_nodes(layout, some, _Shutdown(seen, rendered, asker), deadline)
    return names


@dataclass(frozen=True, slots=True)
class _Shutdown:
    """Asks a server to save and end."""

    seen: Observed
    rendered: dict[str, Directives]
    asker: Asker

    def __call__(self, name: str) -> bool:
        """Whether the server agreed; it agrees by hanging up."""
        node = next((one for one in self.seen.nodes if one.name == name), None)
        if node is None or not node.answers:
            return False
        if node.info.get("process_id") != str(node.pid):
            return False  # a stranger answers at the address in our files: not to be asked
        how = "SAVE" if saves(self.rendered[name]) else "NOSAVE"
        try:
            self.asker.ask(node.host, node.port, [("SHUTDOWN", how)])
        except Unreachable:
            return True
        except AccessDenied:
            return False
        return False  # it answered, so it refused: it can't save


def _stop_nodes(
    layout: Layout, names: Iterable[str], shutdown: _Shutdown, deadline: Deadline
) -> None:
    running = {name: process for name in names if (process := ours(layout, name))}
    end_all(layout, running, deadline, shutdown)
