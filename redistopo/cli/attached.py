"""Following a topology as the first process of a container."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redistopo.cli.run_verb import run_and_show


@contextmanager
def stopping_as_init(root: Path) -> Iterator[None]:
    """As the first process of a container, stop the topology at SIGTERM: when that process ends,
    all servers are killed, and a process with pid 1 ignores signals that it doesn't handle."""
    if os.getpid() != 1:
        yield
        return

    def end(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        pass  # asked to end: done once the servers have saved
    finally:
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # nothing interrupts saving
        from redistopo.ops.down import DownRequest, down

        run_and_show(lambda progress: down(DownRequest(root=root), progress), lambda _done: None)
