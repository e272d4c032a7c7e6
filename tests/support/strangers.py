"""A process that is none of ours, and must outlive everything that is done."""

from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def stranger() -> Iterator[psutil.Popen]:
    """A process of somebody else; it was still alive at the end of the block."""
    process = psutil.Popen(["sleep", "300"])
    try:
        yield process
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
