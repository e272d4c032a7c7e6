"""`drill all`: several drills in a row, as a scenario file says, and one summary."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from redistopo.errors import ExitCode, RedistopoError, WrongRequest
from redistopo.events import Tell, note
from redistopo.model.drill import DrillReport
from redistopo.model.fault import Fault
from redistopo.model.observed import Observed
from redistopo.model.parse import read_toml, refuse
from redistopo.model.scenario import BUILT_IN, Scenario, ScenarioDrill, parse_scenario
from redistopo.model.selector import select
from redistopo.ops.drill import DrillRequest, drill_ground, drilled
from redistopo.ops.project import Project
from redistopo.ops.running import configs, running_targets
from redistopo.world.client import Asker
from redistopo.world.files import read_text
from redistopo.world.observe import Depth, look
from redistopo.world.password import keys


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillDone:
    """One drill of a scenario: its report, or why it wasn't done (`refused`)."""

    name: str
    nodes: tuple[str, ...]
    fault: Fault
    report: DrillReport | None = None
    refused: str = ""

    @property
    def passed(self) -> bool:
        return self.report is not None and self.report.passed


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillAllResult:
    """Every drill of the scenario, in order."""

    scenario: str
    done: tuple[DrillDone, ...]
    seconds: float
    passed: bool = field(default=True)

    @property
    def code(self) -> ExitCode:
        return ExitCode.DONE if self.passed else ExitCode.FAULT


def drill_all(root: Path, file: Path | None, tell: Tell) -> DrillAllResult:
    """All drills of the scenario were tried, each on what the one before it left mended.

    One that is refused, or fails, doesn't stop the others. Raises WrongRequest with
    everything wrong with the file.
    """
    began = time.monotonic()
    scenario = _read(file) if file else BUILT_IN
    with drill_ground(root, tell) as (project, told):
        done = tuple(_all(project, scenario, told))
    return DrillAllResult(
        scenario=str(file) if file else "built in",
        done=done,
        seconds=time.monotonic() - began,
        passed=all(one.passed for one in done),
    )


def _read(file: Path) -> Scenario:
    text = read_text(file)
    if text is None:
        raise WrongRequest(
            f"there is no scenario {file}",
            hint="docs/drills.md has an example; without a file, a built-in one is done",
        )
    scenario, problems = parse_scenario(read_toml(text, file.name))
    if scenario is None:
        raise refuse(problems, file.name)
    return scenario


def _all(project: Project, scenario: Scenario, tell: Tell) -> Iterator[DrillDone]:
    for one in scenario.drills:
        try:
            targets = _targets(project, one)
        except RedistopoError as error:
            yield DrillDone(name=one.name, nodes=one.nodes, fault=one.fault, refused=_why(error))
            continue
        for words in targets:
            request = DrillRequest(
                root=project.layout.root,
                targets=tuple((word,) for word in words),
                fault=one.fault,
                budget=one.budget,
                rate=scenario.rate,
                clients=scenario.clients,
                wait_replicas=scenario.wait_replicas,
                force=scenario.force,
                restore_roles=scenario.restore_roles,
            )
            note(tell, f"drill: {one.name} ({one.fault.value} {', '.join(words)})")
            yield _one(
                project, request, DrillDone(name=one.name, nodes=words, fault=one.fault), tell
            )


def _one(project: Project, request: DrillRequest, about: DrillDone, tell: Tell) -> DrillDone:
    try:
        return replace(about, report=drilled(project, request, tell))
    except RedistopoError as error:
        note(tell, f"not done: {error.message}")
        return replace(about, refused=_why(error))


def _why(error: RedistopoError) -> str:
    return (
        f"{error.message}: {'; '.join(error.detail.splitlines())}"
        if error.detail
        else error.message
    )


def _targets(project: Project, one: ScenarioDrill) -> list[tuple[str, ...]]:
    """For each drill that comes of an entry, whom it hurts, by name; roles are read now."""
    seen = _seen(project)
    if one.each:
        return [(node.name,) for node in select(seen, (one.each,))]
    # any of several will do, as long as no node is hurt twice
    chosen: list[str] = []
    for words in one.nodes:
        meant = [node.name for node in select(seen, (words,)) if node.name not in chosen]
        chosen += meant[:1]
    return [tuple(chosen)]


def _seen(project: Project) -> Observed:
    rendered = configs(project.layout)
    with Asker(keys(project.topology, project.layout)) as asker:
        targets = running_targets(project.layout, rendered)
        return look(project.topology.shape, targets, asker, Depth.HEALTH)
