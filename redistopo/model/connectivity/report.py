"""The connectivity report: first failing link, probable causes, and the matrix in 80 columns."""

from collections.abc import Iterable, Mapping

from redistopo.model.connectivity.cause import Cause
from redistopo.model.connectivity.causes import causes
from redistopo.model.connectivity.matrix import (
    US,
    WELL,
    FailedLink,
    MatrixRow,
    NodeProbe,
    connectivity_view,
    failing_links,
    matrix,
)
from redistopo.model.protocol.endpoint import split_address
from redistopo.model.state.observed import Observed
from redistopo.quick_dataclass import dataclass

_WIDTH = 78
"""80 columns, less the two by which an error's detail is indented."""

_MOST_ROWS = 14
_MOST_CAUSES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectivityReport:
    """The matrix, the failing links and their causes, the most certain one first."""

    nodes: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    links: tuple[FailedLink, ...]
    causes: tuple[Cause, ...]

    @property
    def healthy(self) -> bool:
        """Whether no failing link and no cause was found."""
        return not self.links and not self.causes

    @property
    def cause(self) -> Cause | None:
        return self.causes[0] if self.causes else None

    @property
    def pair(self) -> FailedLink | None:
        """The first failing link, preferably one of the node with the first cause."""
        culprit = self.causes[0].node if self.causes else ""
        about = (link for link in self.links if culprit in (link.source, link.target))
        return next(about, self.links[0] if self.links else None)

    @property
    def remedy(self) -> str:
        return self.causes[0].remedy if self.causes else ""

    def first_nodes(self, most: int) -> tuple[str, ...]:
        """Return so many nodes: those with a cause, then those at failing links, then others."""
        named = (cause.node for cause in self.causes)
        ends = (end for link in self.links for end in (link.source, link.target) if end != US)
        return tuple(dict.fromkeys((*named, *ends, *self.nodes)))[:most]

    def about(self, subject: str) -> Cause | None:
        """Return the cause for a node: its own, or that of a node at a failing link."""
        far = {link.target for link in self.links if link.source == subject}
        near = {link.source for link in self.links if link.target == subject}
        for names in ({subject}, far, near):
            for cause in self.causes:
                if cause.node in names:
                    return cause
        return None


def connectivity_report(seen: Observed, probes: Iterable[NodeProbe]) -> ConnectivityReport:
    """Find everything that keeps the nodes of a snapshot apart."""
    scene = connectivity_view(seen, probes)
    rows = matrix(scene)
    links = tuple(failing_links(scene, rows))
    return ConnectivityReport(
        nodes=tuple(node.name for node in seen.nodes),
        rows=rows,
        links=links,
        causes=causes(scene, links),
    )


def brief(found: ConnectivityReport) -> str:
    """Format the first failing link and its cause as one sentence; "" if healthy."""
    parts = [str(found.pair)] if found.pair else []
    if found.cause:
        parts.append(f"probable cause: {found.cause}")
    return "; ".join(parts)


def explanation_lines(found: ConnectivityReport) -> str:
    """Format the first failing link, the causes and the matrix; "" if healthy."""
    if found.healthy:
        return ""
    lines = [f"first failing link: {found.pair}"] if found.pair else []
    for number, cause in enumerate(found.causes[:_MOST_CAUSES]):
        lines.append(f"{'also' if number else 'probable cause'}: {cause}")
    if len(found.causes) > _MOST_CAUSES:
        lines.append(f"and {len(found.causes) - _MOST_CAUSES} more causes")
    return "\n".join([*lines, *matrix_lines(found)])


def matrix_lines(found: ConnectivityReport) -> list[str]:
    """Format the matrix; if it is too wide, only rows and columns with faults, and a count."""
    if not found.nodes:
        return []
    names = dict(zip(found.nodes, _labels(found.nodes), strict=True))
    columns = _fitting(found, names, list(range(len(found.nodes))))
    rows = list(found.rows)
    if len(columns) < len(found.nodes):
        columns = _fitting(found, names, _columns_with_faults(found))
        rows = [row for row in rows if any(row.cells[n] not in WELL for n in columns)]
    shown = rows[:_MOST_ROWS]
    head = ["from", "port", *(names[found.nodes[n]] for n in columns)]
    body = [
        [names.get(row.source, row.source), row.port.value, *(row.cells[n] for n in columns)]
        for row in shown
    ]
    widths = [max(len(line[n]) for line in [head, *body]) for n in range(len(head))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *body]
    ]
    return [*lines, *_left_out(found, len(columns), len(rows) - len(shown))]


def _labels(nodes: tuple[str, ...]) -> Iterable[str]:
    """The names; for addresses of one host only their ports, as ``:7000``."""
    hosts = {split_address(name)[0] for name in nodes}
    if len(hosts) == 1 and hosts != {""}:
        return (":" + split_address(name)[1] for name in nodes)
    return nodes


def _fitting(found: ConnectivityReport, names: Mapping[str, str], columns: list[int]) -> list[int]:
    """As many of these columns as fit the width, from the first on."""
    words = max(len(cell) for row in found.rows for cell in row.cells)
    room = _WIDTH - max(map(len, [*names.values(), US])) - len("  data")
    fit: list[int] = []
    for n in columns:
        room -= 2 + max(words, len(names[found.nodes[n]]))
        if room < 0:
            break
        fit.append(n)
    return fit


def _columns_with_faults(found: ConnectivityReport) -> list[int]:
    """The columns with faults; nodes with a cause, and most faults, first."""
    count = [sum(row.cells[n] not in WELL for row in found.rows) for n in range(len(found.nodes))]
    culprits = {cause.node for cause in found.causes}
    return sorted(
        (n for n, number in enumerate(count) if number),
        key=lambda n: (found.nodes[n] not in culprits, -count[n], n),
    )


def _left_out(found: ConnectivityReport, columns: int, rows: int) -> list[str]:
    if columns == len(found.nodes) and not rows:
        return []
    faulty = len(_columns_with_faults(found))
    summary = f"{len(found.nodes)} nodes, {faulty} of them not reached by all"
    if faulty > columns:
        summary += f", {columns} shown"
    return [summary + (f"; {rows} more rows" if rows else "")]
