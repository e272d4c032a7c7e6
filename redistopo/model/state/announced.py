"""The endpoints that nodes of a cluster give to clients, and where they lead."""

from collections.abc import Mapping

from redistopo.model.protocol.conf_endpoint import CLIENT_PORTS
from redistopo.model.protocol.endpoint import Addressed
from redistopo.quick_dataclass import dataclass

UNKNOWN_HOST = "?"
"""What a node prints for another one that announces no hostname, if hostnames are preferred
(redis.io, CLUSTER SLOTS)."""


NO_ADDRESS = "the name can't be resolved"
"""Why an endpoint leads nowhere from this machine; elsewhere the name may have an address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced(Addressed):
    """An endpoint in CLUSTER SLOTS for the node with that id, as printed by the node `told_by`.

    `error` is why it doesn't lead there from this machine ("" if it does); `refused` is the
    reply of a node that refuses CLUSTER SLOTS, whose own endpoint this is; `unproven` is the reply
    of a server there that refuses to say which node it is; `closed` is whether nothing accepts
    connections there.
    """

    id: str
    told_by: str
    error: str = ""
    refused: str = ""
    unproven: str = ""
    closed: bool = False

    def is_mapped(self, settings: Mapping[str, str]) -> bool:
        """Whether its port is the one that a node's settings give to clients alone, and nothing
        accepts connections there on this machine: it may lead to the node from elsewhere."""
        given = {settings.get(name, "") for name in CLIENT_PORTS}
        return self.closed and str(self.port) in given
