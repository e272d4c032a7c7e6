"""Sends CLUSTER SETSLOT, again where replicas didn't acknowledge it in time."""

from collections.abc import Callable, Sequence
from typing import Self

from redistopo.client.connection import Command, Connections, Reply
from redistopo.execute.survey_slots import in_pipelines, raise_on_errors
from redistopo.host.polling import Deadline
from redistopo.model.protocol.credentials import Credentials
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.protocol.resp import OK, ErrorReply
from redistopo.model.state.observed import NodeSeen

_ACKNOWLEDGED_SECONDS = 20.0
"""Since Valkey 8.0, a primary executes SETSLOT once all its replicas have acknowledged it, and
replies NOREPLICAS after 2 s (cluster_legacy.c, clusterCommandSetSlot): a replica that synchronizes
at the moment, or has no CPU, takes longer. Nothing has changed then."""


class SetslotSenders:
    """Sends CLUSTER SETSLOT over one connection, or over many at once, which stay open from one
    move to the next if it has the same source or target."""

    def __init__(self, client: Connections, credentials: Credentials) -> None:
        self._client = client
        self._credentials = credentials
        self._lanes: list[Connections] = []
        self._used: set[Endpoint] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for lane in self._lanes:
            lane.__exit__(None, None, None)

    def use(self, nodes: Sequence[NodeSeen], count: int) -> None:
        """Send to these nodes from now on, over so many connections to each."""
        now = {node.endpoint for node in nodes}
        for lane in self._lanes:
            for endpoint in self._used - now:
                lane.close(endpoint)
        self._used = now
        lanes = count if count > 1 else 0
        for lane in self._lanes[lanes:]:
            lane.__exit__(None, None, None)
        self._lanes = [
            *self._lanes[:lanes],
            *(
                Connections(self._credentials, seconds=self._client.seconds)
                for _ in range(lanes - len(self._lanes))
            ),
        ]

    def send(self, node: NodeSeen, commands: Sequence[Command]) -> None:
        """Send the commands, over one connection in their order; raises BadReply for an error."""
        if self._lanes:
            _until_acknowledged(node, commands, lambda some: self._share(node, some))
        else:
            send_setslot(self._client, node, commands)

    def _share(self, node: NodeSeen, commands: Sequence[Command]) -> list[Reply]:
        count = len(self._lanes)
        shares = [(lane, commands[place::count]) for place, lane in enumerate(self._lanes)]
        # threads would take longer than the servers do
        for lane, mine in shares[: len(commands)]:
            lane.post(node.endpoint, mine)
        found: list[Reply] = [None] * len(commands)
        for place, (lane, mine) in enumerate(shares[: len(commands)]):
            found[place::count] = lane.collect(node.endpoint, len(mine), [OK] * len(mine))
        return found


def send_setslot(client: Connections, node: NodeSeen, commands: Sequence[Command]) -> None:
    """Send the commands over one connection; raises BadReply for an error."""
    for part in in_pipelines(commands):
        _until_acknowledged(
            node,
            commands[part],
            lambda these: client.execute(node.endpoint, these, [OK] * len(these)),
        )


def _until_acknowledged(
    node: NodeSeen, commands: Sequence[Command], send: Callable[[Sequence[Command]], list[Reply]]
) -> None:
    """Send the commands, and those again that the replicas of the node didn't acknowledge; raises
    BadReply for another error, or if that goes on."""
    ends = Deadline(_ACKNOWLEDGED_SECONDS)
    while commands:
        replies = dict(zip(commands, send(commands), strict=True))
        late = set() if ends.over else {one for one, reply in replies.items() if _is_late(reply)}
        said = {one: reply for one, reply in replies.items() if one not in late}
        raise_on_errors(node, [*said], [*said.values()])
        commands = [one for one in commands if one in late]


def _is_late(reply: Reply) -> bool:
    return isinstance(reply, ErrorReply) and reply.code == "NOREPLICAS"
