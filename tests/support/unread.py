"""What each check reads, and how every read can fail: the samples of checks that read nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from redistopo.model.protocol.credentials import AccessProbe, Certificate
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.announced import Announced
from redistopo.model.state.observed import NodeSeen
from redistopo.model.topology.hosts import Hosts, Machine
from redistopo.model.topology.spec import SAFE_RIGHTS

TIME_OUT = "time-out"

WAYS: Mapping[str, str] = {
    "refused": "ERR command not allowed",
    "unknown command": "ERR unknown command 'X', with args beginning with: ",
    "renamed": "ERR unknown command `X`, with args beginning with: ",
    "no rights": "NOPERM User mon has no permissions to run the 'x' command",
    TIME_OUT: "no reply: timed out",
}
"""How a read fails, with what the server, or our connection, replies."""

Break = Callable[[Any, str], Any]
"""Let that read fail at every node of a scene, with that reply."""


def _whole_node(scene: Any, reply: str) -> Any:
    """INFO, CLUSTER and SENTINEL queries: a node that refuses them, or times out, isn't read."""
    gone: dict[str, Any] = {"info": {}, "cluster": {}, "members": (), "watches": ()}
    gone |= {"config": None, "access_probe": None, "failover_refusals": None, "listening": None}
    scene = scene.every(error=f"INFO failed: {reply}", anonymous=None, **gone)
    return scene._with(replace(scene.seen, announced=()))


def _fields(scene: Any, _reply: str) -> Any:
    """INFO without its sections memory and persistence, as a proxy may reply."""
    told = ("used_memory", "maxmemory", "aof_", "rdb_")
    for node in scene.seen.nodes:
        kept = {name: value for name, value in node.info.items() if not name.startswith(told)}
        scene = scene.node(node.name, info=kept)
    return scene


def _configuration(scene: Any, reply: str) -> Any:
    scene = scene.every(config=None, listening=None, refused={"CONFIG GET": reply})
    for node in scene.seen.nodes:
        scene = scene.info(node.name, aof_enabled=0)  # only CONFIG tells about snapshots
    return scene


def _users(scene: Any, reply: str) -> Any:
    return scene.every(users=(), refused={"ACL LIST": reply})


def _anonymous(scene: Any, reply: str) -> Any:
    return scene.every(anonymous=reply)


def _announced(scene: Any, reply: str) -> Any:
    told = [
        Announced(endpoint=node.endpoint, id=node.myself.id, told_by=node.name, refused=reply)
        for node in scene.seen.nodes
    ]
    return scene._with(replace(scene.seen, announced=tuple(told)))


def _failover(scene: Any, reply: str) -> Any:
    return scene.every(failover_refusals={"PING": reply})


def _trials(scene: Any, reply: str) -> Any:
    """Test logins that got no verdict."""
    names = ("default", "replication", "admin")
    trials = {name: {"CONFIG GET": reply, "INFO server": reply} for name in names}
    return scene.every(
        access_probe=AccessProbe(plain=reply, stranger=reply, certificate=None, users=trials)
    )


def _writes(scene: Any, reply: str) -> Any:
    scene = scene.proofs()
    probes = tuple(replace(one, error=reply) for one in scene.seen.write_probes)
    return scene._with(replace(scene.seen, write_probes=probes))


def _quorum(scene: Any, reply: str) -> Any:
    return _watching(scene, quorum=reply)


def _address(scene: Any, _reply: str) -> Any:
    """SENTINEL GET-MASTER-ADDR-BY-NAME: without a reply the address is empty."""
    return _watching(scene, endpoint=Endpoint("", 0))


def _watching(scene: Any, **fields: Any) -> Any:
    def changed(node: NodeSeen) -> NodeSeen:
        return replace(node, watches=tuple(replace(one, **fields) for one in node.watches))

    return scene._each(changed)


READS: Mapping[str, Break] = {
    "the node": _whole_node,
    "fields of INFO": _fields,
    "CONFIG GET": _configuration,
    "ACL LIST": _users,
    "PING without a password": _anonymous,
    "CLUSTER SLOTS": _announced,
    "the failover's commands": _failover,
    "test logins": _trials,
    "the write probe": _writes,
    "SENTINEL CKQUORUM": _quorum,
    "SENTINEL GET-MASTER-ADDR-BY-NAME": _address,
}

_NODE = ("the node",)
_SENTINEL = ("the node", "SENTINEL GET-MASTER-ADDR-BY-NAME")

READ_BY: Mapping[str, tuple[str, ...]] = {
    "node.alive": _NODE,
    "node.versions": _NODE,
    "access.password": ("PING without a password", "ACL LIST", "the node"),
    "access.bind": ("CONFIG GET", "the node"),
    "access.tls": ("test logins", "the node"),
    "access.certificates": ("test logins", "the node"),
    "access.users": ("test logins", "ACL LIST", "the node"),
    "config.drift": ("CONFIG GET", "the node"),
    "config.uneven": ("CONFIG GET", "the node"),
    "cluster.state": _NODE,
    "cluster.slots": _NODE,
    "cluster.empty-shards": _NODE,
    "cluster.agreement": _NODE,
    "cluster.members": _NODE,
    "cluster.links": _NODE,
    "cluster.epochs": _NODE,
    "cluster.open-slots": _NODE,
    "announce.reachable": ("CLUSTER SLOTS", "the node"),
    "replication.shape": _NODE,
    "replication.chain": _NODE,
    "replication.link": _NODE,
    "replication.lag": _NODE,
    "replication.read-only": _NODE,
    "sentinel.primary": _SENTINEL,
    "sentinel.leads": _SENTINEL,
    "sentinel.quorum": ("the node", "SENTINEL CKQUORUM"),
    "sentinel.replicas": _NODE,
    "sentinel.peers": _NODE,
    "sentinel.hello": _NODE,
    "memory.full": ("fields of INFO", "the node"),
    "data.kept": ("fields of INFO", "CONFIG GET", "the node"),
    "data.proof": ("the write probe",),
    "failover.ready": ("the failover's commands", "the node"),
    "placement.hosts": _NODE,
    "placement.majority": _NODE,
    "hosts.clock": _NODE,
    "hosts.reach": _NODE,
    "hosts.restart": _NODE,
}
"""Check -> what it reads. A check that is added without its line fails a house test."""

LOCKED = AccessProbe(
    plain="",
    stranger="",
    certificate=Certificate(left=9e7, expires="2031-05-04", serial="1f", names=("127.0.0.1",)),
    users={"admin": {"ACL WHOAMI": "ok", "CONFIG GET": "ok"}},
)


def judged_fully(scene: Any) -> Any:
    """The scene with all that the topology file can ask for, so that every check applies."""
    recorded = {node.name: ("user default on nopass ~* +@all",) for node in scene.seen.nodes}
    scene = scene.every(access_probe=LOCKED, failover_refusals={})
    one = Hosts(machines=(Machine(name="h1", address="127.0.0.1"),))
    return scene.expect(tls=True, rights=SAFE_RIGHTS, users=recorded, hosts=one)
