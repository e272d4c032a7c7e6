"""The endpoints that nodes of a cluster give to clients, and where they lead."""

from dataclasses import dataclass

from redistopo.model.protocol.endpoint import Addressed

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
    of a server there that refuses to say which node it is.
    """

    id: str
    told_by: str
    error: str = ""
    refused: str = ""
    unproven: str = ""
