"""``redistopo drill``"""

from pathlib import Path

import click

from redistopo.cli import options
from redistopo.cli.output import OutputOptions, run_and_show

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def drill() -> None:
    """Break the topology on purpose, measure what users notice, and mend it."""


@drill.command()
@options.project
@click.option(
    "--shard", type=click.IntRange(1), help="Hurt the primary of this shard.  [default: 1]"
)
@click.option(
    "--node", default="", metavar="NODE", help="Hurt this node: 7001, node2, a replica ..."
)
@click.option(
    "--fault",
    type=click.Choice(["kill", "freeze", "shutdown", "partition", "none"]),
    default="kill",
    show_default=True,
    help="SIGKILL, SIGSTOP, SIGTERM, or cut off from all other servers.",
)
@options.duration("--max-downtime", "max_downtime", "For how long clients may be without service.",
                  default="15s")  # fmt: skip
@click.option("--rate", type=click.IntRange(1, 100_000), default=500, show_default=True,
              help="Operations per second, half of them writes.")  # fmt: skip
@click.option("--clients", type=click.IntRange(1, 256), default=4, show_default=True,
              help="How many clients do them.")  # fmt: skip
@click.option("--wait-replicas", type=click.IntRange(0, 10), default=0, metavar="N",
              help="Each write waits for N replicas (WAIT).")  # fmt: skip
@click.option("--force", is_flag=True, help="Also where it can't succeed: show how it fails.")
@click.option("--restore-roles", is_flag=True, help="Hand the primary's role back afterwards.")
@click.option("--junit", type=_FILE, help="Also as JUnit XML.")
@click.option("--report", type=_FILE, help="Also as .html or .svg: the timeline, drawn.")
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
    as_json: bool,
    quiet: bool,
) -> None:
    """Hurt a node under load: who notices, for how long, and what is lost?

    Exit code 0 within the downtime allowed, 3 beyond it or where nobody would take over.
    Whatever happens, the topology is mended afterwards, by the next `up` if need be.
    """
    from redistopo.cli.views.drill import show_drill
    from redistopo.drill.drill_report import DrillReport
    from redistopo.drill.report_files import refuse_report, write_drills_junit, write_report
    from redistopo.drill.setup import DrillRequest
    from redistopo.errors import UsageError
    from redistopo.model.state.fault import Fault
    from redistopo.ops.drill import drill as verb
    from redistopo.progress import Progress

    def work(progress: Progress) -> DrillReport:
        if shard is not None and node:
            raise UsageError("--shard and --node both name whom to hurt", hint="give one of them")
        if report:
            refuse_report(report)
        request = DrillRequest(
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
        result = verb(request, progress)
        if report:
            write_report((result,), report, title=f"Failover drill of {result.topology}")
        if junit:
            write_drills_junit((result,), junit, name=f"redistopo drill {result.topology}")
        return result

    run_and_show(
        OutputOptions(verb="drill failover", as_json=as_json, quiet=quiet), work, show_drill
    )


@drill.command(name="all")
@options.project
@click.argument("scenario", type=click.Path(dir_okay=False, path_type=Path), required=False)
@click.option("--junit", type=_FILE, help="Also as JUnit XML, a case for each drill.")
@click.option("--report", type=_FILE, help="Also as .html: every timeline, drawn.")
@options.output
def all_(
    root: Path,
    scenario: Path | None,
    junit: Path | None,
    report: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Do all drills of a SCENARIO.toml, one after the other, with one summary.

    Without a file: the primary of each shard, then a replica. Exit code 3 if any failed.
    """
    from redistopo.cli.views.drill_all import show_drill_all
    from redistopo.drill.report_files import refuse_report, write_drills_junit, write_report
    from redistopo.ops.drill_all import DrillAllResult
    from redistopo.ops.drill_all import drill_all as verb
    from redistopo.progress import Progress

    def work(progress: Progress) -> DrillAllResult:
        if report:
            refuse_report(report, many=True)
        result = verb(root, scenario, progress)
        reports = tuple(one.report for one in result.drills)
        if report:
            write_report(reports, report)
        if junit:
            write_drills_junit(reports, junit, name=f"redistopo drill all {result.scenario}")
        return result

    run_and_show(
        OutputOptions(verb="drill all", as_json=as_json, quiet=quiet), work, show_drill_all
    )
