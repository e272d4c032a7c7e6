"""Trial run of an engine: start it, send PING, stop it, to prove that it works here."""

from collections.abc import Iterable
from contextlib import suppress

from redistopo.client.connection import Connections, raise_on_error
from redistopo.errors import AccessDenied, RedistopoError, TimedOut, Unreachable
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.trial_server import LOOPBACK, trial_server
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Engine
from redistopo.quick_dataclass import dataclass

_SECONDS = 10.0
_TRIES = 3
"""A port that was free may be taken the next moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The reply to PING, and the port that the server used."""

    port: int
    reply: str


def try_engine(engine: Engine) -> Trial:
    """Run an engine on loopback in a temporary folder, and check that it replies to PING.

    Raises RedistopoError with the client's error and the server's last log lines.
    """
    port, reply = _run(engine, "PING")
    if reply != "PONG":
        raise RedistopoError(
            f"{engine.path} runs, but doesn't reply to PING with PONG",
            detail=f"{LOOPBACK}:{port} replied {str(reply)!r}",
        )
    return Trial(port=port, reply=str(reply))


def known_directives(engine: Engine, names: Iterable[str]) -> frozenset[str]:
    """Return the given directives that the engine's CONFIG GET knows; otherwise as `tried`.

    Each is queried by name, since `CONFIG GET *` omits some (config.c, HIDDEN_CONFIG); several
    at once since 7.0.
    """
    wanted = [name for name in names if name.isascii()]
    if not wanted:
        return frozenset()
    _port, reply = _run(engine, "CONFIG", "GET", *wanted)
    found = raise_on_error(reply, "CONFIG GET")
    return frozenset(map(str, found[::2])) if isinstance(found, list | tuple) else frozenset()


def _run(engine: Engine, *command: str) -> tuple[int, object]:
    """The port of the server, and its reply."""
    for _ in range(_TRIES - 1):
        with suppress(_PortTaken):
            return _once(engine, command)
    return _once(engine, command)


class _PortTaken(RedistopoError):
    """Another program took the port first."""


def _once(engine: Engine, command: tuple[str, ...]) -> tuple[int, object]:
    last_error = ["no command sent yet"]
    with (
        Connections(single_credential(Login())) as client,
        trial_server(engine.path) as server,
    ):

        def describe() -> str:
            sent = f"{' '.join(command)} to {LOOPBACK}:{server.port}"
            return f"{sent}: {last_error[0]}\n{server.last_log_lines}".strip()

        def attempt() -> object:
            if how := server.ended:
                kind = _PortTaken if "in use" in server.last_log_lines else RedistopoError
                raise kind(f"{engine.path} exited right after its start ({how})", detail=describe())
            try:
                return client.execute(Endpoint(LOOPBACK, server.port), [command])[0]
            except AccessDenied as error:
                last_error[0] = error.detail
                raise RedistopoError(f"{engine.path} rejects logins", detail=describe()) from error
            except Unreachable as error:
                last_error[0] = error.detail
            return None

        try:
            return server.port, wait_for(attempt, Deadline(_SECONDS), describe)
        except TimedOut as error:
            raise RedistopoError(
                f"{engine.path} didn't reply within {_SECONDS:g} s", detail=error.detail
            ) from error
