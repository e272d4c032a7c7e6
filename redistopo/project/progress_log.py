"""The progress log: events of the last runs that changed a topology, kept for bundles."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import field
from datetime import UTC, datetime

from redistopo import __version__
from redistopo.errors import MissingPrerequisite, RedistopoError
from redistopo.host.files import read_text, write_private
from redistopo.host.safe_open import open_to_write
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Event, Progress
from redistopo.quick_dataclass import dataclass

_KEPT_LINES = 400
_MOST_EVENTS = 2000
"""The limit of one run; a topology of hundreds of nodes has a few dozen events."""


@contextmanager
def progress_logged(layout: Layout, verb: str, progress: Progress) -> Iterator[Progress]:
    """Log every progress event inside, and the outcome, one per line.

    The state folder must exist. A log that can't be written isn't an error.
    """
    handle = _opened(layout)
    run = _Run(verb=verb, handle=handle)
    run.write({"event": "run", "text": f"redistopo {__version__} {verb}", "pid": os.getpid()})

    def logged(event: Event) -> None:
        run.write(
            {
                "event": event.kind.value,
                "text": event.text,
                **({"detail": event.detail} if event.detail else {}),
                **({"seconds": round(event.seconds, 3)} if event.seconds is not None else {}),
            }
        )
        progress(event)

    try:
        yield logged
    except RedistopoError as error:
        fields = {"text": error.message, "detail": error.detail, "hint": error.hint}
        run.write({"event": "error", "kind": type(error).__name__, **fields})
        raise
    except BaseException as error:  # Ctrl-C, or a bug of ours
        run.write({"event": "error", "kind": type(error).__name__, "text": "interrupted"})
        raise
    else:
        run.write({"event": "end", "text": "done"})
    finally:
        if handle is not None:
            os.close(handle)


def logged_within(layout: Layout, seconds: float) -> bool:
    """Return whether a run that changed the topology ended less than so long ago, or runs now."""
    with suppress(OSError):
        return abs(time.time() - layout.events.stat().st_mtime) < seconds
    return False


@dataclass(slots=True, kw_only=True)
class _Run:
    verb: str
    handle: int | None
    count: int = field(default=0)

    def write(self, values: dict[str, object]) -> None:
        """Append a line to the file."""
        self.count += 1
        if self.handle is None or self.count > _MOST_EVENTS:
            return
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "run": self.verb, **values}, ensure_ascii=False)
        with suppress(OSError):
            os.write(self.handle, f"{line}\n".encode(errors="replace"))


def _opened(layout: Layout) -> int | None:
    """Open the log for appending, truncated to the last lines of earlier runs.

    None in a folder without our marker, which must be the first file there.
    """
    if not layout.marker.exists():
        return None
    with suppress(MissingPrerequisite, OSError):
        earlier = (read_text(layout.events) or "").splitlines(keepends=True)
        if len(earlier) > _KEPT_LINES:
            write_private(layout.events, "".join(earlier[-_KEPT_LINES:]))
        handle = open_to_write(layout.events, os.O_WRONLY | os.O_APPEND)
        os.fchmod(handle, 0o600)
        return handle
    return None
