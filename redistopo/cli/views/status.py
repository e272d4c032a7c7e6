"""`status`, `ps` and `engines` as tables."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from redistopo.cli import theme
from redistopo.cli.commands_here import here
from redistopo.cli.printable import printable
from redistopo.cli.table import Table, print_table
from redistopo.model.protocol.slots import format_ranges_briefly as slots_text
from redistopo.model.remedies.commands import warned
from redistopo.model.remedies.of_machine import end_process
from redistopo.model.state.finding import Finding, root_causes
from redistopo.model.state.status_rows import NodeStatus
from redistopo.model.topology.spec import Shape

if TYPE_CHECKING:  # each verb imports its own
    from redistopo.model.planning.server_packages import ServerPackage
    from redistopo.model.protocol.engine import Engine
    from redistopo.ops.engines import EnginesResult
    from redistopo.ops.ps import PsResult, TopologyLine
    from redistopo.ops.status import StatusResult

COLUMNS = (
    "shard", "node", "role", "port", "pid", "state", "slots", "memory",
    "clients", "ops/s", "lag", "up",
)  # fmt: skip
_WATCHES = "watches"
"""With Sentinels, which have no slots."""

RIGHT = frozenset({"shard", "port", "pid", "memory", "clients", "ops/s", "lag", "up"})


def show_status(result: "StatusResult") -> None:
    """Print one table, shard by shard."""
    if not result.nodes:
        click.echo(here(f"{result.name}: not started yet. Start it: redistopo up"))
        return
    groups = {
        number
        for number, line in enumerate(result.nodes)
        if number == 0 or line.shard != result.nodes[number - 1].shard
    }
    watched = result.shape is Shape.SENTINEL
    mixed = len({line.engine for line in result.nodes if line.engine}) > 1
    several = several_hosts(result.nodes)
    shown = {"slots": _WATCHES if watched else "slots", "port": "address" if several else "port"}
    columns = [shown.get(one, one) for one in COLUMNS]
    print_table(
        Table(
            title=f"{result.name}: {result.shape.value}, {result.engine or 'not running'}",
            columns=[*columns, *(["engine"] if mixed else [])],
            rows=[
                (*row(one, address=several), *([one.engine or "-"] if mixed else []))
                for one in result.nodes
            ],
            groups=frozenset(groups),
            right=RIGHT,
        )
    )
    if result.upgrade:
        what = "The nodes run several versions"
        if not mixed:
            what = "The topology file asks for another engine"
        click.echo(theme.paint(f"{what}: {here(result.upgrade)}", theme.WARNING))
    if found := result.certificate:
        late = found.left < 30 * 86400
        color = theme.WARNING if late else theme.OK
        click.echo(
            theme.paint(f"Certificates are valid until {found.expires} ({found.lasts})", color)
            + (here("; renew them: redistopo certs renew") if late else "")
        )
    if result.unfinished:
        text = f"Under way, or interrupted: {printable(result.unfinished)}"
        click.echo(theme.paint(text, theme.WARNING))
        from redistopo.project.unfinished_changes import GO_ON

        click.echo(f"  {here(GO_ON)}")
    if not any(line.pid or line.uptime is not None for line in result.nodes):
        click.echo(here("No node runs. Start it: redistopo up"))
    elif result.faults:
        _show_faults(result.faults)


_MOST_FAULTS = 3


def _show_faults(faults: Sequence[Finding]) -> None:
    """Print the first root causes, as the columns don't show each of them."""
    roots = root_causes(faults)
    for one in roots[:_MOST_FAULTS]:
        head = theme.paint(f"fail {one.check} {one.subject}: ", theme.ERROR)
        click.echo(f"{head}{one.evidence}")
    more = f"and {len(roots) - _MOST_FAULTS} more; " if len(roots) > _MOST_FAULTS else ""
    click.echo(
        f"{theme.verdict('Unhealthy', good=False)}  {more}causes and hints: "
        + here("redistopo verify")
    )


