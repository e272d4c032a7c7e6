"""`upgrade`: the nodes of a running topology move to another engine, a few at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path

from redistopo.errors import ExitCode, MissingPrerequisite, RedistopoError, UsageError
from redistopo.execute.handover import HandoverResult
from redistopo.host.engine_search import choose_engine
from redistopo.host.files import absolute, read_exactly, rewrite
from redistopo.model.planning.impact import losses
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.restart_losses import refuse_unavailable, unfollowed
from redistopo.model.planning.upgrade import (
    UpgradePlan,
    newest_running,
    plan_upgrade,
    running_engines,
    unlinked,
)
from redistopo.model.protocol.engine import parse_request
from redistopo.model.remedies.remedy import joined
from redistopo.ops.refuse_settings import refusing_settings
from redistopo.ops.restart_work import Restarted, RestartWork, faults_of_nodes
from redistopo.ops.rolling_restart import refuse_unready, require_health, roll, saving
from redistopo.progress import Progress, note, warn
from redistopo.project.load import Project, engine_request, read_topology
from redistopo.project.trust import may_run, trust
from redistopo.project.unfinished_changes import refuse_unfinished
from redistopo.quick_dataclass import dataclass
from redistopo.render.engine_edit import with_engine
from redistopo.session.health import Known
from redistopo.session.live_change import LiveChange, change_request, live_change, unrecorded
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.session import Session, SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeRequest:
    """The engine to use, "" for the topology file's; `force` accepts downtime of nodes without a
    replica; `snapshot` saves the data before the first node is restarted. `seconds` is the time
    limit of each node."""

    root: Path
    engine: str = ""
    force: bool = False
    snapshot: bool = True
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeResult:
    """The engine that all nodes run, those that ran `before`, and what was done, in order.

    `edited` is whether the topology file was changed to `asked`; `back` says how far back is
    possible, and `emptied` are the nodes that copied their primary because the engine can't read
    their files, which are kept under another name. `snapshot` is the name of the one that was saved
    before, "" for none.
    """

    name: str
    engine: str
    asked: str
    edited: bool
    before: dict[str, tuple[str, ...]]
    restarted: tuple[Restarted, ...] = ()
    handovers: tuple[HandoverResult, ...] = ()
    emptied: tuple[str, ...] = ()
    back: str = ""
    snapshot: str = ""
    seconds: float
    code: ExitCode = field(default=ExitCode.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeCheck:
    """What an upgrade would do: `running` maps engines to their nodes, `turns` are its actions in
    order, `warnings` the known faults of the engine. `refusal` is why it would be refused, in the
    words of the upgrade, "" if it would not, and `hint` what to type then."""

    name: str
    engine: str
    path: str
    running: dict[str, tuple[str, ...]]
    turns: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    back: str = ""
    warnings: tuple[str, ...] = ()
    refusal: str = ""
    detail: str = ""
    hint: str = ""
    code: ExitCode = field(default=ExitCode.DONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """The topology file before and after, and its engine."""

    before: str
    after: str
    was: str
    asked: str


def upgrade(request: UpgradeRequest, progress: Progress) -> UpgradeResult:
    """Restart every node that doesn't run the engine with it, replicas first, each primary after
    a planned failover; the topology file is changed before the first one.

    Raises RedistopoError beforehand if data or service would be lost, or the topology isn't
    healthy; at the first fault, with what is done and the ways on and back.
    """
    began = time.monotonic()
    asked = change_request("upgrade", request.root, request.seconds)
    with open_session(asked, progress) as session:
        refuse_unfinished(session.layout)
        edit = _edit(session, request)
        now = live_change(session)
        made = _ready(request, now)
        for fault in made.faults:
            warn(progress, fault.sentence)
        if made.back:
            note(progress, made.back)
        if down := [node.name for node in now.seen.nodes if not node.running]:
            note(progress, f"{', '.join(down)}: not running; redistopo up starts it")
        saved = _snapshot(session, request, made)
        if saved:  # which may have taken long
            require_health(now, _curable(now, made))
        _write(session, edit, request)
        work = RestartWork(
            now=now,
            seconds=request.seconds,
            force=request.force,
            emptied=made.emptied,
            back=_way_back(made, edit),
        )
        roll(work, made.turns)
        return UpgradeResult(
            name=session.topology.name,
            engine=made.engine.title,
            asked=edit.asked,
            edited=edit.before != edit.after,
            before=made.running,
            restarted=tuple(work.restarted),
            handovers=tuple(work.handovers),
            emptied=tuple(sorted(made.emptied)),
            back=made.back,
            snapshot=saved,
            seconds=time.monotonic() - began,
        )


def check_upgrade(request: UpgradeRequest) -> UpgradeCheck:
    """Determine what `upgrade` would do, or why it would be refused; nothing is changed."""
    with _unlocked(request) as session:
        _edit(session, request)
        now = unrecorded(session)
        engine = now.context.plan.engine
        found = UpgradeCheck(
            name=session.topology.name,
            engine=engine.title,
            path=engine.path,
            running=running_engines(now.seen),
        )
        try:
            made = _ready(request, now)
        except RedistopoError as error:
            return replace(
                found,
                refusal=error.message,
                detail=error.detail,
                hint=error.hint,
                code=error.code,
            )
        return replace(
            found,
            turns=tuple(map(str, made.turns)),
            emptied=tuple(sorted(made.emptied)),
            back=made.back,
            warnings=tuple(fault.sentence for fault in made.faults),
        )


def preview_upgrade(request: UpgradeRequest) -> Preview:
    """Determine the effects of `upgrade`; raises what it would raise. Nothing is changed."""
    with _unlocked(request) as session:
        _edit(session, request)
        now = unrecorded(session)
        made = _ready(request, now)
        lost = losses(now.seen, (one.name for one in unfollowed(now.seen, made.nodes)))
        turns = tuple(map(str, made.turns))
        return Preview(verb="upgrade", nodes=made.nodes, turns=turns, losses=lost)


@contextmanager
def _unlocked(request: UpgradeRequest) -> Iterator[Session]:
    asked = replace(change_request("", request.root, request.seconds), verb="upgrade")
    with open_session(asked) as session:
        refuse_unfinished(session.layout)
        yield session


def _edit(session: Session, request: UpgradeRequest) -> _Edit:
    """Prepare the change of the file, and let the session use it as it will be."""
    before = read_exactly(session.layout.topology)
    asked = request.engine or _in_file(session)
    if "/" in engine_request(asked).text and session.topology.hosts is None:
        asked = str(absolute(Path(asked)))
    elif request.engine and session.topology.hosts is None:
        asks = replace(engine_request(asked), tls=session.topology.tls, option=True)
        choose_engine(asks)  # here: the plan would ask for a change of the file, as if that asked
    after, was = before, session.topology.engine
    if asked != was:
        after = with_engine(before, asked)
        topology = read_topology(after, session.layout.topology.name)
        session.project = Project(layout=session.layout, topology=topology)
    return _Edit(before=before, after=after, was=was, asked=asked)


def _in_file(session: Session) -> str:
    """The engine of the topology file; of several that run, the newest if it asks for none."""
    asked = session.topology.engine
    request = parse_request(asked)
    if request is None or request.path or request.product or request.numbers:
        return asked
    seen = session.observe()
    newest = newest_running(seen)
    if len(running_engines(seen)) < 2 or not newest:
        raise UsageError(
            f'engine is "{asked}" in {session.layout.topology.name}: any will do',
            hint='name one: redistopo upgrade --engine "valkey 9"; `redistopo engines` lists those '
            "on this machine",
        )
    return newest


def _ready(request: UpgradeRequest, now: LiveChange) -> UpgradePlan:
    """Plan the upgrade, and raise RedistopoError if a node could not be stopped or started."""
    _refuse_other_program(now.context.plan)
    made = plan_upgrade(now.seen, now.context.plan.engine)
    if made.nodes:
        # the file still has the former engine
        again = f'redistopo upgrade --engine "{now.context.plan.topology.engine}"'
        with refusing_settings(now.context, made.nodes, again):
            if now.faults() - _curable(now, made):
                require_health(now, _curable(now, made))
            refuse_unavailable(now.seen, made.nodes, saving(now), force=request.force)
            refuse_unready(now, made.nodes, made.emptied)
    return made


def _curable(now: LiveChange, made: UpgradePlan) -> Known:
    """The faults of nodes that the upgrade cures."""
    return faults_of_nodes(unlinked(now.seen, made.nodes))


def _refuse_other_program(plan: Plan) -> None:
    """Raise MissingPrerequisite if an environment variable names another server."""
    wanted = parse_request(plan.topology.engine)
    engine = plan.engine
    if wanted and not wanted.accepts(engine.product, engine.version):
        raise MissingPrerequisite(
            f"{plan.engine_why} names {engine.title}, not {plan.topology.engine}",
            detail=engine.path,
            hint=f"unset {plan.engine_why}, then "
            f'redistopo upgrade --engine "{plan.topology.engine}"',
        )


def _snapshot(session: Session, request: UpgradeRequest, made: UpgradePlan) -> str:
    """Save the data before the first node is upgraded, and return the snapshot's name: what newer
    nodes save, the former engine may not read."""
    if not request.snapshot or not made.nodes or made.engine.title in made.running:
        return ""
    from redistopo.ops.snapshot import SnapshotRequest, save_snapshot

    now = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name = f"before-{made.engine.name.replace(' ', '-')}-{now}"
    asked = SnapshotRequest(root=request.root, verify=False)
    try:
        # with connections of its own: BGSAVE may take longer than any command of the upgrade
        with open_session(
            SessionRequest(root=request.root, seconds=asked.seconds), session.progress
        ) as own:
            save_snapshot(own, own.layout, name, asked)
    except RedistopoError as error:
        without = "to go on without a snapshot: redistopo upgrade --no-snapshot"
        error.hint = joined(error.hint, without, by="; ")
        raise
    return name


def _write(session: Session, edit: _Edit, request: UpgradeRequest) -> None:
    """Change the file; the user named the program of a path in this very command."""
    if edit.before != edit.after:
        rewrite(session.layout.topology, edit.after, edit.before)
    if (
        "/" in request.engine
        and not session.topology.hosts
        and not may_run(session.layout, edit.asked)
    ):
        trust(session.layout)


def _way_back(made: UpgradePlan, edit: _Edit) -> str:
    """The commands that go back to the program that the file named, or the engine that most nodes
    ran."""
    others = {title: names for title, names in made.running.items() if title != made.engine.title}
    title = max(others, key=lambda one: len(others[one]), default="")
    former = edit.was if "/" in edit.was and edit.was != edit.asked else title.lower()
    back = f'redistopo upgrade --engine "{former}"'
    return f"{back}, then redistopo up" if title else ""
