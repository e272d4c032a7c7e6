"""What an interruption left unfinished in a topology, which other changes wait for."""

from collections.abc import Iterator
from contextlib import contextmanager

from redistopo.errors import Interrupted, RedistopoError
from redistopo.model.remedies.remedy import joined
from redistopo.model.topology.project_paths import Layout
from redistopo.project.drill_intent_file import load_intent
from redistopo.project.job_file import load_job

GO_ON = "redistopo up finishes it, redistopo undo takes it back"
"""How a change that is on record goes on."""


@contextmanager
def naming_ways_on(layout: Layout) -> Iterator[None]:
    """Add to an error, or to an interrupt, how the change that is on record by then goes on, or
    back."""
    try:
        yield
    except KeyboardInterrupt as error:
        if (job := load_job(layout)) is None:
            raise
        raise Interrupted(f"interrupted: {job.command}", hint=GO_ON) from error
    except RedistopoError as error:
        if GO_ON not in error.hint and load_job(layout) is not None:
            error.hint = joined(error.hint, GO_ON, by="; then ")
        raise


def refuse_unfinished(layout: Layout) -> None:
    """Raise RedistopoError while an earlier change, or a drill, isn't finished."""
    if (job := load_job(layout)) is not None:
        raise RedistopoError(
            f"an earlier change isn't finished: {job.command}",
            detail=f"it began {job.began}; nothing was changed",
            hint=GO_ON,
        )
    if load_intent(layout) is not None:
        raise RedistopoError(
            "a drill isn't finished: nodes may still have its fault", hint="redistopo up ends it"
        )
