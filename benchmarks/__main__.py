"""``python -m benchmarks``: every row measured, told, and written to results/latest.json."""

import argparse
import json
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.report import HEAD, LATEST, Measured, Tried, line, title, write
from benchmarks.rows import ROWS, Row
from benchmarks.several_hosts import why_not
from benchmarks.stage import Stage
from benchmarks.trial import Trial
from benchmarks.trials import TRIALS

_ROUNDS = 5
_ON_HOSTS = "hosts-up"


def main() -> int:
    """0 when every bar was met, 1 when one was not, 130 when interrupted."""
    asked = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    stage = _stage(asked)
    if asked.small:
        stage.shards_of_many, stage.tests_of_many = 3, 8
        stage.slots_of_move, stage.keys_of_move = 32, 3000
        stage.resets, stage.workers = 10, 2
    times = {row.name: 1 if asked.small else row.times for row in ROWS}
    done: list[Measured] = []
    tried: list[Tried] = []
    try:
        stage.ours("--version")  # compiles what was never imported
        print(title(stage), HEAD, sep="\n\n", flush=True)
        for row in ROWS:
            if row.name == _ON_HOSTS and not asked.only and (reason := why_not()):
                print(f"{row.name} is left out: {reason}", flush=True)
            elif not asked.only or row.name in asked.only:
                done.append(_measure(row, stage, (asked.runs or _ROUNDS) * times[row.name]))
                print(line(done[-1]), flush=True)
        for trial in TRIALS:
            if trial.name in (asked.only or ()):
                tried.append(_tried(trial, stage, asked.runs or trial.runs))
        write(stage, done, tried, asked.results)
        print(f"\nevery round: {asked.results}")
    except KeyboardInterrupt:
        print("interrupted: what was started is ended", file=sys.stderr)
        return 130
    finally:
        stage.close()
    return 0 if all(one.met for one in (*done, *tried)) else 1


def _tried(trial: Trial, stage: Stage, runs: int) -> Tried:
    stage.violations.clear()
    print(f"\n{trial.what}, {runs} times", flush=True)
    outcome = trial.run(stage, runs)
    print(*outcome.lines, f"met: {'yes' if outcome.met else 'NO'}", sep="\n", flush=True)
    return Tried(trial=trial, outcome=outcome)


def _measure(row: Row, stage: Stage, runs: int) -> Measured:
    stage.violations.clear()
    rounds = tuple(row.measure(stage) for _ in range(runs))
    return Measured(row=row, rounds=rounds, violations=tuple(stage.violations))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--runs", type=int, help=f"rounds of each row  [{_ROUNDS}], runs of each trial  [its own]"
    )
    names = [*(row.name for row in ROWS), *(trial.name for trial in TRIALS)]
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help=", ".join(names)
    )
    parser.add_argument(
        "--small", action="store_true", help="6 nodes where a row has 102: only shows that it runs"
    )
    parser.add_argument("--server", default="", help="server for both sides  [redistopo's choice]")
    parser.add_argument("--cli", default="", help="CLI of the recipe  [redistopo's choice]")
    parser.add_argument("--redistopo", default="", help="our command  [that of this Python]")
    parser.add_argument("--results", type=Path, default=LATEST, help="file for every round")
    return parser.parse_args()


def _stage(asked: argparse.Namespace) -> Stage:
    server, cli, ours = asked.server, asked.cli, asked.redistopo
    stage = Stage(server=server, cli=cli, forced=bool(server), redistopo=ours)
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
