"""Calls to Redis that end: a circuit for each shard, and one error for all that goes wrong."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from redis.exceptions import RedisClusterException, RedisError

from redistopo.cache_aside.circuit_breaker import Circuit, State
from redistopo.cache_aside.keys import text

Answer = TypeVar("Answer")

TROUBLE = (RedisError, RedisClusterException, OSError)
"""What a client raises when Redis is away, or refuses; redis-py's errors of a cluster are no
RedisError."""


class CacheAway(Exception):
    """Redis didn't answer, refused, or wasn't asked as it just didn't; the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuits:
    """How a shard is; where one circuit serves reads and writes, it is told of both."""

    reads: State
    writes: State


class Calls:
    """All of them, the reads, or the writes: `done` says which, such as "read from".

    `shard_of(key)` names the circuit that a key belongs to; None: there is one for all.
    """

    def __init__(
        self, shard_of: Callable[[str], str] | None, make: Callable[[], Circuit], done: str
    ) -> None:
        self._shard_of = shard_of
        self._make = make
        self._done = done
        self._circuits: dict[str, Circuit] = {}

    def ask(self, key: bytes, command: Callable[..., Answer], *words: Any) -> Answer:
        """What `command(*words)` answered; CacheAway where it failed, or the circuit is open."""
        circuit = self._circuit(key)
        if not circuit.allows():
            raise CacheAway(f"Redis isn't {self._done} for a moment, after {circuit.reason}")
        try:
            answer = command(*words)
        except TROUBLE as error:
            circuit.failed(words_of(error))
            raise CacheAway(words_of(error)) from error
        circuit.succeeded()
        return answer

    def well(self, key: bytes) -> bool:
        """Whether that key's shard answered the last time."""
        return self._circuit(key).state is State.CLOSED

    def states(self) -> dict[str, State]:
        return {shard: circuit.state for shard, circuit in self._circuits.copy().items()}

    def _circuit(self, key: bytes) -> Circuit:
        shard = self._shard_of(text(key)) if self._shard_of else ""
        circuit = self._circuits.get(shard)
        return circuit or self._circuits.setdefault(shard, self._make())


def circuits_of(reads: Calls, writes: Calls) -> dict[str, Circuits]:
    """Of each shard that was read from or written to so far; one that wasn't is closed."""
    read, written = reads.states(), writes.states()
    return {
        shard: Circuits(
            reads=read.get(shard, State.CLOSED), writes=written.get(shard, State.CLOSED)
        )
        for shard in read | written
    }


def words_of(error: Exception) -> str:
    """Its kind, and what it says; without the settings of each Sentinel that was asked, which
    redis-py tells as well, 600 characters each (sentinel.py, discover_master)."""
    said = str(error).split(" : <redis.", 1)[0]
    return f"{type(error).__name__}: {said}"
