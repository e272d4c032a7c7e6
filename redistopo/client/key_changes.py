"""Which keys of a source changed since they were copied, by their payloads; pure."""

_TTL_SECONDS = 1.0

Name = tuple[int, bytes]
"""A database, and a key in it."""


class KeyChanges:
    """What was copied of each key, in passes over the source."""

    def __init__(self) -> None:
        self._known: dict[Name, tuple[int, float, int]] = {}
        self._pass = 0
        self.changed = 0

    def differs(self, name: Name, payload: bytes, ends: float) -> bool:
        """Return whether a key is to be copied: its payload or the moment when it expires (0 for
        never) isn't that of the last pass. It then counts as copied."""
        mark = hash(payload)  # of 64 bits, and keyed at the start of each process
        before = self._known.get(name)
        same = before is not None and before[0] == mark and _same_end(before[1], ends)
        self._known[name] = (mark, before[1] if same and before else ends, self._pass)
        if self._pass > 1 and not same:
            self.changed += 1
        return not same

    def begin_pass(self) -> None:
        """Begin a pass, which sees every key that is there."""
        self._pass += 1
        self.changed = 0

    def end_pass(self) -> tuple[Name, ...]:
        """Return the keys that were not seen in this pass, which are gone."""
        gone = tuple(name for name, known in self._known.items() if known[2] != self._pass)
        for name in gone:
            del self._known[name]
        return gone

    def forget(self, name: Name) -> bool:
        """Return whether a key that is gone was copied before; it no longer counts as that."""
        return self._known.pop(name, None) is not None


def _same_end(before: float, now: float) -> bool:
    """The remaining time is read in milliseconds, some time after the server computed it."""
    return bool(before) == bool(now) and abs(before - now) < _TTL_SECONDS
