"""What is asked of one server of a snapshot, and what its replies say of the node."""

from dataclasses import replace
from pathlib import Path

from redistopo.client.announce_probe import ENDPOINTS, printed_endpoints
from redistopo.client.connection import Command, Connections, Reply, raise_on_error, try_ping
from redistopo.client.execute_each import Answer, execute, execute_each
from redistopo.client.failover_probe import probe_failover
from redistopo.client.login_probe import probe_access
from redistopo.client.monitored import with_monitored
from redistopo.client.target import Detail, Target
from redistopo.errors import AccessDenied, BadReply, Unreachable
from redistopo.host.host import Files
from redistopo.host.local_host import LOCAL
from redistopo.host.node_data import log_damage
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.engine import parse_title
from redistopo.model.protocol.replies import (
    ClusterNodesLine,
    at_listening_ports,
    parse_info,
    parse_nodes,
)
from redistopo.model.protocol.sentinel_replies import HELLO_CHANNEL
from redistopo.model.state.clock import clock_of
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.model.state.relocation import moved_from, relocated_path
from redistopo.model.topology.spec import Shape


class NodeQuery:
    """The query of a snapshot's nodes; each has the state of its process already."""

    def __init__(self, shape: Shape, client: Connections, depth: Detail) -> None:
        self._shape = shape
        self._client = client
        self._depth = depth
        self._printed: tuple[Reply, tuple[tuple[Endpoint, str], ...]] = (None, ())

    @property
    def plain(self) -> bool:
        """Whether nothing is encrypted."""
        return self._client.credentials.own.tls is None

    def ask(self, target: Target, seen: NodeSeen) -> NodeSeen:
        """Query one server; add its replies, or the error, to the node. PROCESS asks nothing."""
        if seen.error or self._depth is Detail.PROCESS:
            return seen
        answer = execute(self._client, seen.endpoint, self._commands(seen))
        return self._node(target, seen, answer)

    def ask_each(self, nodes: list[tuple[Target, NodeSeen]]) -> list[NodeSeen]:
        """Query all servers at once; return the nodes, in the same order."""
        if self._depth is Detail.PROCESS:
            return [seen for _target, seen in nodes]
        asked = {seen.endpoint: self._commands(seen) for _target, seen in nodes if not seen.error}
        found = execute_each(self._client, asked, alike=[ENDPOINTS])
        return [
            seen if seen.error else self._node(target, seen, found[seen.endpoint])
            for target, seen in nodes
        ]

    def _full(self, seen: NodeSeen) -> bool:
        """Of a node that lost its folder all is asked: what would save its memory depends on its
        settings."""
        return self._depth is Detail.FULL or seen.folder_lost

    def _commands(self, seen: NodeSeen) -> list[Command]:
        full = self._full(seen)
        commands: list[Command] = [("INFO",)]
        if self._shape is Shape.CLUSTER:
            commands += [("CLUSTER", "INFO"), ("CLUSTER", "NODES")]
            commands += [ENDPOINTS] if full else []
        return [*commands, *(_ALL if full else ())]

    def _node(self, target: Target, seen: NodeSeen, answer: Answer) -> NodeSeen:
        try:
            if answer.error:
                raise answer.error
            found = self._read(seen, answer)
            if target.maps_ports:
                found = replace(found, members=at_listening_ports(found.members))
            return _with_files(found, target, self._client)
        except (Unreachable, BadReply) as error:
            return replace(seen, error=f"{error.message}: {error.detail}")
        except AccessDenied as error:
            # AUTH also fails if the password was removed: then any client can log in
            anonymous = self._anonymous(seen) if self._full(seen) else None
            return replace(seen, error=f"{error.message}: {error.detail}", anonymous=anonymous)

    def _anonymous(self, seen: NodeSeen) -> str:
        return try_ping(seen.endpoint, Login(tls=self._client.credentials.own.tls))

    def _read(self, seen: NodeSeen, answer: Answer) -> NodeSeen:
        replies, full = answer.replies, self._full(seen)
        sent = self._client.sent[seen.endpoint] - len(replies)
        info = parse_info(_text(replies[0], "INFO"))
        found = replace(
            seen, info=info, sent=sent, clock=clock_of(info, answer.began, answer.ended)
        )
        if self._shape is Shape.CLUSTER:
            found = replace(
                found,
                cluster=parse_info(_text(replies[1], "CLUSTER INFO")),
                members=_members(_text(replies[2], "CLUSTER NODES"), seen.host),
                printed=self._endpoints(replies[3]) if full else (),
            )
        if found.role is Role.SENTINEL:
            found = with_monitored(found, self._client)
        return self._with_all(found, replies) if full else found

    def _endpoints(self, reply: Reply) -> tuple[tuple[Endpoint, str], ...]:
        """What most nodes print alike, read once."""
        known, endpoints = self._printed
        if reply is not known:
            endpoints = printed_endpoints(reply)
            self._printed = reply, endpoints  # not read again: threads may share this
        return endpoints

    def _with_all(self, found: NodeSeen, replies: list[Reply]) -> NodeSeen:
        """Add the settings, the users, and what others than we may do."""
        credentials, sentinel = self._client.credentials, found.role is Role.SENTINEL
        subscribers, users, config = replies[-len(_ALL) :]
        probes_failover = self._shape is Shape.SENTINEL and not sentinel
        return replace(
            found,
            config=_settings(found) if sentinel else parse_config(config),
            refused={} if sentinel else _refused(self._commands(found), replies),
            hello_clients=_subscribers(subscribers),
            failover_refusals=probe_failover(found.endpoint, credentials, parse_title(found.engine))
            if probes_failover
            else None,
            users=tuple(map(str, users)) if isinstance(users, list) else (),
            anonymous=self._anonymous(found),
            access_probe=probe_access(found.endpoint, credentials, users=not sentinel),
        )


