"""Calls to Redis behind circuit breakers, one for each shard, with one error for every failure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from redis.exceptions import RedisClusterException, RedisError

from .circuit_breaker import Circuit, State
from .keys import to_text

Reply = TypeVar("Reply")

REDIS_ERRORS = (RedisError, RedisClusterException, OSError)
"""What a client raises when Redis is unavailable or refuses a command; redis-py's cluster errors
are not subclasses of RedisError."""


class CacheAway(Exception):
    """Redis did not reply, refused, or was not called because its circuit is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuits:
    """The circuit states of one shard; both are the same where one circuit serves all calls."""

    reads: State
    writes: State


class GuardedCalls:
    """Calls of one kind ("reads", "writes" or "all calls"), each counted by its shard's circuit.

    `shard_of(key)` names the shard of a key; without it, one circuit serves all keys.
    """

    def __init__(
        self,
        shard_of: Callable[[str], str] | None,
        new_circuit: Callable[[], Circuit],
        kind: str,
    ) -> None:
        self._shard_of = shard_of
        self._new_circuit = new_circuit
        self._kind = kind
        self._circuits: dict[str, Circuit] = {}

    def call(self, key: bytes, command: Callable[..., Reply], *args: Any) -> Reply:
        """Return `command(*args)`; raise CacheAway if it fails or the circuit is open."""
        circuit = self._circuit(key)
        if not circuit.allows():
            raise CacheAway(f"circuit open for {self._kind}, last error: {circuit.reason}")
        try:
            reply = command(*args)
        except REDIS_ERRORS as error:
            circuit.failed(error_text(error))
            raise CacheAway(error_text(error)) from error
        circuit.succeeded()
        return reply

    def is_closed(self, key: bytes) -> bool:
        """Return whether the circuit of that key's shard is closed."""
        return self._circuit(key).state is State.CLOSED

    def states(self) -> dict[str, State]:
        """Return the circuit state of each shard called so far."""
        return {shard: circuit.state for shard, circuit in self._circuits.copy().items()}

    def _circuit(self, key: bytes) -> Circuit:
        shard = self._shard_of(to_text(key)) if self._shard_of else ""
        circuit = self._circuits.get(shard)
        return circuit or self._circuits.setdefault(shard, self._new_circuit())


def circuits_by_shard(reads: GuardedCalls, writes: GuardedCalls) -> dict[str, Circuits]:
    """Return the circuits of each shard called so far; one without calls is closed."""
    read, written = reads.states(), writes.states()
    return {
        shard: Circuits(
            reads=read.get(shard, State.CLOSED), writes=written.get(shard, State.CLOSED)
        )
        for shard in read | written
    }


def error_text(error: Exception) -> str:
    """Return an error's type and message.

    redis-py appends the connection settings of every Sentinel it asked, 600 characters each
    (sentinel.py, discover_master); they are cut off.
    """
    message = str(error).split(" : <redis.", 1)[0]
    return f"{type(error).__name__}: {message}"
