"""Remedies that are commands to servers, or to redis-cli; `prefix` is how to call one."""

from redistopo.model.remedies.commands import ASKS, SAFE, classify, of_class
from redistopo.model.remedies.no_other_copy import NoOtherCopy
from redistopo.model.remedies.remedy import Remedy


def forget(command: str, address: str, proof: NoOtherCopy | None) -> str:
    """Remove a node that is no part of the topology from a cluster; without the proof that it has
    no data of the cluster, the safe way."""
    if proof is None:
        return f"{address} may have data of this cluster: see cluster.slots, and start every node"
    return of_class(f"{command} CLUSTER FORGET {proof.data}", f"{address} as a member")


def leave_cluster(command: str, name: str, proof: NoOtherCopy | None) -> str:
    """Remove an empty node from another cluster; without the proof that it is, the safe way."""
    if proof is None:
        return f"{name} may have the only copy of its data: use another node here"
    return of_class(f"{command} CLUSTER RESET HARD", f"{name}'s place in that cluster, and its id")


def leave_lonely(command: str, name: str, keys: int) -> str:
    """How to make a node of another cluster join: with keys, they have to be saved by its owner."""
    proof = NoOtherCopy(data=name, looked=()) if not keys else None
    return leave_cluster(command, name, proof)


def settle_slots(command: str) -> Remedy:
    """Close open slots, and give each slot with two owners one, while every slot has an owner."""
    return of_class(f"{command}", "the keys that only a slot's other owner has")


def assign_slots(command: str, proof: NoOtherCopy | None) -> str:
    """Give slots without an owner to nodes, empty; without the proof that no copy of their keys
    exists, the safe way."""
    if proof is None:
        return "a node may have their keys: start every node first"
    return of_class(f"assign them to a node: {command}", f"the keys of {proof.data}")


def move_slots(command: str) -> Remedy:
    """Move slots with their keys (reshard, rebalance)."""
    return of_class(command)


def takeover(prefix: str) -> Remedy:
    """Promote a cluster's replica without an election."""
    text = f"{prefix} CLUSTER FAILOVER TAKEOVER"
    return of_class(text, "writes that the replica did not receive")


def follow(prefix: str, host: str, port: int | str, lost: str) -> Remedy:
    """Make a node a replica: it discards its data for that of its primary."""
    return of_class(f"{prefix} REPLICAOF {host} {port}", lost)


def forget_sentinels() -> Remedy:
    """Make the Sentinels forget one that is gone for good."""
    text = "to remove a Sentinel that is gone for good: SENTINEL RESET on each Sentinel"
    return of_class(text, "what each Sentinel knows of the others, for some seconds")


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
