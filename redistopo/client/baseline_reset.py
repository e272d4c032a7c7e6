"""Empties nodes and reads what a test may have changed of them: one round trip for all of them."""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace

from redistopo.client.connection import Command, Reply
from redistopo.client.observe import process_state
from redistopo.client.query_node import parse_config
from redistopo.client.reply_limits import Limits
from redistopo.client.server_connection import Connection
from redistopo.client.target import Target
from redistopo.errors import BadReply
from redistopo.host.host import FileStatus
from redistopo.host.polling import Deadline
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.resp import ErrorReply, encoded
from redistopo.model.state.baseline_state import (
    MemberView,
    NodeState,
    Settings,
    lasting_table,
    member_views,
    modules_of,
    monitored_primaries,
    stored_logins,
    used_clients,
    users_of,
)
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.quick_dataclass import dataclass

_ANSWER_SECONDS = 3.0
_BEGIN_SECONDS = 0.25
"""After this the processes of nodes without a reply are inspected: one may be paused."""

_WAIT_MS = 250

_EMPTY: tuple[Command, ...] = (("SCRIPT", "FLUSH", "SYNC"),)
_EMPTY_PRIMARY: tuple[Command, ...] = (("FLUSHALL", "SYNC"), ("FUNCTION", "FLUSH", "SYNC"))
_TIDY: tuple[Command, ...] = (
    ("CONFIG", "RESETSTAT"),
    ("SLOWLOG", "RESET"),
    ("LATENCY", "RESET"),
    ("ACL", "LOG", "RESET"),
)
_UNPAUSE: Command = ("CLIENT", "UNPAUSE")
_CLIENTS: Command = ("CLIENT", "LIST")
_MASTERS: Command = ("SENTINEL", "MASTERS")
_TABLE: tuple[Command, ...] = (("CLUSTER", "NODES"), ("CLUSTER", "INFO"))
_UNUSABLE = frozenset({"NOPERM", "BUSY"})
"""Errors after which nothing can be repaired by commands: a test took the rights of redistopo's own
user, or left a script running."""

_EMPTYING = frozenset({"FLUSHALL", "FUNCTION", "SCRIPT"})
_EXPECTED_REFUSALS = ("readonly ", "err unknown command")
"""Of a replica that is flushed to be sure, and of FUNCTION before Redis 7.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetTarget:
    """A node with its role in the baseline: `replicas` is how many a primary had, `clustered`
    whether it is a cluster's; `names` are all nodes of the topology by port."""

    node: Target
    login: Login
    role: Role
    replicas: int = 0
    clustered: bool = False
    names: Mapping[int, str] = field(default_factory=dict)

    @property
    def settings(self) -> tuple[Command, ...]:
        """The commands that read settings; their replies are the same each time."""
        own: Command = ("CONFIG", "GET", "*")
        if self.role is Role.SENTINEL:
            return (("SENTINEL", *own), ("ACL", "LIST"))
        return (own, ("ACL", "LIST"), ("MODULE", "LIST"))

    def commands(self, *, empty: bool, everywhere: bool) -> tuple[Command, ...]:
        """The commands that empty it, and read what differs each time."""
        if self.role is Role.SENTINEL:
            return (_CLIENTS, _MASTERS)
        looks = (_CLIENTS, *(_TABLE if self.clustered else ()))
        if not empty:
            return looks
        flush = _EMPTY_PRIMARY if self.role is Role.PRIMARY or everywhere else ()
        # last: the replies to the others arrive while the primary waits
        wait: tuple[Command, ...] = (("WAIT", self.replicas, _WAIT_MS),) if self.replicas else ()
        return (*flush, *_EMPTY, *_TIDY, *looks, *wait)


