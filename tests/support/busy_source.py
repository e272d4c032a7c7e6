"""A server of somebody else that is written to all the time, by every kind of command."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import Any

from redis.exceptions import RedisError

_SCRIPT = """
redis.call('SET', 'lua:' .. ARGV[1], ARGV[2])
redis.call('SUNIONSTORE', 'lua:union', 'set:1', 'set:2')
return redis.call('DEL', 'lua:' .. ((ARGV[1] + 10) % 40))
"""


def write_once(client: Any, number: int) -> None:
    """Commands over all types and several slots, which expire, rename and delete as well."""
    one = number % 40
    client.set(f"text:{one}", number)
    client.delete(f"text:{(one + 20) % 40}")
    client.set(f"brief:{one}", number, px=20)
    client.set(f"later:{one}", number, ex=1000 + one)
    client.persist(f"later:{(one + 7) % 40}")
    client.rpush("list", number)
    client.ltrim("list", -50, -1)
    client.sadd(f"set:{one % 3}", number % 97)
    client.srem(f"set:{one % 3}", (number + 50) % 97)
    client.zadd("zset", {f"m{number % 60}": number / 3})
    client.zunionstore("zset:both", ["zset", "zset:more"])
    client.hset("hash", f"f{one}", number)
    client.hincrbyfloat("hash", "sum", 0.1)
    client.xadd("stream", {"n": number}, maxlen=40, approximate=False)
    client.sort("list", store="sorted")
    client.eval(_SCRIPT, 0, one, number)
    with client.pipeline(transaction=True) as pipe:
        pipe.set("twin:a", number)
        pipe.set("twin:b", number)
        pipe.rename("twin:a", "twin:c")
        pipe.execute()
    if number % 500 == 0:
        client.flushdb()


@contextmanager
def written_to(*clients: Any) -> Iterator[None]:
    """Each client writes in a thread of its own, as fast as it can, until the block ends; one that
    the server pauses waits."""
    end = threading.Event()

    def write(client: Any) -> None:
        for number in count(1):
            if end.is_set():
                return
            with suppress(RedisError):  # a reply that takes longer than it waits
                write_once(client, number)

    threads = [threading.Thread(target=write, args=(one,)) for one in clients]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        end.set()
        for one in threads:
            one.join()
