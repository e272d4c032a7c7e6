"""`explain`: what a topic is, how it works, what it promises, and what to try."""

from dataclasses import field
from difflib import get_close_matches

from redistopo.errors import ExitCode, UsageError
from redistopo.quick_dataclass import dataclass
from redistopo.render.topics import Topic, list_topics


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicResult:
    """The topic asked for, or all of them."""

    topics: tuple[Topic, ...]
    code: ExitCode = field(default=ExitCode.DONE)


def explain_topic(name: str = "") -> TopicResult:
    """Return a topic, or all of them for ""; raises UsageError for an unknown one."""
    known = {one.name: one for one in list_topics()}
    if not name:
        return TopicResult(topics=tuple(known.values()))
    if found := known.get(name.lower()):
        return TopicResult(topics=(found,))
    near = get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    raise UsageError(
        f"there is no topic {name!r}",
        detail=f"topics: {', '.join(known)}",
        hint=f"redistopo explain {near[0]}" if near else "redistopo explain lists them",
    )
