"""A server started for a moment, asked for PING, and ended: proof that it works here."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from redistopo.client.connection import NodeClient, raise_on_error
from redistopo.errors import AccessDenied, RedistopoError, TimedOut, Unreachable
from redistopo.host.polling import Deadline, wait_for
from redistopo.host.trial_server import LOOPBACK, trial_server
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import Engine

_SECONDS = 10.0
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
            detail=f"{LOOPBACK}:{port} said {str(reply)!r}",
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
    heard = ["nothing was asked yet"]
    with (
        NodeClient(single_credential(Login())) as ask,
        trial_server(engine.path) as server,
    ):

        def told() -> str:
            asked = f"{' '.join(command)} to {LOOPBACK}:{server.port}"
            return f"{asked}: {heard[0]}\n{server.said}".strip()

        def look() -> object:
            if how := server.ended:
                kind = _PortTaken if "in use" in server.said else RedistopoError
                raise kind(f"{engine.path} ended right after its start ({how})", detail=told())
            try:
                return ask.ask(Endpoint(LOOPBACK, server.port), [command])[0]
            except AccessDenied as error:
                heard[0] = error.detail
                raise RedistopoError(f"{engine.path} lets nobody in", detail=told()) from error
            except Unreachable as error:
                heard[0] = error.detail
            return None

        try:
            return server.port, wait_for(look, Deadline(_SECONDS), told)
        except TimedOut as error:
            raise RedistopoError(
                f"{engine.path} didn't answer within {_SECONDS:g} s", detail=error.detail
            ) from error
