"""Alarms: under heavy load `verify` raises no false one, and finds every real fault."""

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psutil
from redis import Redis

from benchmarks.judge import Judge
from benchmarks.load import Load, Primaries, program, tag_in
from benchmarks.stage import Made, Stage
from benchmarks.trial import Outcome

_PATIENCE = 60.0
_SHAPES = {
    "cluster": (("cluster", "--shards", "3", "--replicas", "1", "--formation", "instant"), 6),
    "replication": (("replication", "--replicas", "2"), 3),
}


@dataclass(slots=True, kw_only=True)
class Scene:
    """A topology under load, and the means to break and mend it; roles are asked each time."""

    stage: Stage
    made: Made
    load: Load
    password: str
    turn: int = 0
    mended: list[Callable[[], object]] = field(default_factory=list)

    def ask(self, port: int, *words: str | int) -> Any:
        with closing(
            Redis(port=port, password=self.password, decode_responses=True, socket_timeout=10)
        ) as node:
            return node.execute_command(*words)

    def with_role(self, role: str) -> list[int]:
        return [p for p in self.made.ports if self.ask(p, "INFO", "replication")["role"] == role]

    def replica(self) -> int:
        """Another replica each turn."""
        found = self.with_role("slave")
        return found[self.turn % len(found)]

    def owners(self) -> Primaries:
        """Each primary, with a hash tag of its own slots."""
        primaries = self.with_role("master")
        if not self.made.clustered:
            return dict.fromkeys(primaries, "")
        return {port: tag_in(first, last) for first, last, port in self.spans()}

    def spans(self) -> list[tuple[int, int, int]]:
        """First and last slot, and port of the owner, of each range of slots."""
        told = self.ask(self.made.ports[0], "CLUSTER", "SLOTS")
        return sorted((int(first), int(last), int(owner[1])) for first, last, owner, *_ in told)

    def written(self) -> int:
        """Commands that the primaries have done so far."""
        primaries = self.with_role("master")
        return sum(
            int(self.ask(port, "INFO", "stats")["total_commands_processed"]) for port in primaries
        )

    def pid(self, port: int) -> int:
        return int(self.ask(port, "INFO", "server")["process_id"])

    def name(self, port: int) -> str:
        return f"node{port - self.made.ports[0] + 1}"

    def afterwards(self, mend: Callable[[], object]) -> None:
        self.mended.append(mend)


Fault = Callable[[Scene], str]
"""Makes the fault, says how to mend it, and names the subject on which it must be found."""


def _killed(scene: Scene) -> str:
    port = scene.replica()
    psutil.Process(scene.pid(port)).kill()
    scene.afterwards(lambda: scene.stage.ours("up", "--dir", str(scene.made.folder)))
    return scene.name(port)


def _paused(scene: Scene) -> str:
    port = scene.made.ports[scene.turn % len(scene.made.ports)]
    process = psutil.Process(scene.pid(port))
    process.suspend()
    scene.afterwards(lambda: process.send_signal(signal.SIGCONT))
    return scene.name(port)


def _drifted(scene: Scene) -> str:
    port = scene.made.ports[scene.turn % len(scene.made.ports)]
    scene.ask(port, "CONFIG", "SET", "appendfsync", "no")
    scene.afterwards(lambda: scene.ask(port, "CONFIG", "SET", "appendfsync", "everysec"))
    return scene.name(port)


def _writable(scene: Scene) -> str:
    port = scene.replica()
    scene.ask(port, "CONFIG", "SET", "replica-read-only", "no")
    scene.afterwards(lambda: scene.ask(port, "CONFIG", "SET", "replica-read-only", "yes"))
    return scene.name(port)


def _locked_out(scene: Scene) -> str:
    port = scene.replica()
    scene.ask(port, "CONFIG", "SET", "masterauth", "wrong")
    scene.ask(port, "CLIENT", "KILL", "TYPE", "master")
    scene.afterwards(lambda: scene.ask(port, "CONFIG", "SET", "masterauth", scene.password))
    return scene.name(port)


def _slot_lost(scene: Scene) -> str:
    owner = scene.spans()[0][2]
    for port in scene.made.ports:
        scene.ask(port, "CLUSTER", "DELSLOTS", 0)
    scene.afterwards(lambda: scene.ask(owner, "CLUSTER", "ADDSLOTS", 0))
    return "topology"


