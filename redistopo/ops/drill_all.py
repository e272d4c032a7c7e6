"""`drill all`: runs the drills of a scenario file in a row, with one summary."""

import time
from collections.abc import Iterator
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path

from redistopo import __version__
from redistopo.drill.drill_report import Budget, DrillReport, Writes
from redistopo.drill.drill_request import DrillRequest
from redistopo.drill.scenario_file import BUILT_IN, Scenario, ScenarioDrill, parse_scenario
from redistopo.errors import ExitCode, RedistopoError, UsageError
from redistopo.host.files import read_text
from redistopo.model.planning.impact import losses
from redistopo.model.state.drill_fault import Fault
from redistopo.model.state.observed import Observed
from redistopo.model.state.selector import select_nodes
from redistopo.model.topology.parse import read_toml, topology_file_error
from redistopo.ops.drill import cannot_be_hurt, drill_session, drilled
from redistopo.progress import Progress, note
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillDone:
    """One drill of a scenario; the report of one that wasn't run has failed, with the reason."""

    name: str
    nodes: tuple[str, ...]
    fault: Fault
    report: DrillReport
    done: bool = True

    @property
    def passed(self) -> bool:
        return self.report.passed


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillAllResult:
    """Every drill of the scenario, in order."""

    scenario: str
    drills: tuple[DrillDone, ...]
    seconds: float
    passed: bool = field(default=True)

    @property
    def code(self) -> ExitCode:
        return ExitCode.DONE if self.passed else ExitCode.FAULT


def drill_all(root: Path, file: Path | None, progress: Progress) -> DrillAllResult:
    """Run all drills of the scenario, each on the restored topology of the one before.

    One that is refused, or fails, doesn't stop the others. Raises UsageError with all problems
    of the file, and if no node runs.
    """
    began = time.monotonic()
    scenario = _read(file) if file else BUILT_IN
    with open_session(drill_session(root), progress) as session:
        _refuse_stopped(session.observe())
        done = tuple(_all(session, scenario))
    return DrillAllResult(
        scenario=str(file) if file else "built in",
        drills=done,
        seconds=time.monotonic() - began,
        passed=all(one.passed for one in done),
    )


def preview_drill_all(root: Path, file: Path | None) -> Preview:
    """Determine the effects of all drills of a scenario; nothing is changed."""
    scenario = _read(file) if file else BUILT_IN
    turns: list[str] = []
    lost: list[str] = []
    hurt: list[str] = []
    with open_session(replace(drill_session(root), lock="")) as session:
        seen = session.observe()
        _refuse_stopped(seen)
        for one in scenario.drills:
            try:
                targets = _targets(session, one)
            except RedistopoError as error:
                if not (one.optional and isinstance(error, UsageError)):
                    turns.append(f"{one.name}: not run: {error.message}")
                continue
            for nodes in targets:
                turns.append(f"{one.name}: {one.fault} {', '.join(nodes)}")
                hurt += nodes
                lost += () if one.fault is Fault.NONE else losses(seen, nodes)
    names = tuple(dict.fromkeys(hurt))
    found = tuple(dict.fromkeys(lost))
    return Preview(verb="drill all", nodes=names, turns=tuple(turns), losses=found)


def _refuse_stopped(seen: Observed) -> None:
    """Raise UsageError if no node replies: optional drills select none then, and all would pass."""
    if not any(node.answers for node in seen.nodes):
        raise cannot_be_hurt(seen.nodes[0])


def _read(file: Path) -> Scenario:
    text = read_text(file)
    if text is None:
        raise UsageError(
            f"there is no scenario {file}",
            hint="docs/drills.md has an example; without a file, a built-in one is done",
        )
    scenario, problems = parse_scenario(read_toml(text, file.name))
    if scenario is None:
        raise topology_file_error(problems, file.name)
    return scenario


def _all(session: Session, scenario: Scenario) -> Iterator[DrillDone]:
    for one in scenario.drills:
        try:
            targets = _targets(session, one)
        except RedistopoError as error:
            if one.optional and isinstance(error, UsageError):
                continue
            nodes = one.nodes or (one.each,)
            report = _undone(session, one.fault, nodes, error)
            yield DrillDone(name=one.name, nodes=nodes, fault=one.fault, report=report, done=False)
            continue
        for nodes in targets:
            note(session.progress, f"drill: {one.name} ({one.fault.value} {', '.join(nodes)})")
            done = True
            try:
                session.refresh()
                report = drilled(session, _request(session, scenario, one, nodes))
            except RedistopoError as error:
                note(session.progress, f"not done: {error.message}")
                report, done = _undone(session, one.fault, nodes, error), False
            yield DrillDone(name=one.name, nodes=nodes, fault=one.fault, report=report, done=done)


def _request(
    session: Session, scenario: Scenario, one: ScenarioDrill, nodes: tuple[str, ...]
) -> DrillRequest:
    return DrillRequest(
        root=session.layout.root,
        targets=tuple((name,) for name in nodes),
        fault=one.fault,
        budget=one.budget,
        rate=scenario.rate,
        clients=scenario.clients,
        wait_replicas=scenario.wait_replicas,
        force=scenario.force,
        restore_roles=scenario.restore_roles,
    )


def _undone(
    session: Session, fault: Fault, nodes: tuple[str, ...], error: RedistopoError
) -> DrillReport:
    """The report of a drill that was refused, or ended by an error."""
    detail = "; ".join(error.detail.splitlines())
    return DrillReport(
        topology=session.topology.name,
        shape=session.topology.shape.value,
        engine="",
        redistopo=__version__,
        began=datetime.now(UTC).isoformat(timespec="milliseconds"),
        fault=fault.value,
        target=", ".join(nodes),
        planned=False,
        budget=Budget(seconds=0.0),
        traffic=(),
        writes=Writes(acknowledged=0, lost=0, unchecked=0, examples=(), wait_replicas=0),
        moments=(),
        roles_before={},
        roles_after={},
        healed=None,
        passed=False,
        reasons=(f"not done: {error.message}" + (f" ({detail})" if detail else ""),),
    )


def _targets(session: Session, one: ScenarioDrill) -> list[tuple[str, ...]]:
    """Select the victims, by name, of each drill of an entry; roles are read now."""
    session.refresh()  # the drill before has restarted nodes
    seen = session.observe()
    if one.each:
        return [(node.name,) for node in select_nodes(seen, (one.each,))]
    # any of several will do, as long as no node is hurt twice
    chosen: list[str] = []
    for words in one.nodes:
        meant = [node.name for node in select_nodes(seen, (words,)) if node.name not in chosen]
        chosen += meant[:1]
    return [tuple(chosen)]
