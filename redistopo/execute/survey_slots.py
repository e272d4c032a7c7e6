"""Counts the keys and bytes of slots, and finds keys that are big."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from redistopo.client.connection import Command, Connections, Reply, raise_on_error
from redistopo.model.planning.slot_moves import slots_of
from redistopo.model.planning.slot_survey import (
    BIG_BYTES,
    SCAN_FROM_BYTES,
    BigKey,
    SlotSurvey,
    merged,
)
from redistopo.model.protocol.resp import ZERO, ErrorReply, UsualReply
from redistopo.model.state.job import SlotMove
from redistopo.model.state.observed import NodeSeen, Observed

PIPELINE = 2000
_FEW_KEYS = 1000
"""Of fewer keys, the average would mostly be what an empty server uses."""


def survey_slots(
    client: Connections, node: NodeSeen, slots: Sequence[int], *, every_key: bool = True
) -> SlotSurvey:
    """Survey slots of a primary.

    Bytes are those of CLUSTER SLOT-STATS where the server has it, and keys are measured one by one
    (MEMORY USAGE) if the node has so much data that a big one may be among them, or few keys;
    without `every_key` only some of each slot. Otherwise every key counts the node's average.
    """
    keys = _counts(client, node, slots)
    if not keys:
        return SlotSurvey(keys=keys)
    info = node.info
    dataset = int(info.get("used_memory_dataset", 0))
    total = max(node.keys, 1)
    if dataset >= SCAN_FROM_BYTES or total <= _FEW_KEYS:
        found = _measured(client, node, keys, 0 if every_key else 5)
    else:
        average = dataset // total
        found = SlotSurvey(
            keys=keys,
            bytes={slot: count * average for slot, count in keys.items()},
            measured="the average size of a node's keys",
        )
    if stats := _slot_stats(client, node, keys):
        sizes = {slot: stats[slot] for slot in keys if slot in stats}
        return SlotSurvey(keys=keys, bytes=sizes, big=found.big, measured="CLUSTER SLOT-STATS")
    return found


def survey_moves(
    client: Connections, seen: Observed, moves: Iterable[SlotMove], *, every_key: bool = True
) -> SlotSurvey:
    """Survey the slots of moves, each at its source."""
    nodes = {node.name: node for node in seen.nodes}
    return merged(
        survey_slots(client, nodes[one.source], slots_of(one.slots), every_key=every_key)
        for one in moves
    )


def _counts(client: Connections, node: NodeSeen, slots: Sequence[int]) -> dict[int, int]:
    """The slots that have keys, with their number."""
    commands: list[Command] = [("CLUSTER", "COUNTKEYSINSLOT", slot) for slot in slots]
    replies = pipelined(client, node, commands, [ZERO] * len(commands))
    return {slot: int(str(n)) for slot, n in zip(slots, replies, strict=True) if n}


def _slot_stats(client: Connections, node: NodeSeen, slots: Collection[int]) -> Mapping[int, int]:
    """Slot -> bytes; empty if the server doesn't count them (cluster-slot-stats-enabled), which is
    seen from one slot: the reply for all of them is long."""
    first, last = min(slots), max(slots)
    if not _stats(client, node, first, first):
        return {}
    return _stats(client, node, first, last)


def _stats(client: Connections, node: NodeSeen, first: int, last: int) -> Mapping[int, int]:
    asked: Command = ("CLUSTER", "SLOT-STATS", "SLOTSRANGE", first, last)
    reply = client.execute(node.endpoint, [asked])[0]
    found: dict[int, int] = {}
    for slot, stats in reply if isinstance(reply, list) else ():
        pairs = dict(zip(map(text_of, stats[::2]), stats[1::2], strict=True))
        if "memory-bytes" in pairs:
            found[int(slot)] = int(pairs["memory-bytes"])
    return found


def _measured(
    client: Connections, node: NodeSeen, keys: Mapping[int, int], most: int
) -> SlotSurvey:
    """Measure the keys, all of them or only so many of each slot."""
    sizes: dict[int, int] = {}
    big: list[BigKey] = []
    for some in _chunks(keys, most):
        asked = [("CLUSTER", "GETKEYSINSLOT", slot, most or keys[slot] + 100) for slot in some]
        listed = pipelined(client, node, asked)
        names = [
            (slot, key)
            for slot, found in zip(some, listed, strict=True)
            for key in (found if isinstance(found, list) else ())
            if isinstance(key, bytes)
        ]
        usage = client.execute(node.endpoint, [("MEMORY", "USAGE", key) for _, key in names])
        seen: dict[int, int] = {}
        for (slot, key), used in zip(names, usage, strict=True):
            if not isinstance(used, int):
                continue  # it has expired since
            sizes[slot] = sizes.get(slot, 0) + used
            seen[slot] = seen.get(slot, 0) + 1
            if used >= BIG_BYTES:
                big.append(BigKey(slot=slot, key=key, bytes=used))
        for slot, count in seen.items():
            if most and count < keys[slot]:
                sizes[slot] = sizes[slot] * keys[slot] // count
    how = f"MEMORY USAGE of {most} keys of a slot" if most else "MEMORY USAGE of every key"
    return SlotSurvey(keys=keys, bytes=sizes, big=tuple(big), measured=how)


def _chunks(keys: Mapping[int, int], most: int) -> Iterator[list[int]]:
    """Slots in groups whose keys are a pipeline each."""
    some: list[int] = []
    count = 0
    for slot, n in keys.items():
        some.append(slot)
        count += min(n, most) if most else n
        if count >= PIPELINE:
            yield some
            some, count = [], 0
    if some:
        yield some


def text_of(reply: Reply) -> str:
    """Return a reply as text; over a binary connection, strings are bytes."""
    return reply.decode(errors="replace") if isinstance(reply, bytes) else str(reply)


def pipelined(
    client: Connections,
    node: NodeSeen,
    commands: Sequence[Command],
    usual: Sequence[UsualReply] = (),
) -> list[Reply]:
    """Send commands in pipelines of a bounded length; raises BadReply for the first error. `usual`
    are the replies that the commands have in most cases."""
    found: list[Reply] = []
    for part in in_pipelines(commands):
        replies = client.execute(node.endpoint, commands[part], usual[part])
        raise_on_errors(node, commands[part], replies)
        found += replies
    return found


def in_pipelines(commands: Sequence[Command]) -> Iterator[slice]:
    """Yield the parts of these commands that are sent at a time, in their order."""
    for start in range(0, len(commands), PIPELINE):
        yield slice(start, start + PIPELINE)


def raise_on_errors(node: NodeSeen, commands: Sequence[Command], replies: Sequence[Reply]) -> None:
    """Raise BadReply for the first error among the replies to these commands."""
    for command, reply in zip(commands, replies, strict=True):
        # a primary became a replica with the last slot that it gave
        if isinstance(reply, ErrorReply) and reply.code != "UNBLOCKED":
            raise_on_error(reply, f"{node.name}: {' '.join(map(str, command[:2]))}")
