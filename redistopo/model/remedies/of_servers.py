"""Remedies that are commands to servers, or to redis-cli; `prefix` is how to call one."""

from redistopo.model.remedies.commands import ASKS, SAFE, classify, of_class
from redistopo.model.remedies.no_other_copy import NoOtherCopy
from redistopo.model.remedies.remedy import Remedy

_COVER = "first give every slot a primary, see cluster.slots"


def forget(prefix: str, node_id: str, address: str, proof: NoOtherCopy | None) -> str:
    """Remove a node that is no part of the topology from a cluster; without the proof that it has
    no data of the cluster, the safe way."""
    if proof is None:
        return f"{address} may have data of this cluster: {_COVER}"
    text = f"to remove {address}: {prefix} CLUSTER FORGET {node_id}"
    return of_class(text, f"{address} as a member")


def leave_cluster(prefix: str, name: str, proof: NoOtherCopy | None) -> str:
    """Remove an empty node from another cluster; without the proof that it is empty, the safe
    way."""
    if proof is None:
        return f"{name} may have the only copy of its data: use another node here"
    return of_class(f"{prefix} CLUSTER RESET HARD", f"{name}'s id, and its place in that cluster")


def settle_slots(cli: str, address: str, proof: NoOtherCopy | None) -> str:
    """Close open slots, and give each slot with two owners one. The same command gives slots
    without an owner to nodes, empty: without the proof that there are none, what to do first."""
    if proof is None:
        return _COVER
    lost = "keys of these slots that only the node that gives them up has"
    return of_class(f"{cli} --cluster fix {address}", lost)


def assign_slots(cli: str, address: str, proof: NoOtherCopy | None) -> str:
    """Give slots without an owner to nodes, empty; without the proof that no copy of their keys
    exists, the safe way."""
    if proof is None:
        return "a node may have their keys: start every node first"
    text = f"assign them to a node: {cli} --cluster fix {address}"
    return of_class(text, f"the keys of {proof.data}, if any copy is elsewhere")


def move_slots(cli: str, to: tuple[str, str], owner: str, count: int) -> Remedy:
    """Move slots with their keys to a node (its address and id)."""
    words = f"--cluster reshard {to[0]} --cluster-from {owner} --cluster-to {to[1]}"
    return of_class(f"{cli} {words} --cluster-slots {count} --cluster-yes")


def spread_slots(cli: str, address: str) -> Remedy:
    """Give each primary as many slots, also one without any."""
    return of_class(f"{cli} --cluster rebalance {address} --cluster-use-empty-masters")


def takeover(prefix: str) -> Remedy:
    """Promote a cluster's replica without an election."""
    text = f"{prefix} CLUSTER FAILOVER TAKEOVER"
    return of_class(text, "writes that the replica did not receive")


def follow(prefix: str, host: str, port: int | str, lost: str) -> Remedy:
    """Make a node a replica: it discards its data for that of its primary."""
    return of_class(f"{prefix} REPLICAOF {host} {port}", lost)


def reset_sentinels(prefix: str, primary: str) -> Remedy:
    """Make Sentinels forget the replicas and Sentinels that are gone for good, with all others,
    which they find again within seconds."""
    lost = "what each Sentinel knows of the others and of the replicas, for some seconds"
    return of_class(f"{prefix} SENTINEL RESET {primary}", lost)


def delete_user(prefix: str, user: str) -> Remedy:
    """Delete an ACL user."""
    return of_class(f"{prefix} ACL DELUSER {user}", f"user {user}")


def set_live(prefix: str, name: str, value: str) -> str:
    """Change a setting of a running server; of one that decides what is kept, only name it."""
    text = f"{prefix} CONFIG SET {name} {value}"
    kind = classify(text)
    if kind is SAFE:
        return text
    if kind is ASKS:
        return of_class(text, "keys that the server evicts to keep within it")
    return f"decide which value keeps the data: {prefix} CONFIG GET {name}"
