"""Trial: unplanned failovers with default timeouts, each a drill by the command; and drills
without any fault, which must report nothing.

A drill's own word on the outage is held against an independent client's: a bare redis-py
connection that writes every few milliseconds to whoever owns its slot.
"""

import json
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from benchmarks.stage import Made, Stage
from benchmarks.trial import Outcome

NODE_TIMEOUT_SECONDS = 5.0
BEYOND_SECONDS = 3.0
SHARE = 0.95
"""Of all drills: 19 of 20."""

_FAULTS = ("kill", "freeze", "kill", "shutdown", "kill")


def failovers(stage: Stage, runs: int) -> Outcome:
    """Every drill mended all; 19 of 20 were back within node timeout + 3 s."""
    bar = NODE_TIMEOUT_SECONDS + BEYOND_SECONDS
    done: list[dict[str, Any]] = []
    lines = []
    with stage.topology(("cluster", "--shards", "3"), 6) as made:
        stage.up(made)
        for number in range(runs):
            fault = _FAULTS[number % len(_FAULTS)]
            with _Beside(made) as beside:
                found = run_drill(stage, made, "--shard", str(1 + number % 3), "--fault", fault)
            away = max(one["unavailable"] for one in found["traffic"] if one["hurt"]) / 1000
            done.append({**_brief(found), "beside": beside.longest if number % 3 == 0 else None})
            lines.append(f"{fault} {found['target']}: away {away:.2f} s, {_told(done[-1])}")
    within = sum(one["away"] <= bar for one in done)
    healed = all(one["healed"] is not None for one in done)
    lines.append(f"{within} of {runs} within {bar:g} s")
    return Outcome(
        lines=tuple(lines),
        met=healed and within >= SHARE * runs,
        document={"bar": bar, "within": within, "drills": done},
    )


def _told(one: dict[str, Any]) -> str:
    servers = ", ".join(f"{kind} {at or 0:.2f}" for kind, at in one["servers"].items())
    beside = "" if one["beside"] is None else f", an independent client {one['beside']:.2f} s"
    lost = f"{one['lost']} of {one['acknowledged']} writes lost"
    return f"{servers}; {lost}{beside}"


def _brief(found: dict[str, Any]) -> dict[str, Any]:
    hurt = [one for one in found["traffic"] if one["hurt"]]
    return {
        "fault": found["fault"],
        "target": found["target"],
        "away": max(one["unavailable"] for one in hurt) / 1000,
        "lost": found["writes"]["lost"],
        "acknowledged": found["writes"]["acknowledged"],
        "healed": found["healed"],
        "servers": {kind: _first(found, kind) for kind in ("suspected", "failed", "promoted")},
    }


def _first(found: dict[str, Any], kind: str) -> float | None:
    """Seconds after the fault of the servers' first moment of that kind."""
    return next((one["at"] for one in found["moments"] if one["kind"] == kind), None)


def run_drill(stage: Stage, made: Made, *words: str) -> dict[str, Any]:
    """Run one drill and return its report; SystemExit where there is none."""
    argv = [*stage.command, "drill", "failover", "--json", "--dir", str(made.folder), *words]
    done = subprocess.run(
        argv, env=stage.environment, capture_output=True, text=True, check=False, timeout=180
    )
    report = json.loads(done.stdout or "{}").get("result") if done.returncode in (0, 3) else None
    if report is None:
        raise SystemExit(f"{' '.join(argv)}\nexit code {done.returncode}\n{done.stderr}")
    found: dict[str, Any] = report
    return found


@dataclass(slots=True)
class _Beside:
    """A client of nobody's making, on a key of shard 1; `longest` is its longest wait, seconds."""

    made: Made
    longest: float = 0.0
    _over: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def __enter__(self) -> "_Beside":
        self._thread = Thread(target=self._write, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _write(self) -> None:
        password = self.made.wanted().password
        nodes = [
            Redis(port=port, password=password, socket_timeout=0.3, socket_connect_timeout=0.3)
            for port in self.made.ports
        ]
        last, place = time.monotonic(), 0
        while not self._over.wait(0.005):
            try:
                nodes[place].set("{3}beside", "x")  # slot 1584, in the first of three shards
                now = time.monotonic()
                self.longest, last = max(self.longest, now - last), now
            except RedisError:
                place = (place + 1) % len(nodes)
        for node in nodes:
            with suppress(RedisError):
                node.close()
