from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from redistopo.cli import options
from redistopo.cli.verb_group import SubGroup
from redistopo.model.state.drill_fault import Fault

if TYPE_CHECKING:
    from redistopo.drill.drill_report import DrillReport

_FILE = click.Path(dir_okay=False, path_type=Path)


def _load(command: options.Command) -> options.Command:
    """``--rate`` and ``--clients`` of the load."""
    rate = click.option("--rate", type=click.IntRange(1, 100_000), default=500, show_default=True,
                        help="Operations per second, half of them writes.")  # fmt: skip
    clients = click.option("--clients", type=click.IntRange(1, 256), default=4, show_default=True,
                           help="Number of clients.")  # fmt: skip
    return rate(clients(command))


def _files(command: options.Command) -> options.Command:
    """``--junit`` and ``--report``, for one drill."""
    junit = click.option("--junit", type=_FILE, help="Also write JUnit XML.")
    text = "Also write the timeline, as .html or .svg."
    return junit(click.option("--report", type=_FILE, help=text)(command))


class _Written(NamedTuple):
    """What to write of a drill: its timeline's title, and the files, if any."""

    root: Path
    title: str
    report: Path | None
    junit: Path | None


def _write(result: "DrillReport", wanted: _Written) -> None:
    from redistopo.drill.report_files import write_drills_junit, write_report

    if wanted.report:
        write_report((result,), wanted.report, root=wanted.root, title=wanted.title)
    if wanted.junit:
        write_drills_junit((result,), wanted.junit, name=f"redistopo drill {result.topology}")


@click.group("drill", cls=SubGroup)
def command() -> None:
    """Inject a fault under load, measure the outage, and repair."""


@command.command()
@options.project
@click.option(
    "--shard", type=click.IntRange(1), help="Target the primary of this shard.  [default: 1]"
)
@options.node_option(
    "--node", "node", "Target this node: 7001, node2, 'shard:2 replica' ...", multiple=False
)
@click.option(
    "--fault",
    type=click.Choice([fault.value for fault in Fault]),
    default="kill",
    show_default=True,
    help="SIGKILL, SIGSTOP, SIGTERM, a network partition, or no fault.",
)
@options.duration("--max-downtime", "max_downtime", "Maximum outage for clients.",
                  default="15s")  # fmt: skip
@_load
@click.option("--wait-replicas", type=click.IntRange(0, 10), default=0, metavar="N",
              help="Each write waits for N replicas (WAIT).")  # fmt: skip
