"""Replies of a server that isn't one: what Redis sends, changed at random places; by a seed."""

import random
import re
from collections.abc import Callable

from support.hostile import HANG_UP, ID, OK, Words, array, bulk, info

OTHER = "b" * 40
_WORDS = (
    "", "0", "-1", "1", "70000", "9" * 25, "x", "::1", "127.0.0.1", "localhost", "\x00", "\x1b[2J",
    "é", "nan", "-0", "1e400", "slave", "master", "sentinel", "fail?", "16384", "5-3", "[0-<-", ID,
    OTHER, "%s", "=", ",", ":", "@", "\n", "\r\n", " ", "connected", "handshake", "noaddr",
    "myself",
)  # fmt: skip
_RAW = (
    b"", b"$-1\r\n", b"*-1\r\n", b"*0\r\n", b":1\r\n", b":x\r\n", b"+OK\r\n", b"-ERR no\r\n",
    b"-MOVED x y\r\n", b"-MOVED 5 127.0.0.1:1\r\n", b"-NOAUTH x\r\n", b"-LOADING x\r\n",
    b"$5\r\nab",
    b"$99999999999\r\n", b"*99999999\r\n", b"*1\r\n" * 50, b"\x00\xff\r\n", b"-\r\n", b"+\r\n",
    b"$3\r\n\xff\xfe\xfd\r\n", b"*2\r\n$1\r\na\r\n", b"%1\r\n", b">1\r\n", b"-READONLY x\r\n",
)  # fmt: skip


def _pairs(**values: object) -> bytes:
    return array(*(bulk(str(one)) for name, value in values.items() for one in (name, value)))


def _plain(kind: str, port: int) -> dict[str, bytes]:
    """What a sane server of that kind replies, by the beginning of the command."""
    mode = {"cluster": "cluster", "sentinel": "sentinel"}.get(kind, "standalone")
    me = {"name": ID, "ip": "127.0.0.1", "port": port, "runid": ID, "flags": "master"}
    primary = _pairs(**me, quorum=1, **{"num-slaves": 1, "num-other-sentinels": 1})
    peer = _pairs(**{**me, "flags": "slave", "master-link-status": "ok", "slave-repl-offset": 5})
    line = f"127.0.0.1:{port}@17000"
    return {
        "INFO": info(
            "role:slave" if kind == "replica" else "role:master", f"redis_mode:{mode}",
            f"cluster_enabled:{int(kind == 'cluster')}", "master_host:127.0.0.1",
            f"master_port:{port}", "master_link_status:up", "connected_slaves:1",
            f"slave0:ip=127.0.0.1,port={port},state=online,offset=5,lag=0", "aof_enabled:1",
            "master_repl_offset:5", "slave_repl_offset:5", "maxmemory:0", "used_memory:10",
            "db0:keys=1,expires=0", "master_replid:" + ID, "uptime_in_seconds:10",
            f"master0:name=m,status=ok,address=127.0.0.1:{port},slaves=1,sentinels=1",
        ),
        "CLUSTER NODES": bulk(
            f"{ID} {line} myself,master - 0 0 1 connected 0-8000 [5->-{OTHER}]\n"
            f"{OTHER} {line},host,shard-id={ID} slave {ID} 0 5 1 connected\n"
        ),
        "CLUSTER INFO": bulk("cluster_state:ok\r\ncluster_known_nodes:2\r\ncluster_size:1\r\n"),
        "CLUSTER MYID": bulk(ID),
        "CLUSTER SLOTS": array(
            array(b":0\r\n", b":16383\r\n", array(bulk("127.0.0.1"), b":%d\r\n" % port, bulk(ID)))
        ),
        "CLUSTER SHARDS": array(_pairs(slots=0, nodes=1)),
        "SENTINEL MASTERS": array(primary),
        "SENTINEL REPLICAS": array(peer),
        "SENTINEL SENTINELS": array(peer),
        "SENTINEL GET-MASTER-ADDR-BY-NAME": array(bulk("127.0.0.1"), bulk(str(port))),
        "SENTINEL CKQUORUM": b"+OK 1 usable Sentinels\r\n",
        "CONFIG GET": _pairs(appendonly="yes", maxmemory=0, save="", **{"bind": "127.0.0.1"}),
        "ACL LIST": array(bulk("user default on nopass ~* &* +@all")),
        "COMMAND": array(array(bulk("get"), b":2\r\n", array(b"+fast\r\n"), *[b":1\r\n"] * 3)),
        "PUBSUB NUMSUB": array(bulk("__sentinel__:hello"), b":1\r\n"),
        "PING": b"+PONG\r\n",
        "WAIT": b":1\r\n",
        "GET": b"$-1\r\n",
    }  # fmt: skip


def answers(seed: int, port: Callable[[], int]) -> Callable[[Words], bytes]:
    """A server by a seed: some replies are sane, some changed, some anything at all."""
    chance = random.Random(seed)
    kind = chance.choice(("cluster", "replica", "primary", "sentinel"))
    harm = chance.choice((0.05, 0.2, 0.5))

    def answer(words: Words) -> bytes:
        plain = _plain(kind, port())
        two = " ".join(words[:2]).upper()
        reply = plain.get(two) or plain.get(words[0].upper(), OK)
        if chance.random() > harm:
            return reply
        made = chance.choice(_RAW) if chance.random() < 0.3 else _changed(reply, chance)
        if not _whole(made):
            made += HANG_UP  # a client would wait for the rest; that has a test of its own
        return made

    return answer


def _changed(reply: bytes, chance: random.Random) -> bytes:
    """Some words of the reply are others; bulk strings keep a true length, mostly."""
    if chance.random() < 0.1:
        return reply[: chance.randrange(len(reply) + 1)]
    raw = reply.split(b"\r\n", 1)
    if reply[:1] == b"$" and len(raw) == 2:
        return bulk(_other_words(raw[1][:-2].decode(errors="replace"), chance))
    parts = re.split(rb"(\r\n)", reply)
    at = chance.randrange(len(parts))
    parts[at] = chance.choice(_WORDS).encode()
    return b"".join(parts)


def _other_words(text: str, chance: random.Random) -> str:
    parts = re.split(r"([\s:=,@]+)", text)
    for _ in range(chance.randint(1, 6)):
        parts[chance.randrange(len(parts))] = chance.choice(_WORDS)
    return "".join(parts)


def _whole(raw: bytes) -> bool:
    """Whether that is one whole reply and nothing more."""
    try:
        return _end(raw, 0) == len(raw)
    except (ValueError, IndexError, RecursionError):
        return False


def _end(raw: bytes, at: int) -> int:
    """Where the reply that begins there ends."""
    line = raw.index(b"\r\n", at)
    after = line + 2
    if raw[at] in b"+-:":
        return after
    count = int(raw[at + 1 : line])
    if raw[at] == ord("$"):
        return after + max(count, -2) + 2 if count >= 0 else after
    if raw[at] != ord("*") or count > 10000:
        raise ValueError(raw[at])
    for _ in range(count):
        after = _end(raw, after)
    return after