class NodeReset:
    """The kept connection to one node; its settings are compared as bytes."""

    def __init__(self, target: ResetTarget) -> None:
        self.target = target
        self.name = target.node.name
        self._connection: Connection | None = None
        self._settings = (b"", Settings())
        self._table: tuple[str, Mapping[str, MemberView]] = ("", {})
        self._file: tuple[FileStatus | None, Mapping[str, Mapping[str, str]]] = (None, {})
        self._sent: tuple[Command, ...] = ()
        self._prepared: dict[tuple[bool, bool], tuple[tuple[Command, ...], bytes]] = {}

    @property
    def connected(self) -> bool:
        """Whether there is a connection, which the server may have closed."""
        return self._connection is not None

    def close(self) -> None:
        """Close the connection; the next use connects again."""
        made, self._connection = self._connection, None
        if made is not None:
            made.close()

    def execute(self, commands: Iterable[Command]) -> list[Reply]:
        """Send other commands and return a reply for each; raises OSError or ErrorReply."""
        wanted = tuple(commands)
        made = self._connected()
        made.send(wanted)
        return [made.read() for _ in wanted]

    def send(self, *, empty: bool, everywhere: bool = False) -> None:
        """Send everything at once; raises OSError or ErrorReply if it can't be reached."""
        asked = (empty, everywhere)
        if asked not in self._prepared:
            first = () if self.target.role is Role.SENTINEL else (_UNPAUSE,)
            commands = self.target.commands(empty=empty, everywhere=everywhere)
            data = encoded((*first, *self.target.settings, *commands))
            self._prepared[asked] = (commands, data)
        self._sent, data = self._prepared[asked]
        self._connected().send_encoded(data)

    def _connected(self) -> Connection:
        if self._connection is None:
            limits = Limits(answer=_ANSWER_SECONDS)
            made = Connection(self.target.node.endpoint, self.target.login, limits=limits)
            made.connect()
            self._connection = made
        return self._connection

    def began(self, seconds: float) -> bool:
        """Wait that long for the replies to begin."""
        return self._connected().has_reply(seconds)

    def read(self) -> NodeState:
        """Read all replies; raises OSError or ErrorReply if they don't arrive."""
        made = self._connected()
        if self.target.role is not Role.SENTINEL:
            made.read()  # of CLIENT UNPAUSE
        settings = self._read_settings(made)
        replies = {one: made.read() for one in self._sent}
        return self._state(replies, settings)

    def _read_settings(self, made: Connection) -> Settings:
        known, settings = self._settings
        if known and made.skip(known):
            return settings
        found = [made.read_with_bytes() for _ in self.target.settings]
        config, users, *modules = (reply for reply, _ in found)
        if isinstance(users, ErrorReply) and users.code in _UNUSABLE:
            raise users
        now = Settings(
            config=parse_config(config) or {},
            users=users_of(users) if isinstance(users, list) else {},
            modules=modules_of(modules[0]) if modules else frozenset(),
        )
        if not known or now == settings:  # a server that was restarted lists them in another order
            self._settings = (b"".join(raw for _, raw in found), now)
        return now

    def _state(self, replies: Mapping[Command, Reply], settings: Settings) -> NodeState:
        # a snapshot that empties nothing has nothing to be acknowledged
        count = replies.get(("WAIT", self.target.replicas, _WAIT_MS), self.target.replicas)
        found = NodeState(
            name=self.name,
            settings=settings,
            clients=used_clients(str(replies[_CLIENTS])),
            refused=tuple(_refusals(replies)),
            replicas=count if isinstance(count, int) else 0,  # a replica refuses WAIT
        )
        if found.refused:  # the next look shows the rest
            return found
        if self.target.clustered:
            table, info = (str(replies[one]) for one in _TABLE)
            down = not info.startswith("cluster_state:ok")
            found = replace(found, members=self._members(table), down=down)
        if self.target.role is Role.SENTINEL:
            monitored = monitored_primaries(replies[_MASTERS], self._stored_logins())
            found = replace(found, monitored=monitored)
        return found

    def _stored_logins(self) -> Mapping[str, Mapping[str, str]]:
        """The logins in a Sentinel's file, which it writes at once when one is set."""
        node = self.target.node
        if node.layout is None:
            return {}
        path = node.layout.node(self.name).config
        if (now := node.machine.files.status(path)) != self._file[0]:
            self._file = (now, stored_logins(node.machine.files.read(path) or ""))
        return self._file[1]

    def _members(self, text: str) -> Mapping[str, MemberView]:
        short = lasting_table(text)
        if short != self._table[0]:
            self._table = (short, member_views(text, self.target.names, self.name))
        return self._table[1]


def _refusals(replies: Mapping[Command, Reply]) -> Iterable[str]:
    """Errors of commands that empty a node; who is in sync is judged by the count of WAIT."""
    for words, reply in replies.items():
        if not isinstance(reply, ErrorReply) or words[0] not in _EMPTYING:
            continue
        if not str(reply).lower().startswith(_EXPECTED_REFUSALS):
            yield f"{words[0]} {words[1]}: {reply}"


def reset_nodes(
    nodes: Iterable[NodeReset], *, empty: bool = True, everywhere: bool = False
) -> dict[str, NodeState]:
    """Empty all nodes at once, unless `empty` is false, and return each one's state.

    `everywhere` also flushes nodes that were no primary in the baseline. A connection that the
    server closed is replaced.
    """
    all_nodes = tuple(nodes)
    try:
        for node in all_nodes:
            if node.connected:
                try:
                    node.send(empty=empty, everywhere=everywhere)
                except OSError:
                    node.close()
        began = Deadline(_BEGIN_SECONDS)
        return {
            node.name: _read(node, began, empty=empty, everywhere=everywhere) for node in all_nodes
        }
    except BaseException:  # Ctrl-C: replies that were not read must not be taken for later ones
        for node in all_nodes:
            node.close()
        raise


def _read(node: NodeReset, began: Deadline, *, empty: bool, everywhere: bool) -> NodeState:
    """Read the replies of a node, or ask it again, if the server closed the connection."""
    failure, sent = "", node.connected
    for _attempt in range(2):
        try:
            if not sent:
                if (seen := process_state(node.target.node)).error:
                    return _without_reply(node, seen)
                node.send(empty=empty, everywhere=everywhere)
            if not node.began(began.left) and (seen := process_state(node.target.node)).error:
                node.close()
                return _without_reply(node, seen)
            return node.read()
        except TimeoutError:
            node.close()
            break  # it wouldn't reply to another connection
        except (OSError, ErrorReply, BadReply) as error:
            node.close()
            failure, sent = str(error), False
    return _without_reply(node, process_state(node.target.node), failure or "timed out")


def _without_reply(node: NodeReset, seen: NodeSeen, failure: str = "") -> NodeState:
    return NodeState(
        name=node.name,
        error=seen.error or failure,
        paused=seen.paused,
        absent=not seen.running,
    )
