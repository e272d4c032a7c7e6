"""Data of every kind for snapshots, and what redis-py finds of it."""

from typing import Any

from redis.cluster import RedisCluster

from support.project import Project


def fill(client: Any, keys: int = 30) -> None:
    """Keys of every type, some that expire, with bytes that aren't text."""
    for number in range(keys):
        client.set(f"text:{number}", f"value {number}")
    client.set(b"raw:\xff\x00\r\n", b"\x00\xff\r\n$3\r\n")
    client.set("soon", "gone", px=3_600_000)
    client.rpush("list", *range(20))
    client.sadd("set", "a", "b", *range(10))
    client.zadd("zset", {"one": 0.1, "two": 1e300, "three": -3})
    client.hset("hash", mapping={"f": "1", "g": "\u00e9"})
    client.xadd("stream", {"field": "value"}, id="1-1")


def everything(client: Any) -> dict[Any, Any]:
    """Every key with its value, as this client reads it; whether it expires."""
    read = {
        "string": client.get,
        "list": lambda key: client.lrange(key, 0, -1),
        "set": lambda key: sorted(client.smembers(key)),
        "zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        "hash": client.hgetall,
        "stream": client.xrange,
    }
    found = {}
    for key in client.scan_iter(count=1000):
        kind = client.type(key)
        name = kind.decode() if isinstance(kind, bytes) else kind
        if name == "none":
            continue  # it has just expired
        found[key] = (name, read[name](key), client.pttl(key) > 0)
    return found


def binary(project: Project, port: int | None = None) -> Any:
    """A client of a project that reads bytes as they are: of a cluster, or of a node."""
    client = project.client(port)
    options = client.connection_pool.connection_kwargs
    if "cluster" in (project.root / "redistopo.toml").read_text().partition('shape = "')[2][:8]:
        return RedisCluster(
            host="127.0.0.1", port=port or project.port, password=project.password or None
        )
    options["decode_responses"] = False
    return client
