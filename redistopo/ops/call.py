"""`call`: one command on many nodes at once, and what each of them answered."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from redistopo.client.connection import Asker, error_text
from redistopo.errors import AccessDenied, ExitCode, Unreachable
from redistopo.model.protocol.redact import Scrubber
from redistopo.model.protocol.reply_text import told
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.model.topology.layout import Layout
from redistopo.project.load import layout_of
from redistopo.project.secrets import discreet, secrets_of
from redistopo.session.node_action import require_words
from redistopo.session.running import running
from redistopo.session.to_json import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """The command's words, and by selector words for whom (all, without any); `seconds` that
    each node has for its answer."""

    root: Path
    command: tuple[str, ...]
    words: tuple[str, ...] = ()
    seconds: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReply:
    """What one node answered, or else why it didn't, as the server or the system says."""

    name: str
    address: str
    role: Role | None
    reply: object = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResult:
    """Every reply, without secrets; FAILED where one node refused, or didn't answer."""

    command: str
    replies: tuple[NodeReply, ...]

    @property
    def code(self) -> ExitCode:
        return ExitCode.FAILED if any(one.error for one in self.replies) else ExitCode.DONE


def call(request: CallRequest) -> CallResult:
    """The nodes meant were each given the command, all at the same time, by redistopo's own key.

    Raises WrongRequest for selector words that mean nobody, RedistopoError where nothing was
    started.
    """
    layout = layout_of(request.root)
    if request.words:
        require_words(request.words, "call --node")
    with discreet(layout), running(request.root) as found:
        nodes = found.meant(request.words)
        with (
            Asker(found.keys, seconds=request.seconds, protocol=3) as asker,
            ThreadPoolExecutor(min(32, len(nodes))) as pool,
        ):
            replies = tuple(pool.map(lambda node: _ask(asker, node, request), nodes))
    return _without_secrets(layout, request.command, replies)


def _ask(asker: Asker, node: NodeSeen, request: CallRequest) -> NodeReply:
    reply, error = None, node.error
    if node.running and not node.paused:
        reply, error = _answer(asker, node, request)
    return NodeReply(name=node.name, address=node.address, role=node.role, reply=reply, error=error)


def _answer(asker: Asker, node: NodeSeen, request: CallRequest) -> tuple[object, str]:
    try:
        reply = asker.ask(node.host, node.port, [request.command])[0]
    except (Unreachable, AccessDenied) as error:
        late = error.detail == "timed out"
        return None, f"no answer within {request.seconds:g} s" if late else error.detail
    return (None, error_text(reply)) if isinstance(reply, Exception) else (reply, "")


def _without_secrets(
    layout: Layout, words: tuple[str, ...], replies: tuple[NodeReply, ...]
) -> CallResult:
    scrub = Scrubber(secrets_of(layout))
    return CallResult(
        command=scrub.lines(" ".join(words)),
        replies=tuple(
            NodeReply(
                name=one.name,
                address=one.address,
                role=one.role,
                reply=scrub.value(plain(told(words, one.reply))),
                error=scrub.text(one.error),
            )
            for one in replies
        ),
    )
