"""`cli`: opens a CLI on one node; the password is passed only by its environment."""

import shlex
from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode, MissingPrerequisite, RedistopoError, UsageError
from redistopo.host.engine_search import find_cli, install_hint
from redistopo.host.process_marks import load_process_mark
from redistopo.host.run_program import exec_program
from redistopo.model.protocol.credentials import Login, TopologyUser, login_options
from redistopo.model.state.observed import NodeSeen, Observed, Role
from redistopo.model.state.selector import select_one_node
from redistopo.model.topology.spec import Shape
from redistopo.project.trust import may_run
from redistopo.quick_dataclass import dataclass
from redistopo.session.application_login import unknown_password
from redistopo.session.open import open_session
from redistopo.session.session import CredentialSource, Session, SessionRequest

VARIABLES = ("REDISCLI_AUTH", "VALKEYCLI_AUTH")
"""Where CLIs look for the password: valkey-cli's own name since 9.0 (valkey.io/topics/cli),
before and in redis-cli the first one. Never empty: redis-cli would send AUTH, and fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CliRequest:
    """The node (the first primary without selectors), the user, and further arguments.

    Without `run`, the command is returned, but not run.
    """

    root: Path
    words: tuple[str, ...] = ()
    user: str = TopologyUser.APPLICATION.value
    rest: tuple[str, ...] = ()
    run: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CliResult:
    """The command to run; `variables` contain the password, if there is one."""

    node: str
    argv: tuple[str, ...]
    variables: tuple[str, ...]
    code: ExitCode = field(default=ExitCode.DONE)


def cli(request: CliRequest) -> CliResult:
    """Replace this process by the CLI; the exit code is the CLI's. Returns only without `run`.

    Raises UsageError unless one node is selected, RedistopoError if it doesn't run,
    MissingPrerequisite if there is no CLI.
    """
    with open_session(SessionRequest(root=request.root)) as session:
        node = _node(session.observe(), request.words)
        access = _access(session, node, request.user)
        program = _program(session, node)
        clustered = session.shape is Shape.CLUSTER
        place = ["-h", node.host, "-p", str(node.port), *(["-c"] if clustered else [])]
        argv = (program, *place, *login_options(access), *request.rest)
        secret = dict.fromkeys(VARIABLES, access.password) if access.password else {}
        session.close()
        if request.run:
            exec_program(argv, secret)
        return CliResult(node=node.name, argv=argv, variables=tuple(secret))


def _node(seen: Observed, words: tuple[str, ...]) -> NodeSeen:
    primaries = [node for node in seen.nodes if node.role is Role.PRIMARY]
    # a node that was down for long may still report that
    primaries.sort(key=lambda node: node.address != seen.named)
    if not words and not primaries:
        raise RedistopoError(
            "no primary answers now",
            detail="\n".join(f"{node.name}: {node.error or node.role}" for node in seen.nodes),
            hint="redistopo start, or redistopo up; or name a node that runs",
        )
    node = _selected(seen, words) if words else primaries[0]
    if not node.running or node.paused:
        verb = "resume" if node.paused else "start"
        raise RedistopoError(
            f"{node.name} {'is paused' if node.paused else 'does not run'}",
            hint=f"redistopo {verb} {node.name}",
        )
    return node


def _selected(seen: Observed, words: tuple[str, ...]) -> NodeSeen:
    try:
        return select_one_node(seen, words)
    except UsageError as error:
        at = next((n for n, word in enumerate(words) if error.message.startswith(repr(word))), -1)
        if at >= 0:
            typed = shlex.join((*words[:at], "--", *words[at:]))
            error.hint += f"; what the CLI is to get follows --: redistopo cli {typed}"
        raise


def _access(session: Session, node: NodeSeen, user: str) -> Login:
    """Without users, or if it was adopted, a Sentinel has a login of its own; with ours, it knows
    no replication."""
    if node.is_sentinel and TopologyUser(user) is TopologyUser.REPLICATION:
        raise UsageError(f"{node.name} has no user {user}", hint="--user default, or admin")
    known = session.credentials
    if node.is_sentinel and (node.endpoint in known.sentinels or not known.acl):
        if TopologyUser(user) is not TopologyUser.APPLICATION:
            raise _no_user(user)
        return known.login_to(node.endpoint)
    held = session.credentials_from(CredentialSource.APPLICATION)
    access = {
        TopologyUser.APPLICATION: held.application,
        TopologyUser.REPLICATION: held.replication,
        TopologyUser.ADMIN: held.own if held.acl else None,
    }[TopologyUser(user)]
    if access is None and TopologyUser(user) is not TopologyUser.APPLICATION:
        raise _no_user(user)
    if access is None or (session.topology.auth and not access.password):
        raise unknown_password("; or: --user admin")
    return access


def _no_user(user: str) -> UsageError:
    return UsageError(
        f"there is no user {user}", hint="acl = true in the topology file brings users along"
    )


def _program(session: Session, node: NodeSeen) -> str:
    mark = load_process_mark(session.layout.node(node.name).process)
    tls = session.credentials.own.tls is not None
    server = mark.executable if mark else ""
    # the program beside it would be run, and a mark can be forged
    program = find_cli(server if may_run(session.layout, server) else "", tls=tls)
    if not program:
        raise MissingPrerequisite(
            "no redis-cli or valkey-cli was found on this machine"
            + (" that speaks TLS" if tls else ""),
            hint=f"{install_hint()}; or use: redistopo call COMMAND",
        )
    return program
