"""`stop`: some servers end, their data saved; the others go on."""

from dataclasses import dataclass
from pathlib import Path

from redistopo.execute.shutdown import ShutdownRequest, shut_down_saving
from redistopo.host.polling import Deadline
from redistopo.model.state.observed import NodeSeen
from redistopo.progress import Progress, warn
from redistopo.project.started import keeps_data_on_disk, rendered_confs
from redistopo.session.node_action import (
    NodeActionResult,
    NodeOutcome,
    finish_action,
    open_for_action,
    require_words,
    warn_of_losses,
)
from redistopo.session.running import RunningTopology


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequest:
    """Whom to stop, by selector words; `seconds` until who still runs is killed.

    With `force` also who can't save: it loses what it has not saved.
    """

    root: Path
    words: tuple[str, ...]
    seconds: float = 30.0
    force: bool = False


def stop(request: StopRequest, progress: Progress) -> NodeActionResult:
    """None of the nodes meant runs any more, their data is on disk, and no other was touched.

    Who is stopped already stays so. Raises UsageError without words or for ones that mean
    nobody, RedistopoError where a server that can't save was left running, or was killed
    before it had saved.
    """
    require_words(request.words, "stop", "redistopo down stops all of them")
    deadline = Deadline(request.seconds)
    with open_for_action(request.root, "stop", deadline, progress) as (found, told):
        meant = found.meant(request.words)
        going = tuple(node for node in meant if node.running)
        lost = warn_of_losses(found, going, told)
        if going:
            _stop(found, going, told, _Manner(deadline=deadline, force=request.force))
        done = {
            node.name: NodeOutcome(
                name=node.name,
                did="stopped" if node.running else "was stopped already",
                changed=node.running,
            )
            for node in meant
        }
        return finish_action(found, done, lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manner:
    deadline: Deadline
    force: bool


def _stop(
    found: RunningTopology, nodes: tuple[NodeSeen, ...], progress: Progress, manner: _Manner
) -> None:
    layout = found.project.layout
    rendered = rendered_confs(layout)
    kept = [node.name for node in nodes if keeps_data_on_disk(rendered[node.name])]
    if gone := ", ".join(node.name for node in nodes if node.name not in kept and node.keys):
        warn(progress, f"{gone} keeps nothing on disk: what it holds is gone with it")
    shutdown = ShutdownRequest(
        layout=layout,
        seen=found.seen,
        rendered=rendered,
        client=found.client,
        lossy=manner.force,
        command=f"redistopo stop {' '.join(node.name for node in nodes)}",
    )
    shut_down_saving(shutdown, (node.name for node in nodes), manner.deadline, progress)
