"""`cli`: a CLI opened on one node; the password goes by its environment, and nowhere else."""

from dataclasses import dataclass, field
from pathlib import Path

from redistopo.errors import ExitCode, MachineLacks, RedistopoError, WrongRequest
from redistopo.host.engines import find_cli, install_hint
from redistopo.host.exec import become
from redistopo.host.process_marks import load_mark
from redistopo.host.redis_cli import way_in
from redistopo.model.protocol.credentials import Access, User
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.model.topology.spec import Shape
from redistopo.project.load import layout_of
from redistopo.project.passwords import password
from redistopo.project.secrets import discreet
from redistopo.project.started import configs, running_keys
from redistopo.session.running import Running, running

VARIABLES = ("REDISCLI_AUTH", "VALKEYCLI_AUTH")
"""Where CLIs look for the password: valkey-cli's own name since 9.0 (valkey.io/topics/cli),
before and in redis-cli the first one. Never empty: redis-cli would send AUTH, and fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CliRequest:
    """On which node (the first primary, without words), as which user, with which words more.

    Without `run`, nothing is run, and what would be is told.
    """

    root: Path
    words: tuple[str, ...] = ()
    user: str = User.APPLICATION.value
    rest: tuple[str, ...] = ()
    run: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CliResult:
    """What is run: `variables` are those that bear the password, if there is one."""

    node: str
    argv: tuple[str, ...]
    variables: tuple[str, ...]
    code: ExitCode = field(default=ExitCode.DONE)


def cli(request: CliRequest) -> CliResult:
    """This process became the CLI; the exit code is its own. Returns only without `run`.

    Raises WrongRequest for words that mean nobody or several, RedistopoError where the node
    doesn't run, MachineLacks where there is no CLI.
    """
    with discreet(layout_of(request.root)):
        with running(request.root) as found:
            node = _node(found, request.words)
            access = _access(found, node, request.user)
            program = _program(found, node)
        clustered = found.project.topology.shape is Shape.CLUSTER
        place = ["-h", node.host, "-p", str(node.port), *(["-c"] if clustered else [])]
        argv = (program, *place, *way_in(access), *request.rest)
        secret = dict.fromkeys(VARIABLES, access.password) if access.password else {}
        if request.run:
            become(argv, secret)
        return CliResult(node=node.name, argv=argv, variables=tuple(secret))


def _node(found: Running, words: tuple[str, ...]) -> NodeSeen:
    primaries = [node for node in found.seen.nodes if node.role is Role.PRIMARY]
    # one that was gone for long may still say so of itself
    primaries.sort(key=lambda node: node.address != found.seen.named)
    if not words and not primaries:
        raise RedistopoError(
            "no primary answers now",
            detail="\n".join(
                f"{node.name}: {node.error or node.role}" for node in found.seen.nodes
            ),
            hint="redistopo start, or redistopo up; or name a node that runs",
        )
    node = found.meant_one(words) if words else primaries[0]
    if not node.running or node.paused:
        verb = "resume" if node.paused else "start"
        raise RedistopoError(
            f"{node.name} {'is paused' if node.paused else 'does not run'}",
            hint=f"redistopo {verb} {node.name}",
        )
    return node


def _access(found: Running, node: NodeSeen, user: str) -> Access:
    """Without users, a Sentinel has a password of its own; with them, it knows no replication."""
    if node.watcher and User(user) is User.REPLICATION:
        raise WrongRequest(f"{node.name} has no user {user}", hint="--user default, or admin")
    if node.watcher and not found.keys.acl:
        if User(user) is not User.APPLICATION:
            raise _no_user(user)
        return found.keys.at(node.host, node.port)
    layout, topology = found.project.layout, found.project.topology
    known = password(topology, layout)
    held = running_keys(layout, configs(layout), known)
    access = {
        User.APPLICATION: held.application,
        User.REPLICATION: held.replication,
        User.ADMIN: held.own if held.acl else None,
    }[User(user)]
    if access is None and User(user) is not User.APPLICATION:
        raise _no_user(user)
    if access is None or (topology.auth and not access.password):
        raise WrongRequest(
            "the application's password is not known here",
            hint="set REDISTOPO_PASSWORD as it was for redistopo up; or: --user admin",
        )
    return access


def _no_user(user: str) -> WrongRequest:
    return WrongRequest(
        f"there is no user {user}", hint="acl = true in the topology file brings users along"
    )


def _program(found: Running, node: NodeSeen) -> str:
    layout = found.project.layout
    mark = load_mark(layout.node(node.name).process)
    tls = found.keys.own.tls is not None
    program = find_cli(mark.executable if mark else "", tls=tls)
    if not program:
        raise MachineLacks(
            "no redis-cli or valkey-cli was found on this machine"
            + (" that speaks TLS" if tls else ""),
            hint=f"{install_hint()}; meanwhile: redistopo call COMMAND",
        )
    return program
