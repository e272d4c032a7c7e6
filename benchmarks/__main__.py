"""``python -m benchmarks``: every row measured, told, and written to results/latest.json."""

import argparse
import json
import signal
import subprocess
import sys

from benchmarks.report import HEAD, LATEST, Measured, line, title, write
from benchmarks.rows import ROWS, Row
from benchmarks.stage import Stage


def main() -> int:
    """0 when every bar was met, 1 when one was not, 130 when interrupted."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stage = _stage(asked.server, asked.cli)
    done: list[Measured] = []
    try:
        stage.ours("--version")  # compiles what was never imported
        print(title(stage), HEAD, sep="\n\n", flush=True)
        for row in ROWS:
            if not asked.only or row.name in asked.only:
                done.append(_measure(row, stage, asked.runs))
                print(line(done[-1]), flush=True)
        write(stage, done)
        print(f"\nevery round: {LATEST}")
    except KeyboardInterrupt:
        print("interrupted: what was started is ended", file=sys.stderr)
        return 130
    finally:
        stage.close()
    return 0 if all(one.met for one in done) else 1


def _measure(row: Row, stage: Stage, runs: int) -> Measured:
    stage.violations.clear()
    rounds = tuple(row.measure(stage) for _ in range(runs * row.times))
    return Measured(row=row, rounds=rounds, violations=tuple(stage.violations))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="rounds of each row  [5]")
    names = [row.name for row in ROWS]
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help=", ".join(names)
    )
    parser.add_argument("--server", default="", help="server for both sides  [redistopo's choice]")
    parser.add_argument("--cli", default="", help="CLI of the recipe  [redistopo's choice]")
    return parser.parse_args()


def _stage(server: str, cli: str) -> Stage:
    stage = Stage(server=server, cli=cli, forced=bool(server))
    extra = {"REDISTOPO_SERVER": server} if server else {}
    said = subprocess.run(
        [*stage.command, "engines", "--json"],
        env=stage.environment | extra, capture_output=True, text=True, check=True,
    )  # fmt: skip
    first = json.loads(said.stdout)["result"]["engines"][0]
    stage.server = first["path"]
    stage.cli = cli or first["cli"]
    return stage


if __name__ == "__main__":
    sys.exit(main())
