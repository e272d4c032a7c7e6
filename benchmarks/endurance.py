"""Endurance: init, up, verify, down --wipe, over and over; nothing is left, nothing slows down.

Cycles take turns: the three ways to make a topology, each by the installed command and by
redistopo's own functions within this process, where what they leak would add up.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psutil

from benchmarks.judge import Judge
from benchmarks.stage import Made, Stage, free, servers_in
from benchmarks.trial import Outcome

BAR = 1.2
_TEN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One way to make a topology; `keys` are those of its file."""

    name: str
    shape: str
    size: int
    keys: dict[str, object] = field(default_factory=dict)

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(word for key, value in self.keys.items() for word in (f"--{key}", str(value)))


KINDS = (
    Kind(name="instant", shape="cluster", size=6, keys={"formation": "instant"}),
    Kind(name="redis-cli", shape="cluster", size=6, keys={"formation": "redis-cli"}),
    Kind(name="replication", shape="replication", size=3),
)

Cycle = Callable[[Stage, Kind, Made], None]


def by_command(stage: Stage, kind: Kind, made: Made) -> None:
    """Five whole processes, as a user or a CI job runs them."""
    where = ("--dir", str(made.folder))
    engine = ("--engine", stage.server) if stage.forced else ()
    words = (*kind.words, *engine, "--port", str(made.ports[0]))
    stage.ours("init", kind.shape, *words, *where)
    stage.up(made)
    stage.ours("verify", *where)
    stage.ours("down", *where)
    stage.ours("down", "--wipe", "--yes", *where)


def in_process(stage: Stage, kind: Kind, made: Made) -> None:
    """The same by the functions below the command, all in this process."""
    from redistopo.ops.down import DownRequest, down
    from redistopo.ops.init import InitRequest, init
    from redistopo.ops.up import UpRequest, up
    from redistopo.ops.verify import VerifyRequest, verify
    from redistopo.progress import no_progress

    root = made.folder
    engine = {"engine": stage.server} if stage.forced else {}
    keys = {**kind.keys, **engine, "port": made.ports[0]}
    init(InitRequest(root=root, shape=kind.shape, keys=keys), no_progress)
    up(UpRequest(root=root), no_progress)
    judge = Judge(wanted=made.wanted())
    stage.violations += judge.faults()
    judge.close()
    if not verify(VerifyRequest(root=root), no_progress).healthy:
        raise SystemExit(f"verify in this process found a fault in {root}")
    down(DownRequest(root=root), no_progress)
    down(DownRequest(root=root, wipe=True), no_progress)


MANNERS: dict[str, Cycle] = {"command": by_command, "in process": in_process}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One cycle: what kind in which manner, and how long; what it held of this process after.

    `beside` is how long a fixed piece of work took just before: the machine's own pace.
    """

    kind: str
    seconds: float
    beside: float
    descriptors: int
    threads: int
    memory: int


def leftovers(stage: Stage, made: Made) -> list[str]:
    """Everything that a cycle left behind: processes, ports, files, and places in lists."""
    found = [f"a server still runs: pid {one.pid}" for one in servers_in(stage.root)]
    found += [f"a child of this process is left: {one}" for one in psutil.Process().children()]
    ports = made.wanted().all_ports
    found += [f"port {port} is still held" for port in ports if not free(port)]
    there = sorted(path.name for path in made.folder.iterdir())
    found += [] if there == ["redistopo.toml"] else [f"the folder holds {there}"]
    registry = stage.root / "state" / "redistopo" / "topologies"
    found += [f"the registry still has {path.name}" for path in registry.glob("*")]
    return found


def endurance(stage: Stage, cycles: int) -> Outcome:
    """So many cycles, after one in this process that isn't counted: it imports."""
    os.environ.update(XDG_STATE_HOME=stage.environment["XDG_STATE_HOME"])
    pairs = [(kind, manner) for manner in MANNERS for kind in KINDS]
    _cycle(stage, KINDS[0], "in process", [])
    before = psutil.Process().num_fds(), psutil.Process().num_threads()
    left: list[str] = []
    ran: list[Ran] = []
    for number in range(cycles):
        kind, manner = pairs[number % len(pairs)]
        ran.append(_cycle(stage, kind, manner, left))
    last = ran[-1]
    if (last.descriptors, last.threads) > before:
        left.append(
            f"this process had {before[0]} descriptors and {before[1]} threads, "
            f"now {last.descriptors} and {last.threads}"
        )
    return _outcome(ran, left + stage.violations)


def _cycle(stage: Stage, kind: Kind, manner: str, left: list[str]) -> Ran:
    made = Made(
        folder=stage.folder(kind.shape),
        ports=stage.ports(kind.size),
        shards=3 if kind.shape == "cluster" else 1,
        clustered=kind.shape == "cluster",
    )
    beside = stage.timed([sys.executable, "-c", "import jinja2, redis"])
    began = time.perf_counter()
    MANNERS[manner](stage, kind, made)
    took = time.perf_counter() - began
    left += leftovers(stage, made)
    shutil.rmtree(made.folder)
    me = psutil.Process()
    return Ran(
        kind=f"{kind.name}, {manner}",
        seconds=took,
        beside=beside,
        descriptors=me.num_fds(),
        threads=me.num_threads(),
        memory=me.memory_info().rss,
    )


def _outcome(ran: list[Ran], left: list[str]) -> Outcome:
    usual = {kind: median(one.seconds for one in ran if one.kind == kind) for kind in _kinds(ran)}
    # kinds differ, so each cycle counts as a multiple of what its kind usually takes
    paces = [one.seconds / usual[one.kind] for one in ran]
    ratio, machine = _grown(paces), _grown([one.beside for one in ran])
    enough = len(ran) >= 2 * _TEN
    first, last = ran[0], ran[-1]
    lines = [
        f"{len(ran)} cycles in {sum(one.seconds for one in ran):.0f} s",
        *(f"  {kind:24} {seconds:6.3f} s (median)" for kind, seconds in usual.items()),
        f"last ten against first ten: {ratio:.2f} x, the machine itself {machine:.2f} x, "
        f"bar {BAR} x" + ("" if enough else " (too few to judge)"),
        f"descriptors {first.descriptors} -> {last.descriptors}, "
        f"threads {first.threads} -> {last.threads}, "
        f"memory {first.memory / 2**20:.1f} -> {last.memory / 2**20:.1f} MiB",
        *(left or ["nothing left over"]),
    ]
    document: dict[str, Any] = {
        "cycles": [(one.kind, one.seconds, one.beside, one.descriptors, one.memory) for one in ran],
        "ratio": ratio,
        "machine": machine,
        "left": left,
    }
    # a machine that others made slower meanwhile is no fault of ours; a faster one no merit
    slow = enough and ratio / max(1.0, machine) > BAR
    return Outcome(lines=tuple(lines), met=not left and not slow, document=document)


def _grown(seconds: list[float]) -> float:
    return median(seconds[-_TEN:]) / median(seconds[:_TEN])


def _kinds(ran: list[Ran]) -> Iterator[str]:
    yield from dict.fromkeys(one.kind for one in ran)
