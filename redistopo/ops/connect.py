"""`connect`: lines to connect to the topology, for a shell and for client libraries."""

from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode, UsageError
from redistopo.ops.plan import plan
from redistopo.progress import Progress, note
from redistopo.project.started_topology import live_targets
from redistopo.quick_dataclass import dataclass
from redistopo.render.connect import CLIENTS, ConnectLines
from redistopo.session.lines_to_connect import lines_to_connect
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectResult:
    """All lines; `lines` are those of `client`, if one is selected."""

    name: str
    connect: ConnectLines
    client: str = ""
    lines: tuple[str, ...] = ()
    code: ExitCode = field(default=ExitCode.DONE)


def connect(root: Path, client: str, progress: Progress) -> ConnectResult:
    """Return the lines for the topology as it is now; it doesn't have to run.

    Raises UsageError for a client that is unknown, or that needs more than a line.
    """
    found = plan(root)
    topology, layout = found.plan.topology, found.plan.layout
    lines = lines_to_connect(found.plan)
    chosen = _chosen(lines, client.lower()) if client else ()
    with open_session(SessionRequest(root=root, needs_started=False)) as session:
        if not session.adopted and not live_targets(layout, session.rendered, session.host):
            note(progress, f"{topology.name} doesn't run now; start it: redistopo up")
    return ConnectResult(name=topology.name, connect=lines, client=client.lower(), lines=chosen)


def _chosen(lines: ConnectLines, client: str) -> tuple[str, ...]:
    if client in ("shell", "url"):
        return lines.shell if client == "shell" else (lines.url,)
    label = next((text for kind, text in CLIENTS.items() if client in _names(kind)), None)
    if label is None:
        raise UsageError(
            f"there is no client {client!r}",
            detail=f"clients: shell, url, {', '.join(CLIENTS)}",
            hint="redistopo connect prints all of them",
        )
    line = dict(lines.libraries).get(label)
    if line is None:
        raise UsageError(
            f"{label} needs more than one line to connect with TLS",
            hint="its CA and client certificate are in .redistopo/tls; redistopo connect shell",
        )
    return (line,)


def _names(kind: str) -> tuple[str, str]:
    """A client's short name, and its library's."""
    return kind, CLIENTS[kind].rpartition(" ")[2].lower()
