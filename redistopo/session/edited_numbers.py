"""Numbers of nodes that were edited by hand, which `up` brings about: on record, so that `undo`
can take them back as those of `scale`."""

from dataclasses import replace

from redistopo.errors import RedistopoError
from redistopo.host.files import read_exactly
from redistopo.model.planning.former_numbers import former_numbers
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.resizing import is_resized
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState
from redistopo.project.job_file import load_job, save_job
from redistopo.project.load import read_topology


def record_edit(plan: Plan, before: TopologyState | None, seen: Observed) -> None:
    """Put the change on record, with the file's text as its numbers were `before`, unless a change
    is on record already, or these numbers can't be determined."""
    layout = plan.layout
    if before is None or not before.formed or not is_resized(plan, before):
        return
    # with all that moves slots: not for an `up` that keeps the numbers
    from redistopo.render.topology_edit import with_numbers
    from redistopo.session.slot_job import new_job

    numbers = former_numbers(plan.topology, before.names, seen)
    if not numbers or load_job(layout) is not None:
        return
    try:
        text = with_numbers(read_exactly(layout.topology), numbers)
        read_topology(text, layout.topology.name, before.names + before.removed)
    except RedistopoError:
        return  # a layout that can't be edited: then `undo` takes only slots back
    save_job(layout, replace(new_job("up", (), seen, ()), file_before=text))
