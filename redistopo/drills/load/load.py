"""The load itself: threads that start, run, and end at a word."""

from types import TracebackType
from typing import Self

from redistopo.drills.load.request import LoadRequest
from redistopo.model.load import LoadSeen


class Load:
    """Clients that write and read, each in a thread of its own; a context that stops them.

    with Load(request) as load:
        load.warm(5)                      # every client was answered
        ...fault, at time.monotonic()...
        load.served(since, 20)            # clients are served again
        load.stop()
        ...mend...
        seen = load.check(10)             # reads every acknowledged write back
        load.clean(10)                    # its keys are gone
    """

    def __init__(self, request: LoadRequest) -> None:
        self.request = request

    def __enter__(self) -> Self:
        """The clients run."""
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """The clients have stopped, and their connections are closed."""
        raise NotImplementedError

    def warm(self, seconds: float, *, answers: int = 20) -> str:
        """Each client was answered so many times; else a text that says which wasn't, and why."""
        raise NotImplementedError

    def served(self, since: float, *, writes: int = 20) -> bool:
        """Whether each hurt shard acknowledged that many writes after that moment, in a row."""
        raise NotImplementedError

    def stop(self) -> None:
        """No operation is begun any more, and none is on its way."""
        raise NotImplementedError

    def check(self, seconds: float) -> LoadSeen:
        """Everything seen; each acknowledged write was read back, or counts as unchecked.

        The load is stopped. Call it when the topology serves again.
        """
        raise NotImplementedError

    def clean(self, seconds: float) -> int:
        """How many keys were removed: all that this load wrote."""
        raise NotImplementedError
