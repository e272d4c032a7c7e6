"""`scale`: another number of shards, replicas or Sentinels, in the file and in what runs."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from redistopo.checks.catalogue import judge
from redistopo.errors import UsageError
from redistopo.execute.slot_rights import require_slot_rights
from redistopo.host.files import read_exactly, rewrite
from redistopo.host.polling import Deadline
from redistopo.model.planning.refuse_resize import other_engines, refuse_directions
from redistopo.model.planning.refuse_unhealthy import refuse_unhealthy
from redistopo.model.planning.upgrade import upgrade_command
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.job import Job
from redistopo.model.state.observed import Observed, Role
from redistopo.model.topology.spec import Shape, Topology
from redistopo.ops.plan import PlanResult, result_of
from redistopo.ops.up import UpRequest, UpResult, bring_up
from redistopo.progress import Progress, no_progress, step
from redistopo.project.job_file import save_job
from redistopo.project.load import Project, read_topology
from redistopo.project.unfinished_changes import naming_ways_on, refuse_unfinished
from redistopo.quick_dataclass import dataclass
from redistopo.render.topology_edit import with_numbers
from redistopo.session.health import wait_until_healthy
from redistopo.session.local_preconditions import refuse_folder
from redistopo.session.open import open_session
from redistopo.session.session import CredentialSource, Session, SessionRequest
from redistopo.session.slot_job import new_job

_SETTLING_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleRequest:
    """The folder, and the wanted numbers; None for one that stays as it is."""

    root: Path
    shards: int | None = None
    replicas: int | None = None
    sentinels: int | None = None
    seconds: float = 600.0

    @property
    def numbers(self) -> dict[str, int]:
        """The keys of the topology file to change."""
        asked = {"shards": self.shards, "replicas": self.replicas, "sentinels": self.sentinels}
        return {name: value for name, value in asked.items() if value is not None}

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options, as typed."""
        return tuple(
            word for name, value in self.numbers.items() for word in (f"--{name}", str(value))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """The topology file before and after."""

    before: str
    after: str
    topology: Topology


def scale(request: ScaleRequest, progress: Progress) -> UpResult:
    """Change the numbers in the topology file, and add or remove nodes until all is proven.

    Everything that may refuse it is checked before the file is changed. Raises RedistopoError; an
    interrupted change is finished by the next `up`, or by the same command.
    """
    began = time.monotonic()
    with _opened(request, "scale", progress) as (session, edit):
        if edit.after != edit.before:
            job = new_job("scale", request.arguments, preflight(session, edit), ())
            with naming_ways_on(session.layout):
                begin(session, job, edit)
        context = session.context(session.plan())
        asked = UpRequest(root=request.root, seconds=request.seconds)
        with naming_ways_on(session.layout):
            return bring_up(session, context, asked, began)


def begin(session: Session, job: Job, edit: Edit) -> None:
    """Put the change on record, then change the file; `up` does the rest."""
    save_job(session.layout, replace(job, file_before=edit.before))
    rewrite(session.layout.topology, edit.after, edit.before)


def preview_scale(request: ScaleRequest) -> PlanResult:
    """Decide on the steps of `scale`, and raise what it would raise; nothing is changed."""
    with _opened(request, "") as (session, edit):
        if edit.after != edit.before:
            preflight(session, edit)
        return result_of(session)


@contextmanager
def _opened(
    request: ScaleRequest, lock: str, progress: Progress = no_progress
) -> Iterator[tuple[Session, Edit]]:
    if not request.numbers:
        raise UsageError(
            "nothing to scale is given",
            hint="for example: redistopo scale --shards 4, or redistopo scale --replicas 2",
        )
    asked = SessionRequest(
        root=request.root,
        lock=lock,
        verb="scale",
        seconds=request.seconds,
        credentials=CredentialSource.FILE,
    )
    with open_session(asked, progress) as session:
        yield session, edited(session, request.numbers)


def edited(session: Session, numbers: Mapping[str, int]) -> Edit:
    """Return the edited file; the quorum stays a majority if it is one."""
    was, layout = session.topology, session.layout
    _refuse_meaningless(was, numbers)
    values = dict(numbers)
    asked = values.get("sentinels", was.sentinels)
    if asked != was.sentinels and was.quorum == was.sentinels // 2 + 1:
        values["quorum"] = asked // 2 + 1
    changed = {name: value for name, value in values.items() if getattr(was, name) != value}
    before = read_exactly(layout.topology)
    after = with_numbers(before, changed) if changed else before
    known = session.state.names + session.state.removed if session.state else ()
    topology = read_topology(after, layout.topology.name, known)
    refuse_directions(was, topology)
    return Edit(before=before, after=after, topology=topology)


def _refuse_meaningless(was: Topology, numbers: Mapping[str, int]) -> None:
    if was.shape is Shape.STANDALONE:
        raise UsageError(
            "a standalone server has no shards and no replicas to scale",
            hint="redistopo init replication, in another folder, has replicas",
        )
    if was.shape is not Shape.CLUSTER and "shards" in numbers:
        raise UsageError(
            f"shape {was.shape} has one shard",
            hint="redistopo init cluster, in another folder, has several",
        )
    if was.shape is not Shape.SENTINEL and "sentinels" in numbers:
        raise UsageError(
            f"shape {was.shape} has no Sentinels",
            hint="redistopo init sentinel, in another folder, has them",
        )


def preflight(session: Session, edit: Edit) -> Observed:
    """Refuse the change while a change or a drill is unfinished, and in a topology that isn't
    healthy; then use the edited file, and refuse what `up` would refuse."""
    refuse_unfinished(session.layout)
    refuse_folder(session, session.plan())
    with step(session.progress, "verify that it is healthy", changes=False):
        expected = session.expected
        verdict = wait_until_healthy(session.observe, expected, Deadline(_SETTLING_SECONDS))
        refuse_unhealthy(verdict.seen, judge(verdict.seen, expected), "nodes are added and removed")
    _refuse_other_engine(session, edit, verdict.seen)
    if edit.topology.shards != session.topology.shards:
        primaries = [node for node in verdict.seen.answering if node.role is Role.PRIMARY]
        require_slot_rights(session.client, primaries, session.credentials)
    session.use(Project(layout=session.layout, topology=edit.topology))
    session.log_in_with(session.credentials_from(CredentialSource.FILE))  # also to new Sentinels
    result_of(session)
    return verdict.seen


def _refuse_other_engine(session: Session, edit: Edit, seen: Observed) -> None:
    """Raise UsageError if new nodes would run another engine, by a changed file or installation."""
    plan = session.plan()
    more = edit.topology.size > session.topology.size
    if more and (others := other_engines(seen, plan.engine)):
        raise UsageError(
            f"new nodes would run {plan.engine.title}, and the others run {others}; "
            "nothing was changed",
            detail=f"chosen: {plan.engine.path} ({plan.engine_why})",
            hint=joined(
                upgrade_command(seen, plan.topology.engine), ", then the same command again"
            ),
        )
