"""Rounds of `watch`, timed one by one: a look at all nodes, what is new in it, and its frame."""

import io
import itertools
import time
from pathlib import Path


def rounds_of(folder: Path, count: int) -> list[float]:
    """Seconds of each of so many rounds, one right after the other, drawn as on 120 x 40."""
    from rich.console import Console

    from redistopo.cli.views.watch import frame
    from redistopo.ops.watch import WatchRequest, watch
    from redistopo.session.watched_topology import TargetRequest

    console = Console(file=io.StringIO(), width=120, height=40, force_terminal=True)
    moments = [time.perf_counter()]

    def rest(_seconds: float) -> bool:
        moments.append(time.perf_counter())
        return len(moments) > count

    watch(
        WatchRequest(sight=TargetRequest(root=folder)),
        lambda scene, _round: console.print(frame(scene, 120, 40)),
        rest,
    )
    return [after - before for before, after in itertools.pairwise(moments)]