_ALL: tuple[Command, ...] = (
    ("PUBSUB", "NUMSUB", HELLO_CHANNEL),
    ("ACL", "LIST"),
    ("CONFIG", "GET", "*"),
)


def _subscribers(reply: Reply) -> int:
    """Return how many clients subscribe to a channel; 0 if the user may not ask."""
    match reply:
        case [_, int(count)]:
            return count
    return 0


def _refused(commands: list[Command], replies: list[Reply]) -> dict[str, str]:
    """The queries that got an error, by their first two words, with the error."""
    pairs = zip(commands, replies, strict=True)
    return {
        " ".join(map(str, words[:2])): str(reply).partition(", with args")[0]
        for words, reply in pairs
        if isinstance(reply, Exception)
    }


def _settings(seen: NodeSeen) -> dict[str, str]:
    return seen.watches[0].config if seen.watches else {}


def _with_files(seen: NodeSeen, target: Target, client: Connections) -> NodeSeen:
    """Add what its folder shows; of another host, its log would be older than its INFO."""
    layout = target.layout
    if layout and target.machine is LOCAL and seen.config and seen.info.get("aof_enabled") == "1":
        root = layout.node(seen.name).root
        damage = damage_of_log(target.machine.files, root, seen, client)
        seen = replace(seen, log_damage=damage)
    former = moved_from(layout, seen.name, seen.info.get("config_file", "")) if layout else ""
    if layout is None or not former:
        return seen
    config = seen.config and {
        name: relocated_path(value, former, layout) for name, value in seen.config.items()
    }
    return replace(seen, moved_from=former, config=config)


def damage_of_log(files: Files, root: Path, seen: NodeSeen, client: Connections) -> str:
    """Return the damage to a running server's log; a rewrite may have ended since its INFO, so
    that what is found is confirmed by another one."""
    live = seen.config or {}
    if damage := log_damage(files, root, live, seen.info):
        again = parse_info(_text(client.execute(seen.endpoint, [("INFO",)])[0], "INFO"))
        damage = log_damage(files, root, live, again) if again.get("aof_enabled") == "1" else ""
    return damage


def _members(text: str, host: str) -> tuple[ClusterNodesLine, ...]:
    # a node that has never met another doesn't know its own address yet
    return tuple(
        replace(member, endpoint=Endpoint(host, member.port))
        if member.myself and not member.host
        else member
        for member in parse_nodes(text)
    )


def _text(reply: Reply, what: str) -> str:
    text = raise_on_error(reply, what)
    if not isinstance(text, str):
        raise BadReply(f"{what} isn't text", detail=repr(text)[:200])
    return text


def parse_config(reply: Reply) -> dict[str, str] | None:
    """Parse CONFIG GET's flat list; None if the server refuses CONFIG."""
    if not isinstance(reply, list):
        return None
    return dict(zip(map(str, reply[::2]), map(str, reply[1::2]), strict=False))
