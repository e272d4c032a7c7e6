"""Reports how far a move of slots is, at most once a second."""

import time
from dataclasses import field

from redistopo.progress import Event, EventKind, Progress
from redistopo.quick_dataclass import dataclass

_EVERY_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class MoveProgress:
    """Counts slots and keys as they move; a slot counts as much as a key, so that empty slots are
    work, too."""

    progress: Progress
    text: str
    slots: int
    keys: int
    slots_done: int = 0
    keys_done: int = 0
    began: float = field(default_factory=time.monotonic)
    told: float = field(default_factory=time.monotonic)

    def moved_keys(self, count: int) -> None:
        """Count keys that moved."""
        self.keys_done += count
        self._report()

    def moved_slots(self, count: int) -> None:
        """Count slots that have their new owner."""
        self.slots_done += count
        self._report()

    def _report(self) -> None:
        now = time.monotonic()
        if now - self.told < _EVERY_SECONDS:
            return
        self.told = now
        total = self.slots + self.keys
        share = min(1.0, (self.slots_done + self.keys_done) / max(total, 1))
        spent = now - self.began
        left = spent / share - spent if share else 0.0
        detail = (
            f"{self.slots_done:,} of {self.slots:,} slots, {self.keys_done:,} keys, "
            f"{self.keys_done / spent:,.0f} keys/s, {left:.0f} s left"
        )
        event = Event(kind=EventKind.PROGRESS, text=self.text, detail=detail, share=share)
        self.progress(event)
