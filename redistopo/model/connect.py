"""How to connect: lines to paste, none of which bears the password."""

import shlex
from dataclasses import dataclass

from redistopo.model.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Lines for a shell and for client libraries; each pair is (what it is for, the line).

    The password is read from its file into a variable, so that neither the terminal nor
    the process list shows it.
    """

    shell: tuple[str, ...]
    libraries: tuple[tuple[str, str], ...]
    url: str


def connect(plan: Plan, password_file: str) -> Connect:
    """The lines for a topology; `password_file` is "" where the user gave the password."""
    first = plan.nodes[0]
    clustered = plan.topology.clustered
    host = f"[{first.host}]" if ":" in first.host else first.host
    secret = "$REDISCLI_AUTH" if plan.topology.auth else ""
    url = f"redis://{f':{secret}@' if secret else ''}{host}:{first.port}"
    shell = []
    if password_file:
        shell.append(f'export REDISCLI_AUTH="$(head -n 1 {shlex.quote(password_file)})"')
    elif plan.topology.auth:
        shell.append('export REDISCLI_AUTH="$REDISTOPO_PASSWORD"')
    if plan.engine.cli:
        mode = "-c " if clustered else ""
        shell.append(f"{shlex.quote(plan.engine.cli)} {mode}-h {first.host} -p {first.port}")
    return Connect(
        shell=tuple(shell),
        libraries=_libraries(f"{host}:{first.port}", clustered=clustered, auth=bool(secret)),
        url=url,
    )


def _libraries(at: str, *, clustered: bool, auth: bool) -> tuple[tuple[str, str], ...]:
    python = "import os, redis; " if auth else "import redis; "
    python += f"redis.{'RedisCluster' if clustered else 'Redis'}.from_url("
    python += f"f\"redis://:{{os.environ['REDISCLI_AUTH']}}@{at}\")" if auth else f'"redis://{at}")'
    if clustered:
        options = ", {redisOptions: {password: process.env.REDISCLI_AUTH}}" if auth else ""
        node = f'new Redis.Cluster(["redis://{at}"]{options})'
    else:
        secret = ":${process.env.REDISCLI_AUTH}@" if auth else ""
        node = f"new Redis(`redis://{secret}{at}`)"
    go = f"redis.Parse{'Cluster' if clustered else ''}URL({_joined('os.Getenv', at, auth=auth)})"
    kind = "RedisClusterClient" if clustered else "RedisClient"
    java = f"{kind}.create({_joined('System.getenv', at, auth=auth)})"
    return (
        ("Python, redis-py", python),
        ("Node, ioredis", node),
        ("Go, go-redis", go),
        ("Java, Lettuce", java),
    )


def _joined(getenv: str, at: str, *, auth: bool) -> str:
    """The URL as an expression in Go or Java."""
    return f'"redis://:" + {getenv}("REDISCLI_AUTH") + "@{at}"' if auth else f'"redis://{at}"'
