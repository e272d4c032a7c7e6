"""`cli`: a CLI opened on one node; the password goes by its environment, and nowhere else."""

from dataclasses import dataclass, field
from pathlib import Path

from redistopo.errors import ExitCode, MissingPrerequisite, RedistopoError, UsageError
from redistopo.host.engines import find_cli, install_hint
from redistopo.host.process_marks import load_process_mark
from redistopo.host.run_program import exec_program
from redistopo.model.protocol.credentials import Login, TopologyUser, login_options
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.model.topology.spec import Shape
from redistopo.project.load import layout_of_folder
from redistopo.project.passwords import load_password
from redistopo.project.secrets import redacting_errors
from redistopo.project.started import credentials_in_use, rendered_confs
from redistopo.session.running import RunningTopology, open_running

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
    user: str = TopologyUser.APPLICATION.value
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

    Raises UsageError for words that mean nobody or several, RedistopoError where the node
    doesn't run, MissingPrerequisite where there is no CLI.
    """
    with redacting_errors(layout_of_folder(request.root)):
        with open_running(request.root) as found:
            node = _node(found, request.words)
            access = _access(found, node, request.user)
            program = _program(found, node)
        clustered = found.project.topology.shape is Shape.CLUSTER
        place = ["-h", node.host, "-p", str(node.port), *(["-c"] if clustered else [])]
        argv = (program, *place, *login_options(access), *request.rest)
        secret = dict.fromkeys(VARIABLES, access.password) if access.password else {}
        if request.run:
            exec_program(argv, secret)
        return CliResult(node=node.name, argv=argv, variables=tuple(secret))


def _node(found: RunningTopology, words: tuple[str, ...]) -> NodeSeen:
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


def _access(found: RunningTopology, node: NodeSeen, user: str) -> Login:
    """Without users, a Sentinel has a password of its own; with them, it knows no replication."""
    if node.watcher and TopologyUser(user) is TopologyUser.REPLICATION:
        raise UsageError(f"{node.name} has no user {user}", hint="--user default, or admin")
    if node.watcher and not found.credentials.acl:
        if TopologyUser(user) is not TopologyUser.APPLICATION:
            raise _no_user(user)
        return found.credentials.at(node.endpoint)
    layout, topology = found.project.layout, found.project.topology
    known = load_password(topology, layout)
    held = credentials_in_use(layout, rendered_confs(layout), known)
    access = {
        TopologyUser.APPLICATION: held.application,
        TopologyUser.REPLICATION: held.replication,
        TopologyUser.ADMIN: held.own if held.acl else None,
    }[TopologyUser(user)]
    if access is None and TopologyUser(user) is not TopologyUser.APPLICATION:
        raise _no_user(user)
    if access is None or (topology.auth and not access.password):
        raise UsageError(
            "the application's password is not known here",
            hint="set REDISTOPO_PASSWORD as it was for redistopo up; or: --user admin",
        )
    return access


def _no_user(user: str) -> UsageError:
    return UsageError(
        f"there is no user {user}", hint="acl = true in the topology file brings users along"
    )


def _program(found: RunningTopology, node: NodeSeen) -> str:
    layout = found.project.layout
    mark = load_process_mark(layout.node(node.name).process)
    tls = found.credentials.own.tls is not None
    program = find_cli(mark.executable if mark else "", tls=tls)
    if not program:
        raise MissingPrerequisite(
            "no redis-cli or valkey-cli was found on this machine"
            + (" that speaks TLS" if tls else ""),
            hint=f"{install_hint()}; meanwhile: redistopo call COMMAND",
        )
    return program
