"""redistopo ends by SIGKILL at each boundary of a verb; whatever is typed next, all is well."""

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from support.engines import BUNDLED
from support.forms import spread
from support.kept import keep, kept
from support.mortal import Ended, Nursery, nursery
from support.project import Project
from support.waiting import until

from redistopo.host.all_processes import all_processes


@dataclass
class Trials:
    """One project and one nursery, over and over; `stranger` must outlive everything."""

    project: Project
    nursery: Nursery
    stranger: psutil.Process

    @property
    def clustered(self) -> bool:
        return self.project.size == 6

    def run(self, verb: str, *, end_at: int = 0) -> Ended:
        """The verb came to its end, or to the boundary where it is killed."""
        ended = self.nursery.run(verb, self.project.root, end_at=end_at)
        assert ended.code in ((0, -9) if end_at else (0,)), ended
        return ended

    def write(self) -> None:
        keep(self.project)

    def kept(self) -> str | None:
        return kept(self.project)

    def whole(self) -> None:
        """It is healthy in the suite's own eyes, with one server a node, and no stranger hurt."""
        assert self.project.faults(cluster=self.clustered) == []
        assert len(self.servers()) == self.project.size
        usual = {"hz": "10", "cluster-node-timeout": "5000"}  # not while a cluster forms
        for port in self.project.ports if self.clustered else ():
            with self.project.client(port) as node:
                assert node.config_get("hz", "cluster-node-timeout") == usual
        self.unhurt()

    def gone(self) -> None:
        """No server and no redis-cli of it runs."""
        assert self.servers() == []
        assert _talking_to(self.project.ports) == []
        self.unhurt()

    def servers(self) -> list[psutil.Process]:
        return [one for one in self.project.servers() if one.pid != self.stranger.pid]

    def unhurt(self) -> None:
        assert self.stranger.is_running()
        assert self.stranger.status() != psutil.STATUS_ZOMBIE

    def crash(self) -> None:
        """All servers die at once."""
        for process in self.servers():
            process.kill()
        until(lambda: not self.servers())


def _talking_to(ports: list[int]) -> list[psutil.Process]:
    """Every redis-cli that was told one of these ports."""
    found = []
    for process in all_processes():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if words and words[0].endswith("-cli") and f"127.0.0.1:{ports[0]}" in words:
            found.append(process)
    return found