def _half_migrated(scene: Scene) -> str:
    (slot, _, source), (_, _, target) = scene.spans()[:2]
    identity = scene.ask(target, "CLUSTER", "MYID")
    scene.ask(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", identity)
    scene.afterwards(lambda: scene.ask(source, "CLUSTER", "SETSLOT", slot, "STABLE"))
    return scene.name(source)


def _split(scene: Scene) -> str:
    port, (primary,) = scene.replica(), scene.with_role("master")
    scene.ask(port, "REPLICAOF", "NO", "ONE")
    scene.afterwards(lambda: scene.ask(port, "REPLICAOF", "127.0.0.1", primary))
    return "topology"


_ANYWHERE: tuple[tuple[Fault, str], ...] = (
    (_killed, "node.alive"),
    (_paused, "node.alive"),
    (_drifted, "config.drift"),
    (_writable, "replication.read-only"),
    (_locked_out, "replication.link"),
)
FAULTS: dict[str, tuple[tuple[Fault, str], ...]] = {
    "cluster": (
        (_slot_lost, "cluster.slots"),
        (_half_migrated, "cluster.open-slots"),
        *_ANYWHERE,
    ),
    "replication": ((_split, "replication.shape"), *_ANYWHERE),
}


@dataclass(slots=True)
class Tally:
    """What all runs told."""

    seconds: list[float] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    warned: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)


def alarms(stage: Stage, runs: int) -> Outcome:
    """So many looks at a healthy topology, and as many at a broken one, shapes in halves."""
    tally = Tally()
    shares = {"cluster": runs - runs // 2, "replication": runs // 2}
    for shape, share in shares.items():
        kind, size = _SHAPES[shape]
        if share:
            with stage.topology(kind, size) as made:
                stage.up(made)
                _try(stage, made, share, tally)
    lines = (
        f"load by {program() or 'redis-py'}: {', '.join(tally.loads)}",
        f"verify took {median(tally.seconds):.2f} s (median), {max(tally.seconds):.2f} s (most)",
        f"{runs} looks while all was well, {sum(tally.found.values())} of {runs} faults found: "
        + ", ".join(f"{name} {count}" for name, count in sorted(tally.found.items())),
        f"warnings: {dict(tally.warned) or 'none'}",
        *(tally.wrong or ["no false alarm, none missed"]),
    )
    document = {"seconds": tally.seconds, "wrong": tally.wrong, "found": dict(tally.found)}
    return Outcome(lines=lines, met=not tally.wrong and not stage.violations, document=document)


def _try(stage: Stage, made: Made, runs: int, tally: Tally) -> None:
    wanted = made.wanted()
    shape = "cluster" if made.clustered else "replication"
    with closing(Load(wanted.password)) as load, closing(Judge(wanted=wanted)) as judge:
        scene = Scene(stage=stage, made=made, load=load, password=wanted.password)
        began, before = time.perf_counter(), scene.written()
        for turn in range(runs):
            load.on(scene.owners())
            code, findings = _verify(stage, made, tally)
            tally.warned.update(one["check"] for one in findings if one["status"] == "warn")
            if code:
                told = [_told(one) for one in findings if one["status"] == "fail"]
                tally.wrong.append(f"{shape} {turn + 1}: false alarm: {told or code}")
                judge.await_healthy(_PATIENCE)
        pace = (scene.written() - before) / (time.perf_counter() - began)
        tally.loads.append(f"{pace:,.0f} commands/s on the {shape}")
        for turn in range(runs):
            load.on(scene.owners())
            scene.turn = turn
            fault, check = FAULTS[shape][turn % len(FAULTS[shape])]
            subject = fault(scene)
            code, findings = _verify(stage, made, tally, "--timeout", "2s")
            seen = {(o["check"], o["subject"]) for o in findings if o["status"] == "fail"}
            if code == 3 and (check, subject) in seen:
                tally.found[fault.__name__.strip("_")] += 1
            else:
                tally.wrong.append(f"{shape}{fault.__name__}: {check} {subject} not in {seen}")
            while scene.mended:
                scene.mended.pop()()
            judge.await_healthy(_PATIENCE)


def _verify(
    stage: Stage, made: Made, tally: Tally, *words: str
) -> tuple[int, list[dict[str, Any]]]:
    began = time.perf_counter()
    said = subprocess.run(
        [*stage.command, "verify", "--json", *words, "--dir", str(made.folder)],
        env=stage.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    tally.seconds.append(time.perf_counter() - began)
    document = json.loads(said.stdout)
    return said.returncode, document.get("result", {}).get("findings", [])


def _told(finding: dict[str, Any]) -> str:
    return f"{finding['check']} {finding['subject']}: {finding['evidence']}"