def _counted(one: "TopologyLine") -> str:
    if one.gone:
        return "gone"
    return f"{one.nodes}, on hosts" if one.on_hosts else f"{one.running} of {one.nodes} run"


def count_states(lines: Sequence[NodeStatus]) -> str:
    """Return ``5 ok, 1 stopped``."""
    states = Counter(line.state for line in lines)
    ordered = sorted(states.items(), key=lambda one: (one[0] != "ok", one[0]))
    return ", ".join(f"{count} {state}" for state, count in ordered)


def several_hosts(lines: Sequence[NodeStatus]) -> bool:
    """Whether ports alone don't tell where nodes are."""
    return len({line.host for line in lines}) > 1


def row(line: NodeStatus, *, address: bool = False) -> tuple[str, ...]:
    """Return the cells of a node, one for each of `COLUMNS`, with `address` instead of its port."""
    watched = line.watches if line.epoch is None else f"{line.watches}, epoch {line.epoch}"
    return (
        str(line.shard or "-"),
        line.name,
        line.role.value if line.role else "-",
        line.address if address else str(line.port),
        str(line.pid or "-"),
        line.state,
        watched or slots_text(line.slots) or "-",
        size(line.memory),
        _number(line.clients),
        _number(line.operations),
        "-" if line.behind is None else f"{line.behind}B",
        _time(line.uptime),
    )


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def size(count: int | None) -> str:
    """Return bytes in a short form: 12M."""
    if count is None:
        return "-"
    left = float(count)
    for unit in ("B", "K", "M"):
        if left < 1024:
            return f"{left:.0f}{unit}"
        left /= 1024
    return f"{left:.1f}G"


def _time(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def show_ps(result: "PsResult") -> None:
    """Print your topologies on this machine, and orphans."""
    if not result.topologies and not result.orphans:
        click.echo("You have no topology on this machine. Create one: redistopo init cluster")
        return
    rows = [
        (
            one.name,
            one.shape,
            _counted(one),
            f"{min(one.ports)}" if one.ports else "-",
            one.root,
        )
        for one in result.topologies
    ]
    print_table(
        Table(columns=("name", "shape", "nodes", "port", "folder"), rows=rows, wide="folder")
    )
    if any(one.gone for one in result.topologies):
        click.echo("To remove those that are gone from the list: redistopo doctor --fix")
    for orphan in result.orphans:
        click.echo(
            theme.paint("orphan ", theme.WARNING)
            + f"pid {orphan.pid} runs in {orphan.folder}, but no topology started it; "
            + warned(
                end_process(
                    str(orphan.pid), before="to end it: ", lost="what it can't save: it saves first"
                )
            )
        )


def show_engines(result: "EnginesResult") -> None:
    """Print the servers found and their known faults, and how to install one if there is none."""
    if not result.engines:
        click.echo("No Redis or Valkey server was found on this machine.")
        click.echo(result.install)
        _show_others(result.others)
        return
    rows = [_engine(number, one) for number, one in enumerate(result.engines, start=1)]
    print_table(
        Table(
            columns=("", "server", "TLS", "CLI", "found as", "path"),
            rows=rows,
            wide="path",
            named=True,
        )
    )
    for fault in result.faults:
        click.echo(theme.paint("warning ", theme.WARNING) + fault.sentence)
    if result.code:
        click.echo(f"None of these is new enough. {result.install}")
    _show_others(result.others)


def _show_others(packages: "tuple[ServerPackage, ...]") -> None:
    if not packages:
        return
    click.echo("\nNot here, but in a package:")
    rows = [
        (
            one.engine.title,
            "yes" if one.engine.tls else "no",
            f"{one.method} {one.package}",
            one.command,
        )
        for one in packages
    ]
    print_table(Table(columns=("server", "TLS", "package", "command"), rows=rows, wide="command"))


def _engine(number: int, one: "Engine") -> tuple[str, ...]:
    title = one.title if one.supported else f"{one.title} (too old)"
    tls = "yes" if one.tls else "no"
    return (str(number), title, tls, one.cli.rpartition("/")[2] or "none", one.source, one.path)
