"""A server started for a moment, asked for PING, and ended: proof that it works here."""

import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from redistopo.client.connection import NodeClient, raise_on_error
from redistopo.errors import AccessDenied, RedistopoError, TimedOut, Unreachable
from redistopo.host.files import log_tail
from redistopo.host.interrupt import interrupts_deferred
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.ports import any_free
from redistopo.host.process import clean_environment
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Engine

_HOST = "127.0.0.1"
_SECONDS = 10.0
_END_SECONDS = 5.0
_TRIES = 3
"""A port that was free may be taken the next moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the server said to PING, at which port, while it ran."""

    port: int
    reply: str


def tried(engine: Engine) -> Trial:
    """The server answered PING on loopback from a folder of its own, and has ended; nothing of
    it is left. Raises RedistopoError with what the client saw and the server's last lines where
    it ended, said nothing, or anything but PONG."""
    port, reply = _asked(engine, "PING")
    if reply != "PONG":
        raise RedistopoError(
            f"{engine.path} runs, but doesn't answer PING with PONG",
            detail=f"{_HOST}:{port} said {str(reply)!r}",
        )
    return Trial(port=port, reply=str(reply))


def known_directives(engine: Engine, names: Iterable[str]) -> frozenset[str]:
    """Those of these names that CONFIG GET has there; otherwise as `tried`.

    Each is asked for, as some are left out of `CONFIG GET *` (config.c, HIDDEN_CONFIG); several
    at once since 7.0.
    """
    wanted = [name for name in names if name.isascii()]
    if not wanted:
        return frozenset()
    _port, reply = _asked(engine, "CONFIG", "GET", *wanted)
    found = raise_on_error(reply, "CONFIG GET")
    return frozenset(map(str, found[::2])) if isinstance(found, list | tuple) else frozenset()


def _asked(engine: Engine, *command: str) -> tuple[int, object]:
    """The port it had, and what it said."""
    for _ in range(_TRIES - 1):
        with suppress(_PortTaken):
            return _once(engine, command)
    return _once(engine, command)


class _PortTaken(RedistopoError):
    """Somebody was faster."""


def _once(engine: Engine, command: tuple[str, ...]) -> tuple[int, object]:
    port = any_free(_HOST)
    begun: list[subprocess.Popen[bytes]] = []
    with (
        tempfile.TemporaryDirectory(prefix="redistopo-") as folder,
        NodeClient(single_credential(Login())) as ask,
    ):
        log = Path(folder) / "log"
        heard = ["nothing was asked yet"]

        def told() -> str:
            return f"{' '.join(command)} to {_HOST}:{port}: {heard[0]}\n{log_tail(log, 6)}".strip()

        def look() -> object:
            if (code := begun[0].poll()) is not None:
                kind = _PortTaken if "in use" in log_tail(log, 6) else RedistopoError
                how = f"exit code {code}" if code >= 0 else Signals(-code).name
                raise kind(f"{engine.path} ended right after its start ({how})", detail=told())
            try:
                return ask.ask(Endpoint(_HOST, port), [command])[0]
            except AccessDenied as error:
                heard[0] = error.detail
                raise RedistopoError(f"{engine.path} lets nobody in", detail=told()) from error
            except Unreachable as error:
                heard[0] = error.detail
            return None

        try:
            with interrupts_deferred(later=True):  # else one could run of which nobody knows
                begun.append(_begin(engine, port, log))
            return port, wait_for(look, Deadline(_SECONDS), told)
        except TimedOut as error:
            raise RedistopoError(
                f"{engine.path} didn't answer within {_SECONDS:g} s", detail=error.detail
            ) from error
        finally:
            for child in begun:
                _end(child)


def _begin(engine: Engine, port: int, log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [engine.path, "--port", str(port), "--bind", _HOST, "--save", ""],
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=clean_environment(),
            start_new_session=True,
        )


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
