"""Connection examples to paste; none contains the password."""

import json
import shlex
from dataclasses import dataclass

from redistopo.model.planning.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectLines:
    """Lines for a shell and for client libraries, the latter as (library, line).

    The password is read from its file into a variable, so that neither the terminal nor
    the process list shows it.
    """

    shell: tuple[str, ...]
    libraries: tuple[tuple[str, str], ...]
    url: str


def connect_lines(plan: Plan, password_file: str) -> ConnectLines:
    """Render the lines for a topology; `password_file` is "" if the user gave the password."""
    if plan.sentinels:
        return _with_sentinels(plan, password_file)
    first = plan.nodes[0]
    topology = plan.topology
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
    if not topology.tls:  # with TLS, these need more than one line
        libraries += [("Go, go-redis", _go(plan)), ("Java, Lettuce", _java(plan))]
    return ConnectLines(
        shell=tuple(shell),
        libraries=tuple(libraries),
        url=f"{scheme}://{f':{secret}@' if secret else ''}{first.address}",
    )


def _with_sentinels(plan: Plan, password_file: str) -> ConnectLines:
    """The same with Sentinels, which clients query for the primary by the topology's name.

    Without ACL, Sentinels have their own password; with ACL, an application has one for all.
    """
    topology, primary = plan.topology, plan.primaries[0]
    variable = "REDISCLI_AUTH" if topology.acl else "SENTINEL_AUTH"
    shell = []
    if password_file:
        shell.append(f'export REDISCLI_AUTH="$(head -n 1 {shlex.quote(password_file)})"')
    elif topology.auth:
        shell.append('export REDISCLI_AUTH="$REDISTOPO_PASSWORD"')
    if topology.auth and not topology.acl:
        own = shlex.quote(str(plan.layout.secret("sentinel")))
        shell.append(f'export SENTINEL_AUTH="$(head -n 1 {own})"')
    if plan.engine.cli:
        shell.append(shlex.join([plan.engine.cli, *_cli_options(plan)]))
    libraries = [("Python, redis-py", _python_with_sentinels(plan, variable))]
    if not topology.tls:
        libraries += _others_with_sentinels(plan, variable)
    secret = ":$REDISCLI_AUTH@" if topology.auth else ""
    scheme = "rediss" if topology.tls else "redis"
    return ConnectLines(
        shell=tuple(shell),
        libraries=tuple(libraries),
        url=f"{scheme}://{secret}{primary.address}",
    )


def _python_with_sentinels(plan: Plan, variable: str) -> str:
    topology = plan.topology
    places = ", ".join(f"({_text(one.host)}, {one.port})" for one in plan.sentinels)
    words, kwargs = [], []
    if topology.auth:
        words.append('password=os.environ["REDISCLI_AUTH"]')
        kwargs.append(f'"password": os.environ["{variable}"]')
    if topology.tls:
        pem, ca = (_text(str(path)) for path in (plan.layout.tls.client, plan.layout.tls.ca))
        tls = {"ssl": "True", "ssl_ca_certs": ca, "ssl_certfile": pem, "ssl_keyfile": pem}
        words += [f"{name}={value}" for name, value in tls.items()]
        kwargs += [f'"{name}": {value}' for name, value in tls.items()]
    options = [f"[{places}]", *([f"sentinel_kwargs={{{', '.join(kwargs)}}}"] if kwargs else [])]
    found = f"Sentinel({', '.join([*options, *words])}).master_for({_text(topology.name)})"
    return f"import os; from redis.sentinel import Sentinel; {found}"


def _others_with_sentinels(plan: Plan, variable: str) -> list[tuple[str, str]]:
    auth, name = plan.topology.auth, _text(plan.topology.name)
    places = [(_text(one.host), one.port) for one in plan.sentinels]
    node = [f"sentinels: [{', '.join(f'{{host: {host}, port: {port}}}' for host, port in places)}]"]
    node.append(f"name: {name}")
    spots = ", ".join(_text(one.address) for one in plan.sentinels)
    go = [f"MasterName: {name}", f"SentinelAddrs: []string{{{spots}}}"]
    first, *more = places
    java = f"RedisURI.Builder.sentinel({first[0]}, {first[1]}, {name})"
    if auth:
        node += [f"sentinelPassword: process.env.{variable}", "password: process.env.REDISCLI_AUTH"]
        go += [f'SentinelPassword: os.Getenv("{variable}")', 'Password: os.Getenv("REDISCLI_AUTH")']
        theirs = f'System.getenv("{variable}")'
        java = f"RedisURI.Builder.sentinel({first[0]}, {first[1]}, {name}, {theirs})"
        java += "".join(f".withSentinel({host}, {port}, {theirs})" for host, port in more)
        java += '.withPassword(System.getenv("REDISCLI_AUTH").toCharArray())'
    else:
        java += "".join(f".withSentinel({host}, {port})" for host, port in more)
    return [
        ("Node, ioredis", f"new Redis({{{', '.join(node)}}})"),
        ("Go, go-redis", f"redis.NewFailoverClient(&redis.FailoverOptions{{{', '.join(go)}}})"),
        ("Java, Lettuce", f"RedisClient.create({java}.build())"),
    ]


def _cli_options(plan: Plan) -> list[str]:
    first = plan.primaries[0] if plan.sentinels else plan.nodes[0]
    words = ["-c"] if plan.topology.clustered else []
    words += ["-h", first.host, "-p", str(first.port)]
    if plan.topology.tls:
        pem = str(plan.layout.tls.client)
        words += ["--tls", "--cacert", str(plan.layout.tls.ca), "--cert", pem, "--key", pem]
    return words


# Host, port and password are separate arguments in each of them: in a URL, a password with @
# or % would have to be escaped.


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
    options = ["password: process.env.REDISCLI_AUTH"] if plan.topology.auth else []
    if plan.topology.tls:
        read = 'require("fs").readFileSync'
        pem = f"{read}({_text(str(plan.layout.tls.client))})"
        ca = f"{read}({_text(str(plan.layout.tls.ca))})"
        options.append(f"tls: {{ca: {ca}, cert: {pem}, key: {pem}}}")
    if not plan.topology.clustered:
        place = [f"host: {_text(first.host)}", f"port: {first.port}"]
        return f"new Redis({{{', '.join([*place, *options])}}})"
    extra = f", {{redisOptions: {{{', '.join(options)}}}}}" if options else ""
    return f"new Redis.Cluster([{_text(first.address)}]{extra})"


def _go(plan: Plan) -> str:
    first = plan.nodes[0]
    at = _text(first.address)
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
    """A string literal that is valid in all four languages."""
    return json.dumps(value, ensure_ascii=False)
