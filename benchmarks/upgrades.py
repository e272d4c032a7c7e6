"""A cluster of six moves to a newer engine under load, beside its six restarts by hand."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.stage import Made, Stage
from redistopo.host.engine_search import examine_program, find_engines
from redistopo.model.protocol.engine import Engine

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from support.waiting import until
from support.writers import Writers, writing

_KIND = ("cluster", "--shards", "3", "--replicas", "1", "--formation", "instant")
_STEPS = (("redis 7.0", "redis 8.2"), ("valkey 8.1", "valkey 9.1"))
_LONGEST = 0.1
"""Seconds that a client may wait for a write at most, on a machine that does nothing else."""


def upgraded(stage: Stage) -> tuple[float, float]:
    """Seconds of the whole command, without a snapshot; and of the six restarts themselves, by
    redis-cli, of a second cluster."""
    before, after = _engines(stage)
    kind = (*_KIND, *(() if stage.forced else ("--engine", before.path)))
    with stage.topology(kind, 6) as made:
        stage.up(made)
        with writing(list(made.ports), made.wanted().password, clustered=True) as writers:
            words = ("upgrade", "--engine", after.path, "--no-snapshot", "--dir", str(made.folder))
            ours = stage.ours(*words)
        _judge(stage, writers)
    with stage.topology(kind, 6) as made:
        stage.up(made)
        password = made.wanted().password
        with writing(list(made.ports), password, clustered=True):
            hand = _ByHand(stage.cli, made, password, after.path)
            began = time.perf_counter()
            hand.upgrade()
            theirs = time.perf_counter() - began
    return ours, theirs


class _ByHand:
    """What an operator types: SHUTDOWN, the new server on the same files, and a look at its link
    and offset, for each replica; CLUSTER FAILOVER before that for each primary."""

    def __init__(self, cli: str, made: Made, password: str, server: str) -> None:
        self._words = [cli, "--no-auth-warning", "-a", password, "-p"]
        self._folders = {
            port: made.folder / ".redistopo" / "nodes" / f"node{number}"
            for number, port in enumerate(made.ports, 1)
        }
        self._server = server

    def upgrade(self) -> None:
        primaries = [port for port in self._folders if self._info(port)["role"] == "master"]
        for port in self._folders.keys() - set(primaries):
            self._restart(port)
        for port in primaries:
            self._hand_over(port)
            self._restart(port)

    def _hand_over(self, port: int) -> None:
        state = dict(one.split("=") for one in self._info(port)["slave0"].split(","))
        replica = int(state["port"])
        self._cli(replica, "CLUSTER", "FAILOVER")
        until(lambda: self._info(replica).get("role") == "master", what="a failover")
        until(lambda: self._info(port).get("role") == "slave", what="a failover")

    def _restart(self, port: int) -> None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self._cli(port, "SHUTDOWN")
        until(lambda: not self._info(port), what="an end")
        subprocess.Popen([self._server, "redis.conf"], cwd=self._folders[port], **quiet)
        until(lambda: self._follows(port), what="a link")

    def _follows(self, port: int) -> bool:
        """Whether a replica has all that its primary had a moment ago."""
        mine = self._info(port)
        if mine.get("role") != "slave" or mine["master_link_status"] != "up":
            return False
        written = int(self._info(int(mine["master_port"]))["master_repl_offset"])
        until(lambda: int(self._info(port)["slave_repl_offset"]) >= written, what="the offset")
        return True

    def _info(self, port: int) -> dict[str, str]:
        """INFO replication; empty if there is no answer."""
        lines = self._cli(port, "INFO", "replication").splitlines()
        return dict(one.split(":", 1) for one in lines if ":" in one)

    def _cli(self, port: int, *words: str) -> str:
        done = subprocess.run(
            [*self._words, str(port), *words], capture_output=True, text=True, check=False
        )
        return done.stdout


def _engines(stage: Stage) -> tuple[Engine, Engine]:
    """The first step whose engines are here; from the server that both sides must use, to the
    newest of its product."""
    found = find_engines()
    if stage.forced:
        mine = examine_program(stage.server, "the benchmark's")
        if mine is None:
            raise SystemExit(f"{stage.server} is no server")
        newer = [one for one in found if one.product is mine.product and one.version > mine.version]
        newest = max(newer, key=lambda one: one.version, default=mine)
        return mine, newest
    for step in _STEPS:
        ends = [next((one for one in found if one.name.startswith(name)), None) for name in step]
        if ends[0] and ends[1]:
            return ends[0], ends[1]
    raise SystemExit(f"an upgrade needs two engines: {_STEPS}")


def _judge(stage: Stage, writers: Writers) -> None:
    longest = max(writers.longest_gap(who) for who in range(writers.clients))
    if not stage.small and longest > _LONGEST:
        stage.violations.append(f"upgrade: a client waited {longest * 1000:.0f} ms")
    if lost := writers.lost():
        stage.violations.append(f"upgrade: {len(lost)} acknowledged writes lost: {lost[:5]}")
