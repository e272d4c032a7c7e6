"""The one polling loop."""

import time
from collections.abc import Callable
from typing import TypeVar

from redistopo.errors import RedistopoError, TimedOut

Answer = TypeVar("Answer")


class Deadline:
    """A time limit on the monotonic clock, independent of changes of the system clock."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(0.0, self._end - time.monotonic())

    def part(self, share: float) -> "Deadline":
        """Return an earlier deadline: that share of the total time, from the same start."""
        earlier = Deadline(self.seconds)
        earlier._end = self._end - self.seconds * (1 - share)
        return earlier

    def leave(self, seconds: float) -> None:
        """Postpone it if fewer seconds than that are left."""
        self._end = max(self._end, time.monotonic() + seconds)

    @property
    def over(self) -> bool:
        return time.monotonic() >= self._end


def wait_for(
    attempt: Callable[[], Answer | None],
    deadline: Deadline,
    describe: Callable[[], str | RedistopoError] = str,
    *,
    pause: float = 0.005,
    most: float = 0.1,
) -> Answer:
    """Call `attempt` until it returns a value other than None, and return that; at least once.

    The pause between calls grows to `most` seconds, and to the duration of a call, so that
    polling never uses more than half of the machine. Raises TimedOut with the detail `describe()`,
    or the error that this returns.
    """
    while True:
        began = time.monotonic()
        answer = attempt()
        if answer is not None:
            return answer
        if deadline.over:
            said = describe()
            if isinstance(said, RedistopoError):
                raise said
            late = f"not done after {deadline.seconds:g} s"
            raise TimedOut(late, detail=said, hint="use a longer --timeout")
        took = time.monotonic() - began
        time.sleep(min(max(pause, took), deadline.left + 0.001))
        pause = min(pause * 1.3, most)