@click.option("--force", is_flag=True, help="Also run a drill that can't pass, to see it fail.")
@click.option("--restore-roles", is_flag=True, help="Restore the primary's role afterwards.")
@_files
@options.dry_run
@options.yes("Don't ask.")
@options.output
def failover(
    root: Path,
    shard: int | None,
    node: str,
    fault: str,
    max_downtime: float,
    rate: int,
    clients: int,
    wait_replicas: int,
    force: bool,
    restore_roles: bool,
    junit: Path | None,
    report: Path | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Inject a fault into a node under load: which nodes detect it, how long is the outage?

    Exit code 0 if the outage was within the limit, 3 if it was longer, or no replica would be
    promoted. The topology is repaired afterwards, by the next `up` if necessary. If the service
    loses something, a terminal is asked first.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.drill import show_drill
    from redistopo.drill.drill_request import DrillRequest
    from redistopo.drill.report_files import refuse_report
    from redistopo.errors import UsageError
    from redistopo.ops.drill import drill, preview_drill
    from redistopo.progress import Progress

    def request() -> DrillRequest:
        if shard is not None and node:
            raise UsageError("--shard and --node both name the target", hint="use one of them")
        if report:
            refuse_report(report)
        return DrillRequest(
            root=root,
            targets=((node,) if node else (f"shard:{shard or 1}", "primary"),),
            fault=Fault(fault),
            budget=max_downtime,
            rate=rate,
            clients=clients,
            wait_replicas=wait_replicas,
            force=force,
            restore_roles=restore_roles,
        )

    def work(progress: Progress) -> "DrillReport":
        asked = request()
        result = drill(asked, progress)
        _write(result, _Written(root, f"Failover drill of {result.topology}", report, junit))
        return result

    preview.run_previewed(lambda: preview_drill(request()), work, show_drill, dry=dry_run, yes=yes)


@command.command()
@options.project
@options.duration("--max-wait", "max_wait", "Longest wait of a client, with all attempts.",
                  default="1s")  # fmt: skip
@_load
@_files
@options.dry_run
@options.timeout("10m", "Time limit of each change.")
@options.output
def grow(
    root: Path,
    max_wait: float,
    rate: int,
    clients: int,
    junit: Path | None,
    report: Path | None,
    dry_run: bool,
    timeout: float,
) -> None:
    """Add a shard under load, and remove it again.

    A replica, if it is no cluster. Clients read and write all the time: no acknowledged write may
    be lost, no read may miss one, and no client may wait longer than --max-wait. Then nodes, slots
    and redistopo.toml are as before. Exit code 3 if not. If it is interrupted, redistopo up takes
    the change back.
    """
    from redistopo.cli.run_verb import run_and_show
    from redistopo.cli.views import preview
    from redistopo.cli.views.drill import show_drill
    from redistopo.drill.report_files import refuse_report
    from redistopo.ops.drill_grow import GrowRequest, drill_grow, preview_drill_grow
    from redistopo.progress import Progress

    request = GrowRequest(root=root, budget=max_wait, rate=rate, clients=clients, seconds=timeout)

    def work(progress: Progress) -> "DrillReport":
        if report:
            refuse_report(report)
        result = drill_grow(request, progress)
        _write(result, _Written(root, f"Growth drill of {result.topology}", report, junit))
        return result

    if dry_run:
        preview.dry_run(lambda: preview_drill_grow(request))
        return
    run_and_show(work, show_drill)


@command.command()
@options.project
@click.argument("host")
@click.option(
    "--fault",
    type=click.Choice(["kill", "freeze", "shutdown", "partition"]),
    default="kill",
    show_default=True,
    help="SIGKILL, SIGSTOP or SIGTERM for every node of the host, or a network partition.",
)
@options.duration("--max-downtime", "max_downtime", "Maximum outage for clients.",
                  default="15s")  # fmt: skip
@_load
@click.option("--force", is_flag=True, help="Also run a drill that can't pass, to see it fail.")
@_files
@options.dry_run
@options.yes("Don't ask.")
@options.output
def host(
    root: Path,
    host: str,
    fault: str,
    max_downtime: float,
    rate: int,
    clients: int,
    force: bool,
    junit: Path | None,
    report: Path | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Lose all nodes of HOST at once under load: does the topology survive it?

    First it prints for each host of the topology whether its loss would be survived. Exit code 0
    if the outage was within the limit, 3 if it was longer, or no replica would be promoted. The
    topology is repaired afterwards, by the next `up` if necessary.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.drill import show_drill
    from redistopo.drill.drill_request import DrillRequest
    from redistopo.drill.report_files import refuse_report
    from redistopo.ops.drill_host import drill_host, preview_drill_host
    from redistopo.progress import Progress

    request = DrillRequest(
        root=root, fault=Fault(fault), budget=max_downtime, rate=rate, clients=clients, force=force
    )

    def work(progress: Progress) -> "DrillReport":
        if report:
            refuse_report(report)
        result = drill_host(request, host, progress)
        _write(result, _Written(root, f"Loss of {host} in {result.topology}", report, junit))
        return result

    preview.run_previewed(
        lambda: preview_drill_host(request, host), work, show_drill, dry=dry_run, yes=yes
    )


@command.command(name="all")
@options.project
@click.argument("scenario", type=_FILE, required=False)
@click.option("--junit", type=_FILE, help="Also write JUnit XML, a test case for each drill.")
@click.option("--report", type=_FILE, help="Also write the timelines, as .html.")
@options.dry_run
@options.yes("Don't ask.")
@options.output
def all_(
    root: Path,
    scenario: Path | None,
    junit: Path | None,
    report: Path | None,
    dry_run: bool,
    yes: bool,
) -> None:
    """Run all drills of a SCENARIO.toml, and print a summary.

    Without a file: the primary of each shard, then a replica. Exit code 3 if a drill failed.
    """
    from redistopo.cli.views import preview
    from redistopo.cli.views.drill_all import show_drill_all
    from redistopo.drill.report_files import refuse_report, write_drills_junit, write_report
    from redistopo.ops.drill_all import DrillAllResult, drill_all, preview_drill_all
    from redistopo.progress import Progress

    def work(progress: Progress) -> DrillAllResult:
        if report:
            refuse_report(report, many=True)
        result = drill_all(root, scenario, progress)
        reports = tuple(one.report for one in result.drills)
        if report:
            write_report(reports, report, root=root)
        if junit:
            write_drills_junit(reports, junit, name=f"redistopo drill all {result.scenario}")
        return result

    preview.run_previewed(
        lambda: preview_drill_all(root, scenario), work, show_drill_all, dry=dry_run, yes=yes
    )
