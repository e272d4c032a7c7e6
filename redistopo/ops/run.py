"""`run`: a command with a topology of its own, or with that of the folder."""

import os
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from redistopo.errors import RedistopoError, UsageError
from redistopo.host.run_in_foreground import NOT_FOUND, missing_program, run_in_foreground
from redistopo.model.protocol.server_log import LogEntry
from redistopo.model.topology.check_key import shape_named
from redistopo.ops.env import EnvRequest, env
from redistopo.ops.ephemeral import EphemeralRequest, start_ephemeral
from redistopo.ops.init import unknown_shape
from redistopo.ops.logs import LogsRequest, logs
from redistopo.progress import Progress, note
from redistopo.project.load import layout_of_folder
from redistopo.project.started_topology import running_nodes
from redistopo.quick_dataclass import dataclass

_TAIL = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """The command, and its topology: an ephemeral one, or that of the folder `root`, which is
    left as it was found. `prefix` begins the name of each variable; `keep` leaves an ephemeral
    topology running."""

    command: tuple[str, ...]
    root: Path
    ephemeral: EphemeralRequest | None = None
    prefix: str = ""
    keep: bool = False
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """The command's exit code, as a shell has it; if it failed, `warnings` are the last ones that
    the servers logged in the meantime. `problem` is why it wasn't run, `kept` the folder of a
    topology that still runs."""

    code: int
    problem: str = ""
    warnings: tuple[LogEntry, ...] = ()
    kept: Path | None = None


def run(request: RunRequest, progress: Progress) -> RunResult:
    """Run the command with the variables of `env`, once its topology is verified.

    A command that isn't found starts no server. Raises UsageError without a command or for an
    unknown shape, RedistopoError if the topology can't be started; then the command isn't run.
    """
    if not request.command:
        raise UsageError(
            "run needs a command", hint="write it after --: redistopo run cluster -- pytest"
        )
    if request.ephemeral and shape_named(request.ephemeral.shape) is None:
        raise unknown_shape(
            request.ephemeral.shape, "redistopo run", f" -- {shlex.join(request.command)}"
        )
    name = request.command[0]
    if code := missing_program(name, os.environ.get("PATH", os.defpath)):
        what = "is not found" if code == NOT_FOUND else "is no program that can be run"
        return RunResult(code=code, problem=f"{name} {what}; no server was started")
    with _topology(request, progress) as root:
        result = env(EnvRequest(root=root, prefix=request.prefix), progress)
        merged = _environment(result.variables, result.absent, progress)
        began = time.monotonic()
        code = run_in_foreground(request.command, merged)
        return RunResult(
            code=code,
            warnings=_warnings(root, time.monotonic() - began) if code else (),
            kept=root if request.ephemeral and request.keep else None,
        )


@contextmanager
def _topology(request: RunRequest, progress: Progress) -> Iterator[Path]:
    """The folder of the topology, which runs inside."""
    if request.ephemeral is not None:
        servers = start_ephemeral(request.ephemeral, progress)
        done = False
        try:
            yield servers.folder
            done = True
        finally:
            servers.end(keep=request.keep and done)
        return
    with _brought_up(request, progress) as root:
        yield root


@contextmanager
def _brought_up(request: RunRequest, progress: Progress) -> Iterator[Path]:
    """The folder's topology runs inside, and afterwards what ran before."""
    from redistopo.ops.down import DownRequest, down
    from redistopo.ops.stop import StopRequest, stop
    from redistopo.ops.up import UpRequest, up

    layout = layout_of_folder(request.root)
    before = running_nodes(layout)
    up(UpRequest(root=layout.root, seconds=request.seconds), progress)
    try:
        yield layout.root
    finally:
        if not before:
            down(DownRequest(root=layout.root), progress)
        elif started := [name for name in running_nodes(layout) if name not in before]:
            stop(StopRequest(root=layout.root, words=tuple(started)), progress)


def _environment(
    variables: Mapping[str, str], absent: tuple[str, ...], progress: Progress
) -> dict[str, str]:
    """Our environment with the topology's variables: its own win over those that are set."""
    given = os.environ
    changed = [name for name, value in variables.items() if given.get(name, value) != value]
    removed = [name for name in absent if name in given]
    if changed or removed:
        note(progress, f"set otherwise in this environment: {', '.join([*changed, *removed])}")
    kept = {name: value for name, value in given.items() if name not in absent}
    return {**kept, **variables}


def _warnings(root: Path, seconds: float) -> tuple[LogEntry, ...]:
    """The last warnings that the servers logged in the last seconds."""
    with suppress(RedistopoError):
        found = logs(LogsRequest(root=root, since=seconds)).entries
        return tuple(one for one in found if one.level == "warning")[-_TAIL:]
    return ()
