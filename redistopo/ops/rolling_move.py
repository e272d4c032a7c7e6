"""The rolling move of a running topology, for `move`, `up` and `undo`: each node gets its new
address as it is restarted, each primary after a planned failover."""

from dataclasses import replace

from redistopo.client.target import Detail
from redistopo.errors import RedistopoError
from redistopo.execute.executor import execute
from redistopo.host.files import read_exactly, rewrite
from redistopo.model.planning.mixed_addresses import (
    endpoints_of,
    meeting_steps,
    readdress_step,
    recorded_endpoints,
    refuse_rolling_move,
    with_endpoints,
)
from redistopo.model.planning.node_numbers import recorded_now
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.rolling import Act, RollingOrder, Turn, turns
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.job import Job
from redistopo.ops.restart_work import RestartWork, faults_of_nodes
from redistopo.ops.rolling_restart import refuse_unready, require_health, roll
from redistopo.progress import note, step
from redistopo.project.job_file import end_job, save_job
from redistopo.project.load import Project, read_topology
from redistopo.project.started_topology import running_nodes
from redistopo.project.topology_record import begin_lifecycle
from redistopo.project.unfinished_changes import GO_ON
from redistopo.quick_dataclass import dataclass
from redistopo.session.live_change import LiveChange
from redistopo.session.local_preconditions import refuse_changed_security
from redistopo.session.session import Session


@dataclass(slots=True, kw_only=True)
class RollingMove:
    """A move under way: the plan with the new addresses, and the work, whose plan has the present
    ones."""

    plan: Plan
    work: RestartWork

    @property
    def names(self) -> tuple[str, ...]:
        """The nodes that have another address than the topology file's."""
        present = endpoints_of(self.work.now.context.plan)
        return tuple(one.name for one in self.plan.nodes if present[one.name] != one.endpoint)


def rolling_move(session: Session, seconds: float) -> RollingMove:
    """Compare the addresses in the session's topology file with those that the nodes have."""
    refuse_changed_security(session)
    plan = session.plan()
    present = {one.name: one.endpoint for one in session.targets}
    former = (recorded_endpoints(session.state), present, endpoints_of(plan))
    context = session.context(with_endpoints(plan, present))
    now = LiveChange(session=session, context=context, seen=context.observe(Detail.HEALTH))
    now.again()

    def stopped(name: str) -> None:
        to = plan.node(name).endpoint
        _log_in_at(session, now, context.plan.node(name).endpoint, to)
        context.plan = with_endpoints(context.plan, {name: to})
        execute(context, (readdress_step(context.plan, name, former),))

    def started(name: str) -> None:
        session.reread()
        execute(context, meeting_steps(context.plan, name))

    # a node with a new address is introduced to others that have kept theirs in the meantime
    work = RestartWork(
        now=now, seconds=seconds, alone=True, stopped=stopped, started=started, ways=GO_ON
    )
    return RollingMove(plan=plan, work=work)


def _log_in_at(session: Session, now: LiveChange, before: Endpoint, to: Endpoint) -> None:
    """Log in to a Sentinel at its new address: without ACL each has a password of its own."""
    logins = session.credentials.sentinels
    if before in logins:
        moved = {**logins, to: logins[before]}
        session.log_in_with(replace(session.credentials, sentinels=moved))
        now.context.credentials = session.credentials


def refuse_move(move: RollingMove, before: Plan, restart: str) -> None:
    """Raise RedistopoError before anything is changed, if the nodes can't move one by one."""
    now = move.work.now
    refuse_rolling_move(before, move.plan, now.seen, restart)
    require_health(now)
    refuse_unready(now, move.names)


def roll_move(session: Session, move: RollingMove) -> None:
    """Move one node after the other, then record the new addresses; those that don't run start
    first, at their new ones.

    Raises RedistopoError at the first fault; the change then stays on record.
    """
    now = move.work.now
    down = tuple(one.name for one in now.seen.nodes if not one.running)
    left = tuple(name for name in move.names if name not in down)
    if down:
        # the others may still look for them at their former addresses
        move.work.known = faults_of_nodes(left)
        roll(move.work, [Turn(act=Act.RESTART, node=one) for one in down])
        move.work.known = frozenset()
    # over several hosts, one of them would get most primaries
    order = RollingOrder(restore=session.topology.hosts is not None)
    roll(move.work, turns(now.seen, left, order))
    if session.state is not None:
        record = recorded_now(move.plan, session.state)
        session.save_state(begin_lifecycle(move.plan, record, session.progress))
    end_job(session.layout)


def finish_move(session: Session, job: Job, seconds: float) -> None:
    """Finish an interrupted move; if no node runs, `up` starts all at their new addresses, as after
    a change of the file."""
    if running_nodes(session.layout, session.host):
        note(session.progress, f"finishing what was interrupted: {job.command}")
        roll_move(session, rolling_move(session, seconds))


def take_move_back(session: Session, job: Job, seconds: float) -> None:
    """Write the former text of the topology file, and move nodes back to their former addresses.

    Raises RedistopoError if no node runs.
    """
    layout = session.layout
    if not running_nodes(layout, session.host):
        raise RedistopoError(
            "no node runs, so none can move back",
            hint="redistopo up starts all nodes at the new addresses; the data is kept",
        )
    topology = read_topology(job.file_before, layout.topology.name)
    arguments = ("--port", str(topology.port), "--host", topology.host)
    save_job(layout, replace(job, arguments=arguments))
    text = read_exactly(layout.topology)
    if text != job.file_before:
        rewrite(layout.topology, job.file_before, text)
    session.use(Project(layout=layout, topology=topology))
    with step(session.progress, "move back"):
        roll_move(session, rolling_move(session, seconds))
