"""The record of a change of the topology that isn't finished: one file in the state folder."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict

from redistopo.errors import MissingPrerequisite
from redistopo.host.files import certainly_missing, read_json, remove, write_private
from redistopo.model.protocol.replies import slot_range
from redistopo.model.protocol.slots import SlotRange
from redistopo.model.state.job import Job, SlotMove
from redistopo.model.topology.project_paths import Layout

_NODE = re.compile(r"node[0-9]{1,4}", re.ASCII)


def save_job(layout: Layout, job: Job) -> None:
    """Write the job to disk, atomically: before its first change."""
    values = asdict(job)
    values["slots_before"] = {name: _texts(some) for name, some in job.slots_before.items()}
    values["moves"] = [
        {"source": one.source, "target": one.target, "slots": _texts(one.slots)}
        for one in job.moves
    ]
    write_private(layout.job, json.dumps(values) + "\n")


def load_job(layout: Layout) -> Job | None:
    """Read the job that isn't finished; None for none.

    Raises MissingPrerequisite for a damaged file: what it was can't be known.
    """
    values = read_json(layout.job)
    if values is None and certainly_missing(layout.job):
        return None
    try:
        return _job(values or {})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise MissingPrerequisite(
            f"{layout.job}, the record of an interrupted change, is damaged",
            detail=str(error),
            hint="redistopo verify shows which slots are open; then remove that file",
        ) from error


def _job(values: dict[str, object]) -> Job:
    before, moves, words = values["slots_before"], values["moves"], values["arguments"]
    if not (isinstance(before, dict) and isinstance(moves, list) and isinstance(words, list)):
        raise TypeError("it has values of other types")
    return Job(
        verb=str(values["verb"]),
        arguments=tuple(map(str, words)),
        began=str(values["began"]),
        file_before=str(values["file_before"]),
        slots_before={_name(name): _ranges(some) for name, some in before.items()},
        moves=tuple(
            SlotMove(
                source=_name(one["source"]),
                target=_name(one["target"]),
                slots=_ranges(one["slots"]),
            )
            for one in moves
        ),
    )


def _name(text: str) -> str:
    if not _NODE.fullmatch(text):
        raise ValueError(f"no node: {text}")
    return text


def _texts(some: Iterable[SlotRange]) -> list[str]:
    return [str(one) for one in some]


def _ranges(texts: Iterable[str]) -> tuple[SlotRange, ...]:
    return tuple(slot_range(one) for one in texts)


def moves_left(layout: Layout) -> bool:
    """Return whether a job with moves of slots isn't finished."""
    job = load_job(layout)
    return job is not None and bool(job.moves)


def end_job(layout: Layout) -> None:
    """Remove the record: the job is finished, or was taken back."""
    remove(layout.job, missing_ok=True)
