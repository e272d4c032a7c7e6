"""How to connect: lines to paste, none of which bears the password."""

import json
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
    topology = plan.topology
    host = f"[{first.host}]" if ":" in first.host else first.host
    secret = "$REDISCLI_AUTH" if topology.auth else ""
    scheme = "rediss" if topology.tls else "redis"
    shell = []
    if password_file:
        shell.append(f'export REDISCLI_AUTH="$(head -n 1 {shlex.quote(password_file)})"')
    elif topology.auth:
        shell.append('export REDISCLI_AUTH="$REDISTOPO_PASSWORD"')
    if plan.engine.cli:
        shell.append(shlex.join([plan.engine.cli, *_cli_options(plan)]))
    libraries = [("Python, redis-py", _python(plan)), ("Node, ioredis", _node(plan))]
    if not topology.tls:  # with TLS, either takes more than a line
        libraries += [("Go, go-redis", _go(plan)), ("Java, Lettuce", _java(plan))]
    return Connect(
        shell=tuple(shell),
        libraries=tuple(libraries),
        url=f"{scheme}://{f':{secret}@' if secret else ''}{host}:{first.port}",
    )


def _cli_options(plan: Plan) -> list[str]:
    first = plan.nodes[0]
    words = ["-c"] if plan.topology.clustered else []
    words += ["-h", first.host, "-p", str(first.port)]
    if plan.topology.tls:
        pem = str(plan.layout.tls.client)
        words += ["--tls", "--cacert", str(plan.layout.tls.ca), "--cert", pem, "--key", pem]
    return words


# Host, port and password stand apart in each of them: in a URL, a password with @ or % would
# have to be escaped first.


def _python(plan: Plan) -> str:
    first = plan.nodes[0]
    words = [_text(first.host), str(first.port)]
    if plan.topology.auth:
        words.append('password=os.environ["REDISCLI_AUTH"]')
    if plan.topology.tls:
        pem = _text(str(plan.layout.tls.client))
        words += ["ssl=True", f"ssl_ca_certs={_text(str(plan.layout.tls.ca))}"]
        words += [f"ssl_certfile={pem}", f"ssl_keyfile={pem}"]
    kind = "RedisCluster" if plan.topology.clustered else "Redis"
    imports = "import os, redis" if plan.topology.auth else "import redis"
    return f"{imports}; redis.{kind}({', '.join(words)})"


def _node(plan: Plan) -> str:
    first = plan.nodes[0]
    host = f"[{first.host}]" if ":" in first.host else first.host
    options = ["password: process.env.REDISCLI_AUTH"] if plan.topology.auth else []
    if plan.topology.tls:
        read = 'require("fs").readFileSync'
        pem = f"{read}({_text(str(plan.layout.tls.client))})"
        ca = f"{read}({_text(str(plan.layout.tls.ca))})"
        options.append(f"tls: {{ca: {ca}, cert: {pem}, key: {pem}}}")
    if not plan.topology.clustered:
        place = [f"host: {_text(first.host)}", f"port: {first.port}"]
        return f"new Redis({{{', '.join([*place, *options])}}})"
    told = f", {{redisOptions: {{{', '.join(options)}}}}}" if options else ""
    return f"new Redis.Cluster([{_text(f'{host}:{first.port}')}]{told})"


def _go(plan: Plan) -> str:
    first = plan.nodes[0]
    host = f"[{first.host}]" if ":" in first.host else first.host
    at = _text(f"{host}:{first.port}")
    words = [f"Addrs: []string{{{at}}}" if plan.topology.clustered else f"Addr: {at}"]
    if plan.topology.auth:
        words.append('Password: os.Getenv("REDISCLI_AUTH")')
    kind = "Cluster" if plan.topology.clustered else ""
    options = f"{kind}Options" if kind else "Options"
    return f"redis.New{kind}Client(&redis.{options}{{{', '.join(words)}}})"


def _java(plan: Plan) -> str:
    first = plan.nodes[0]
    uri = f"RedisURI.builder().withHost({_text(first.host)}).withPort({first.port})"
    if plan.topology.auth:
        uri += '.withPassword(System.getenv("REDISCLI_AUTH").toCharArray())'
    kind = "RedisClusterClient" if plan.topology.clustered else "RedisClient"
    return f"{kind}.create({uri}.build())"


def _text(value: str) -> str:
    """A string as all four languages write it."""
    return json.dumps(value, ensure_ascii=False)