@pytest.fixture
def trials(project: Project) -> Iterator[Callable[..., Trials]]:
    """Makes the trials of one shape, with a stranger's server at work in the project's folder."""
    port = str(project.port + 15)
    stranger = psutil.Popen(
        [BUNDLED.path, "--port", port, "--bind", "127.0.0.1", "--save", ""],
        cwd=project.root, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    with nursery() as made:

        def begin(shape: str, *words: str) -> Trials:
            project.init(shape, *words, engine=BUNDLED.path)
            return Trials(project, made, stranger)

        yield begin
    stranger.kill()
    stranger.wait()


SHAPES = {
    "standalone": ("standalone",),
    "replication": ("replication", "--replicas", "1"),
    "instant": ("cluster", "--formation", "instant"),
    "redis-cli": ("cluster", "--formation", "redis-cli"),
}


def _all(passed: Ended) -> list[int]:
    return list(range(1, len(passed.boundaries) + 1))


def _told(passed: Ended) -> list[int]:
    """Where the verb tells something: its steps' beginnings and ends."""
    return [n for n, one in enumerate(passed.boundaries, 1) if ": " in one]


def _begun(passed: Ended) -> list[int]:
    return [n for n, one in enumerate(passed.boundaries, 1) if one.startswith("started: ")]


def _formation(passed: Ended) -> list[int]:
    """Around the formation and the start of redis-cli."""
    cli = f"subprocess.Popen {Path(BUNDLED.cli).name}"
    wanted = ("started: form", "done: form", cli, "started: verify")
    return [n for n, one in enumerate(passed.boundaries, 1) if one.startswith(wanted)]


MOST = 2
"""Of all points, the short form has the first, one in the middle, and the last."""

Choice = Callable[[Ended], list[int]]
FIRST_UPS: dict[str, tuple[str, Choice]] = {
    "standalone, every boundary": ("standalone", _all),
    "replication, each other boundary": ("replication", lambda passed: _all(passed)[::2]),
    "instant, each step": ("instant", _told),
    "redis-cli, formation": ("redis-cli", _formation),
}


@pytest.mark.fault(
    "redistopo is killed at any point of a first `up`",
    "the next `up` adopts the running servers and finishes healthy; `down` instead leaves no "
    "process",
)
@pytest.mark.parametrize("case", FIRST_UPS)
def test_first_up(trials: Callable[..., Trials], case: str) -> None:
    shape, choose = FIRST_UPS[case]
    trial = trials(*SHAPES[shape])
    boundaries = spread(choose(trial.run("up")), MOST)
    assert len(boundaries) >= MOST
    trial.run("wipe")
    for turn, n in enumerate(boundaries):
        trial.run("up", end_at=n)
        if turn % 3 == 0:
            trial.run("down")
            trial.gone()
        trial.run("up")
        trial.whole()
        trial.run("wipe")
        trial.gone()


HEALING_UPS: dict[str, tuple[str, Choice]] = {
    "standalone, every boundary": ("standalone", _all),
    "replication, each step": ("replication", _told),
    "instant, each step's beginning": ("instant", _begun),
}


@pytest.mark.fault(
    "all servers crash, and redistopo is killed at any point of the `up` that recovers them",
    "the next `up` finishes healthy, with every key that was written before",
)
@pytest.mark.parametrize("case", HEALING_UPS)
def test_up_after_a_crash(trials: Callable[..., Trials], case: str) -> None:
    shape, choose = HEALING_UPS[case]
    trial = trials(*SHAPES[shape])
    trial.run("up")
    trial.write()
    trial.crash()
    boundaries = spread(choose(trial.run("up")), MOST)
    assert len(boundaries) >= MOST
    for n in boundaries:
        trial.crash()
        trial.run("up", end_at=n)
        trial.run("up")
        trial.whole()
        assert trial.kept() == "yes"
    trial.run("down")
    trial.gone()


DOWNS: dict[str, tuple[str, Choice]] = {
    "standalone, every boundary": ("standalone", _all),
    "replication, every boundary": ("replication", _all),
    "instant, each step": ("instant", _told),
}


@pytest.mark.fault(
    "redistopo is killed at any point of `down`",
    "the next `down` stops the remaining servers; the next `up` has all of the data",
)
@pytest.mark.parametrize("case", DOWNS)
def test_down(trials: Callable[..., Trials], case: str) -> None:
    shape, choose = DOWNS[case]
    trial = trials(*SHAPES[shape])
    trial.run("up")
    trial.write()
    boundaries = spread(choose(trial.run("down")), MOST)
    trial.gone()
    for turn, n in enumerate(boundaries):
        trial.run("up")
        trial.run("down", end_at=n)
        if turn % 2:
            trial.run("down")
            trial.gone()
        trial.run("up")
        trial.whole()
        assert trial.kept() == "yes"


@pytest.mark.fault(
    "redistopo is killed while `up --rebuild` writes a new nodes.conf",
    "the next `up --rebuild` finishes healthy with the same id and the data; the damaged file "
    "is kept",
)
def test_rebuild(trials: Callable[..., Trials]) -> None:
    trial = trials(*SHAPES["instant"])
    trial.run("up")
    trial.write()
    table = trial.project.folder(1) / "nodes.conf"

    def damage() -> str:
        trial.run("down")
        whole = table.read_text()
        table.write_text("")
        table.with_name("nodes.conf.damaged").unlink(missing_ok=True)
        return next(line.split()[0] for line in whole.splitlines() if "myself" in line)

    damage()
    passed = trial.run("rebuild").boundaries
    first = next(n for n, one in enumerate(passed, 1) if "new nodes.conf" in one)
    last = next(n for n, one in enumerate(passed, 1) if one.startswith("done: write a new"))
    for n in spread(range(first, last + 1), MOST):
        identity = damage()
        trial.run("rebuild", end_at=n)
        trial.run("rebuild")
        trial.whole()
        assert trial.kept() == "yes"
        assert f"{identity} " in table.read_text()
        assert table.with_name("nodes.conf.damaged").read_text() == ""


WIPES: dict[str, tuple[str, Choice]] = {
    "standalone, every boundary": ("standalone", _all),
    "instant, each tenth": ("instant", lambda passed: _all(passed)[::10]),
}


@pytest.mark.fault(
    "redistopo is killed at any point of `down --wipe`",
    "the next `down --wipe` deletes the rest; the next `up` has all of the data or none",
)
@pytest.mark.parametrize("case", WIPES)
def test_wipe(trials: Callable[..., Trials], case: str) -> None:
    shape, choose = WIPES[case]
    trial = trials(*SHAPES[shape])
    trial.run("up")
    boundaries = spread(choose(trial.run("wipe")), MOST)
    for turn, n in enumerate(boundaries):
        trial.run("up")
        trial.write()
        trial.run("wipe", end_at=n)
        if turn % 2:
            trial.run("up")
            trial.whole()
            assert trial.kept() in ("yes", None)
        trial.run("wipe")
        trial.gone()
        assert _left(trial.project.root) == ["redistopo.toml"]


def _left(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())
