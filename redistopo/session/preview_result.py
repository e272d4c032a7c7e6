"""What a verb would do, as `--dry-run` shows it."""

from dataclasses import field

from redistopo.errors import ExitCode
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a verb would do now: the nodes it would act on, its turns in order if there are several,
    and what the service or its data would lose (empty for nothing)."""

    verb: str
    nodes: tuple[str, ...]
    turns: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    code: ExitCode = field(default=ExitCode.DONE)
