"""Running ``redis-cli --cluster create``, under our own deadline."""

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from redistopo.errors import RedistopoError, TimedOut
from redistopo.host.files import log_tail, write_errors
from redistopo.host.polling import Deadline
from redistopo.host.process import (
    await_end,
    has_working_folder,
    make_mark,
    process_of_mark,
    signal_process,
)
from redistopo.host.process_marks import load_process_mark, save_process_mark
from redistopo.host.run_program import clean_environment
from redistopo.model.protocol.credentials import Login


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation:
    """One ``--cluster create``: the addresses in the order that makes the first ones primaries."""

    cli: str
    addresses: Sequence[str]
    replicas: int
    access: Login
    log: Path
    mark: Path


def end_leftover(mark: Path) -> None:
    """No redis-cli of a redistopo that was killed goes on forming a cluster."""
    known = load_process_mark(mark)
    if known is not None:
        process = process_of_mark(known)
        # in a copy of the project the mark names the original's
        if process is not None and has_working_folder(process, mark.parent):
            signal_process(process, signal.SIGKILL)
            await_end([process], Deadline(5))
        mark.unlink(missing_ok=True)


def login_options(access: Login) -> list[str]:
    """Options without any secret: the user's name, and the paths of the TLS files."""
    words = ["--user", access.user] if access.user else []
    if access.tls:
        words += ["--tls", "--cacert", access.tls.ca]
        words += ["--cert", access.tls.pem, "--key", access.tls.pem]
    return words


Slow = tuple[Deadline, Callable[[], None]]
"""What to do once when it isn't done by then."""


def create_cluster(creation: Creation, deadline: Deadline, slow: Slow) -> None:
    """redis-cli said that the cluster is made; its output is in the log.

    The password goes by environment alone, so that no process list shows it; an empty
    one is left out, or redis-cli would send AUTH. redis-cli itself waits without end for
    nodes that can't meet: at the deadline, and on any exception, it is ended. Raises
    TimedOut, or RedistopoError where it refused.
    """
    argv = [
        creation.cli,
        "--cluster",
        "create",
        *creation.addresses,
        "--cluster-replicas",
        str(creation.replicas),
        "--cluster-yes",
        *login_options(creation.access),
    ]
    password = creation.access.password
    secret = {"REDISCLI_AUTH": password} if password else {}
    with write_errors(creation.log):
        log = os.open(creation.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        process = psutil.Popen(
            argv,
            env=clean_environment(secret),
            cwd=creation.mark.parent,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)
    try:
        with suppress(psutil.NoSuchProcess):  # it ended at once
            save_process_mark(creation.mark, make_mark(process, "redis-cli"))
        code = _awaited(process, deadline, slow)
    except (psutil.TimeoutExpired, subprocess.TimeoutExpired) as error:
        raise TimedOut(
            f"redis-cli --cluster create did not end within {deadline.seconds:g} s",
            detail=log_tail(creation.log, 6),
            hint=f"its whole output: {creation.log}",
        ) from error
    finally:
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            if process.poll() is None:
                process.kill()
                process.wait()
        creation.mark.unlink(missing_ok=True)
    if code != 0:
        raise RedistopoError(
            f"redis-cli --cluster create failed (exit code {code})",
            detail=log_tail(creation.log, 6),
            hint=f"its whole output: {creation.log}",
        )


def _awaited(process: psutil.Popen, deadline: Deadline, slow: Slow) -> int:
    """Its exit code; raises psutil.TimeoutExpired or subprocess.TimeoutExpired."""
    patience, progress = slow
    try:
        return int(process.wait(timeout=min(patience.left, deadline.left)))
    except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
        progress()
    return int(process.wait(timeout=deadline.left))
