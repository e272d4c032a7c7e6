"""One verdict on several primaries that the same Sentinels monitor."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from redistopo.model.state.finding import Finding
from redistopo.model.state.monitored_primaries import by_primary
from redistopo.model.state.observed import Observed

Judged = Callable[[Observed], tuple[Finding, ...]]


def of_each_primary(seen: Observed, judge: Judged) -> tuple[Finding, ...]:
    """Judge each primary with its nodes; with several, subjects begin with the primary's name. What
    is found on a Sentinel for all of them alike is there once, without a name."""
    parts = by_primary(seen)
    if not parts:
        return judge(seen)
    return _merged({name: judge(part) for name, part in parts.items()}, seen)


def _merged(found: Mapping[str, tuple[Finding, ...]], seen: Observed) -> tuple[Finding, ...]:
    watching = {node.name for node in seen.nodes if node.watches or not node.answers}
    first, *others = found.values()
    shared = {
        one.ref for one in first if one.subject in watching and all(one in rest for rest in others)
    }
    merged: dict[tuple[str, str], list[Finding]] = {}
    for name, findings in found.items():
        refs = {one.ref for one in findings} - shared
        for one in findings:
            subject = f"{name} {one.subject}" if one.ref in refs else one.subject
            because = tuple(_named(ref, name) if ref in refs else ref for ref in one.because_of)
            new = replace(one, subject=subject, because_of=because)
            # nothing else has the same check and subject twice but findings that are shared
            same = merged.setdefault((one.check, subject), [])
            if one.ref in refs or not any(old.evidence == one.evidence for old in same):
                same.append(new)
    return tuple(one for same in merged.values() for one in same)


def _named(ref: str, name: str) -> str:
    check, _, subject = ref.partition(" ")
    return f"{check} {name} {subject}"
