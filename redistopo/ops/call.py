"""`call`: one command on many nodes at once, and what each of them answered."""

from pathlib import Path

from redistopo.client.connection import Connections
from redistopo.errors import AccessDenied, ExitCode, Unreachable
from redistopo.host.in_threads import in_threads
from redistopo.model.protocol.redact import Redactor
from redistopo.model.protocol.reply_text import reply_as_json
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.model.state.selector import select_nodes
from redistopo.model.topology.project_paths import Layout
from redistopo.project.redact_secrets import secrets_of
from redistopo.quick_dataclass import dataclass
from redistopo.session.node_action import require_words
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest
from redistopo.session.to_json import to_json

_MOST_BYTES = 1 << 30
"""The size limit of a reply: twice that of a value (proto-max-bulk-len)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """The command, and selectors for the nodes (all of them without any); `seconds` is the time
    limit for each node's reply."""

    root: Path
    command: tuple[str, ...]
    words: tuple[str, ...] = ()
    seconds: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReply:
    """The reply of one node, or the error of the server or the system."""

    name: str
    address: str
    role: Role | None
    reply: object = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """Every reply, without secrets; FAILED if one node replied with an error, or not at all."""

    command: str
    replies: tuple[NodeReply, ...]

    @property
    def code(self) -> ExitCode:
        return ExitCode.FAILED if any(one.error for one in self.replies) else ExitCode.DONE


def call(request: CallRequest) -> CallResult:
    """Send the command to the selected nodes in parallel, with redistopo's own credentials.

    Raises UsageError for selectors without a match, RedistopoError if nothing was started.
    """
    if request.words:
        require_words(request.words, "call --node")
    with open_session(SessionRequest(root=request.root)) as session:
        nodes = select_nodes(session.observe(), request.words)
        with (
            Connections(
                session.credentials, seconds=request.seconds, protocol=3, most=_MOST_BYTES
            ) as client,
        ):
            replies = in_threads(lambda node: _ask(client, node, request), nodes)
        return _without_secrets(session.layout, request.command, replies)


def _ask(client: Connections, node: NodeSeen, request: CallRequest) -> NodeReply:
    reply, error = None, node.error
    if node.running and not node.paused:
        reply, error = _answer(client, node, request)
    return NodeReply(name=node.name, address=node.address, role=node.role, reply=reply, error=error)


def _answer(client: Connections, node: NodeSeen, request: CallRequest) -> tuple[object, str]:
    try:
        reply = client.execute(node.endpoint, [request.command])[0]
    except (Unreachable, AccessDenied) as error:
        late = error.detail == "timed out"
        return None, f"no reply within {request.seconds:g} s" if late else error.detail
    return (None, str(reply)) if isinstance(reply, Exception) else (reply, "")


def _without_secrets(
    layout: Layout, words: tuple[str, ...], replies: tuple[NodeReply, ...]
) -> CallResult:
    scrub = Redactor(secrets_of(layout))
    return CallResult(
        command=scrub.lines(" ".join(words)),
        replies=tuple(
            NodeReply(
                name=one.name,
                address=one.address,
                role=one.role,
                reply=scrub.value(to_json(reply_as_json(words, one.reply))),
                error=scrub.text(one.error),
            )
            for one in replies
        ),
    )
