"""What Sentinels say of a topology, judged with bare redis-py connections, as `judge` does.

Well: each names the same primary in the same epoch, knows all replicas and all other
Sentinels, none of them down or disconnected, and says that it reaches its quorum.
"""

import tomllib
from dataclasses import dataclass
from typing import Any

from redis import Connection
from redis.exceptions import RedisError

from benchmarks.stage import Made

_DOWN = {"s_down", "o_down", "disconnected"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Where the Sentinels are, how they are asked, and how many replicas they should know."""

    ports: tuple[int, ...]
    password: str
    name: str
    replicas: int


def watched(made: Made) -> Watched:
    """The Sentinels of a topology of ours; its name is nearly its folder's."""
    kept = (made.folder / ".redistopo" / "password.sentinel").read_text().strip()
    name = tomllib.loads((made.folder / "redistopo.toml").read_text())["name"]
    return Watched(ports=made.sentinels, password=kept, name=name, replicas=len(made.ports) - 1)


def faults(wanted: Watched) -> list[str]:
    """What isn't well by their own words; empty when all is."""
    found: list[str] = []
    views = set()
    for port in wanted.ports:
        try:
            primary, replicas, others, quorum = _said(port, wanted)
        except (RedisError, OSError) as error:
            return [f"{port}: {error}"]
        views.add((primary["port"], primary["config-epoch"]))
        down = [one["flags"] for one in (primary, *replicas, *others) if _DOWN & _flags(one)]
        known = (len(replicas), len(others))
        if known != (wanted.replicas, len(wanted.ports) - 1):
            found.append(f"{port}: knows {known[0]} replicas, {known[1]} other Sentinels")
        if down or not quorum.startswith("OK"):
            found.append(f"{port}: {down or quorum}")
    return found + ([f"different views: {views}"] if len(views) > 1 else [])


def _flags(told: dict[str, str]) -> set[str]:
    return set(told["flags"].split(","))


def _said(port: int, wanted: Watched) -> tuple[Any, Any, Any, str]:
    connection = Connection(
        host="127.0.0.1", port=port, password=wanted.password, protocol=2,
        socket_timeout=5, decode_responses=True, driver_info=None,
    )  # fmt: skip
    connection.connect()
    replies = []
    for word in ("MASTER", "REPLICAS", "SENTINELS", "CKQUORUM"):
        connection.send_command("SENTINEL", word, wanted.name)
        replies.append(connection.read_response())
    connection.disconnect()
    primary, replicas, others, quorum = replies
    return _pairs(primary), [_pairs(x) for x in replicas], [_pairs(x) for x in others], str(quorum)


def _pairs(reply: list[str]) -> dict[str, str]:
    return dict(zip(reply[::2], reply[1::2], strict=True))
