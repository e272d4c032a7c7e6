"""`watch`: one frame of the screen, for any size; pure."""

from collections.abc import Iterable
from datetime import timedelta

from rich.console import Group
from rich.text import Text

from redistopo.cli import theme
from redistopo.cli.views.events import color_of, summary
from redistopo.cli.views.status import COLUMNS, RIGHT, row, several_hosts
from redistopo.model.protocol.slots import format_ranges as slots_text
from redistopo.model.state.diff import CHANGED, StateChange
from redistopo.model.state.status_rows import NodeStatus
from redistopo.model.topology.spec import Shape
from redistopo.ops.watch import Scene

_HIGHLIGHT = timedelta(seconds=10)
"""How long a node whose role changed is highlighted."""

_DROPPED = (
    "pid", "up", "clients", "bus", "port", "memory", "shard", "link", "slots", "lag", "ops/s",
    "watches", "role",
)  # fmt: skip
"""Columns that a narrow screen leaves out, in this order."""

_FIXED = 4  # title, summary, header, footer
_MOST_EVENTS = 8
_ROOMY = 16  # lines from which some stay blank


def frame(scene: Scene, width: int, height: int) -> Group:
    """Return at most `height` lines of at most `width` columns."""
    blank = [Text()] if height >= _ROOMY else []
    room = max(0, height - _FIXED - len(blank))
    spare = room - len(scene.lines) - 1 - len(blank)
    count = max(0, min(len(scene.recent), _MOST_EVENTS, max(room // 4, spare)))
    block = count + 1 + len(blank) if count else 0
    lines = [_title(scene, width), _summary(scene), *blank]
    if scene.lines:
        lines += _table(scene, width, room - block)
    elif scene.trouble:
        lines += [Text(scene.trouble.message, style=theme.WARNING), Text(scene.trouble.hint)]
    if count:
        lines += [
            *blank,
            Text("Last events", style=theme.BOLD),
            *_events(scene.recent[-count:]),
        ]
    lines = lines[: max(0, height - 1)]
    lines += [Text()] * (height - 1 - len(lines))
    lines.append(Text(f"q quits; every {scene.interval:g} s", style=theme.DIM))
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return Group(*lines[:height])


def _title(scene: Scene, width: int) -> Text:
    """Name, shape and engine; at the right the time of the snapshot."""
    about = ", ".join(filter(None, (scene.shape and scene.shape.value, scene.engine)))
    left = Text(scene.name, style=theme.BOLD).append(f": {about}" if about else "", style="default")
    clock = f"{scene.at.astimezone():%H:%M:%S}"
    left.truncate(max(0, width - len(clock) - 1), overflow="ellipsis", pad=True)
    return left.append(f" {clock}", style=theme.DIM)


def _summary(scene: Scene) -> Text:
    if not scene.lines:
        return Text("no snapshot yet")
    style = "" if all(line.state == "ok" for line in scene.lines) else theme.WARNING
    return Text(summary(scene), style=style).append(f"; snapshot took {scene.took:.2f} s")


def _table(scene: Scene, width: int, room: int) -> list[Text]:
    """The header, and as many rows as fit: nodes with a change or a problem first."""
    changed = {
        one.node for one in scene.recent if one.kind in CHANGED and scene.at - one.at < _HIGHLIGHT
    }
    lines = scene.lines
    left_out = 0
    if len(lines) > room:
        kept = max(0, room - 1)
        left_out = len(lines) - kept
        ranks = [(line.name not in changed, line.state == "ok") for line in lines]
        urgent = sorted(range(len(lines)), key=ranks.__getitem__)
        lines = tuple(lines[n] for n in sorted(urgent[:kept]))
    cells = [_cells(scene, line) for line in lines]
    columns = _fitting(cells, width)
    heads = {name: name for name in columns}
    if "port" in heads and several_hosts(scene.lines):
        heads["port"] = "address"
    widths = {
        name: max([len(head), *(len(row[name]) for row in cells)]) for name, head in heads.items()
    }
    header = "  ".join(_placed(name, head, widths[name]) for name, head in heads.items())
    found = [Text(header, style=theme.BOLD)]
    for line, row_cells in zip(lines, cells, strict=True):
        text = Text(style="reverse" if line.name in changed else "")
        for number, name in enumerate(columns):
            cell = row_cells[name]
            text.append("  " if number else "")
            text.append(_placed(name, cell, widths[name]), style=theme.CELLS.get(cell, ""))
        found.append(text)
    if left_out:
        more = "; `redistopo status` shows all" if scene.own else ""
        found.append(Text(f"... {left_out} more{more}", style=theme.DIM))
    return found


def _cells(scene: Scene, line: NodeStatus) -> dict[str, str]:
    found = dict(zip(COLUMNS, row(line, address=several_hosts(scene.lines)), strict=True))
    if scene.shape is Shape.SENTINEL:
        # what a Sentinel or a data node has no value for stays blank
        found = {name: "" if cell == "-" else cell for name, cell in found.items()}
        names = {one.address: one.name for one in scene.lines}
        watched = ", ".join(names.get(one, one) for one in line.watches.split(", "))
        watched += "" if line.epoch is None else f", epoch {line.epoch}"
        link = scene.links.get(line.name, "-").replace("-", "")
        return {**found, "slots": "", "bus": "", "link": link, "watches": watched}
    more = len(line.slots) - 1
    found["slots"] = f"{slots_text(line.slots[:1])} +{more}" if more > 0 else found["slots"]
    links, bus = scene.links.get(line.name, "-"), scene.bus.get(line.name, "-")
    return {**found, "link": links, "bus": bus, "watches": "-"}


def _fitting(cells: list[dict[str, str]], width: int) -> list[str]:
    """The columns that fit; empty columns are always left out."""
    at, slots = COLUMNS.index("up"), COLUMNS.index("slots")
    columns = [
        name
        for name in (*COLUMNS[:slots], "watches", *COLUMNS[slots:at], "link", "bus", *COLUMNS[at:])
        if not cells or any(row[name] not in ("", "-") for row in cells)
    ]
    for dropped in _DROPPED:
        widths = [max([len(name), *(len(row[name]) for row in cells)]) for name in columns]
        if sum(widths) + 2 * (len(columns) - 1) <= width:
            break
        columns = [name for name in columns if name != dropped]
    return columns


def _placed(name: str, cell: str, width: int) -> str:
    return cell.rjust(width) if name in RIGHT else cell.ljust(width)


def _events(recent: Iterable[StateChange]) -> list[Text]:
    found = []
    for one in recent:
        line = Text(f"{one.at.astimezone():%H:%M:%S} ", style=theme.DIM)
        line.append(f"{one.node or 'cluster'} ", style=theme.BOLD)
        line.append(f"{one.kind.value} ", style=color_of(one.kind) or theme.NOTE)
        found.append(line.append(one.words, style="default"))
    return found
