"""The way back from another number of nodes: the former file, and the slots where they were."""

from collections.abc import Collection
from dataclasses import replace

from redistopo.client.target import Detail
from redistopo.execute.close_slots import close_slots
from redistopo.execute.context import ExecutionContext
from redistopo.execute.move_slots import MovedSlots
from redistopo.host.files import read_exactly, rewrite
from redistopo.model.planning.slot_moves import slots_of
from redistopo.model.state.job import Job
from redistopo.model.state.observed import Observed
from redistopo.project.job_file import save_job
from redistopo.project.load import Project, read_topology
from redistopo.session.session import CredentialSource, Session
from redistopo.session.slot_job import finish_job, undoing


def move_back(session: Session, job: Job, engine: str = "") -> tuple[ExecutionContext, MovedSlots]:
    """Write the former text of the topology file, and move the slots of a change back to where they
    were, as far as their shards are still there. Then `up` removes, or adds, the nodes.

    Returns the context for that, and what was moved. The change stays on record.
    """
    layout = session.layout
    text = read_exactly(layout.topology)
    known = (*session.state.names, *session.state.removed) if session.state else ()
    topology = read_topology(job.file_before, layout.topology.name, known)
    if text != job.file_before:
        rewrite(layout.topology, job.file_before, text)
    session.use(Project(layout=layout, topology=topology))
    session.log_in_with(session.credentials_from(CredentialSource.FILE))
    context = session.context(session.plan(engine))
    seen = context.observe(Detail.HEALTH)
    moved = MovedSlots(slots=0, keys=0, method="")
    if len(seen.answering) == len(seen.nodes) and _know_each_other(seen, job.slots_before):
        close_slots(context, {slot for one in job.moves for slot in slots_of(one.slots)})
        back = undoing(job, context.observe(Detail.HEALTH))
        save_job(layout, back)
        moved = finish_job(context, back)
    save_job(layout, replace(job, verb="undo", arguments=(), moves=()))
    return context, moved


def _know_each_other(seen: Observed, names: Collection[str]) -> bool:
    """Whether these nodes are all there, in one cluster: those that were being removed may be reset
    and forgotten. They join again first, and get their slots then."""
    nodes = [node for node in seen.answering if node.name in names]
    ids = {node.id for node in nodes}
    known = all(ids <= {one.id for one in node.members} for node in nodes)
    return known and len(nodes) == len(names)
