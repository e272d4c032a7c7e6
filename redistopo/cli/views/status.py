"""`status`, `ps` and `engines` as tables."""

import click

from redistopo.cli.sheet import Sheet, show
from redistopo.model.engine import Engine
from redistopo.model.slots import show as slots_text
from redistopo.model.topology import Shape
from redistopo.ops.engines import EnginesResult
from redistopo.ops.ps import PsResult
from redistopo.ops.status import NodeStatus, StatusResult


def show_status(result: StatusResult) -> None:
    """One table, shard by shard."""
    if not result.nodes:
        click.echo(f"{result.name}: nothing was started yet. Start it: redistopo up")
        return
    groups = {
        number
        for number, line in enumerate(result.nodes)
        if number == 0 or line.shard != result.nodes[number - 1].shard
    }
    show(
        Sheet(
            title=f"{result.name}: {result.shape.value}, {result.engine or 'not running'}",
            columns=(
                "shard", "node", "role", "port", "pid", "state",
                "watches" if result.shape is Shape.SENTINEL else "slots", "memory",
                "clients", "ops/s", "lag", "up",
            ),
            rows=[_row(line) for line in result.nodes],
            groups=frozenset(groups),
            right=frozenset(
                {"shard", "port", "pid", "memory", "clients", "ops/s", "lag", "up"}
            ),
        )
    )  # fmt: skip
    if found := result.certificate:
        days = int(found.left // 86400)
        color = "green" if days >= 30 else "yellow"
        click.echo(
            click.style(f"Certificates are valid until {found.expires} ({days} days)", fg=color)
            + ("" if days >= 30 else "; renew them: redistopo certs renew")
        )


def _watched(line: NodeStatus) -> str:
    return f"{line.watches}, epoch {line.epoch}" if line.watches else ""


def _row(line: NodeStatus) -> tuple[str, ...]:
    return (
        str(line.shard or "-"),
        line.name,
        line.role.value if line.role else "-",
        str(line.port),
        str(line.pid or "-"),
        line.state,
        _watched(line) or slots_text(line.slots) or "-",
        _size(line.memory),
        _number(line.clients),
        _number(line.operations),
        "-" if line.behind is None else f"{line.behind}B",
        _time(line.uptime),
    )


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def _size(count: int | None) -> str:
    if count is None:
        return "-"
    size = float(count)
    for unit in ("B", "K", "M"):
        if size < 1024:
            return f"{size:.0f}{unit}"
        size /= 1024
    return f"{size:.1f}G"


def _time(seconds: int | None) -> str:
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def show_ps(result: PsResult) -> None:
    """Every topology of ours on this machine."""
    if not result.topologies and not result.orphans:
        click.echo("No topology of yours on this machine. Make one: redistopo init cluster")
        return
    rows = [
        (
            one.name,
            one.shape,
            "gone" if one.gone else f"{one.running} of {one.nodes} run",
            f"{min(one.ports)}" if one.ports else "-",
            one.root,
        )
        for one in result.topologies
    ]
    show(Sheet(columns=("name", "shape", "nodes", "port", "folder"), rows=rows, wide="folder"))
    for orphan in result.orphans:
        click.echo(
            click.style("orphan ", fg="yellow")
            + f"pid {orphan.pid} works in {orphan.folder}, but no record names it; "
            f"if it is yours: kill {orphan.pid}"
        )


def show_engines(result: EnginesResult) -> None:
    """Every server found, and how to get one where there is none."""
    if not result.engines:
        click.echo("No Redis or Valkey server was found on this machine.")
        click.echo(result.install)
        return
    rows = [_engine(number, one) for number, one in enumerate(result.engines, start=1)]
    show(
        Sheet(
            columns=("", "server", "TLS", "CLI", "found as", "path"),
            rows=rows,
            wide="path",
        )
    )
    if result.code:
        click.echo(f"None of these is new enough. {result.install}")


def _engine(number: int, one: Engine) -> tuple[str, ...]:
    title = one.title if one.supported else f"{one.title} (too old)"
    tls = "yes" if one.tls else "no"
    return (str(number), title, tls, one.cli.rpartition("/")[2] or "none", one.source, one.path)
