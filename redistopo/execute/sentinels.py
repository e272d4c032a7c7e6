"""Sentinels that know each other at once, and that fail over when they are asked to."""

from collections.abc import Iterable

from redistopo.client.observe import Depth
from redistopo.errors import BadReply, TimedOut
from redistopo.execute.context import Hands
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.plan import NodePlan
from redistopo.model.state.observed import Observed
from redistopo.progress import warn

HELLO = "__sentinel__:hello"

_CHOICE_SECONDS = 10.0
"""For a replica to be fit in a Sentinel's eyes, and to lead: it asks each once a second."""


def introduce(hands: Hands, names: Iterable[str]) -> None:
    """Each of these Sentinels knows the others.

    A Sentinel says hello on a channel of the data nodes, for the first time 2 s after its
    start (sentinel.c, SENTINEL_PUBLISH_PERIOD), and takes the same words by PUBLISH, as
    Sentinels send them to each other (sentinelPublishCommand). So we say for each what it
    will say itself. What it never hears so, it hears 2 s later.
    """
    nodes = hands.nodes(names)
    said = {node.name: _hello(hands, node) for node in nodes}
    for node in nodes:
        for other, words in said.items():
            if words and other != node.name:
                hands.order(node, "PUBLISH", HELLO, words)


def _hello(hands: Hands, node: NodePlan) -> str:
    """What the Sentinel says of itself and of its primary (sentinel.c, sentinelSendHello)."""
    own = hands.order(node, "SENTINEL", "MYID")
    seen = next(one for one in _look(hands).nodes if one.name == node.name)
    if not seen.watches:
        return ""
    watch = seen.watches[0]
    about = f"{node.host},{node.port},{own},{watch.epoch}"
    return f"{about},{watch.name},{watch.host},{watch.port},{watch.epoch}"


def _look(hands: Hands) -> Observed:
    return hands.look(Depth.HEALTH)


def fail_over(hands: Hands) -> None:
    """The Sentinels name another primary than the one that doesn't run, and it is one.

    SENTINEL FAILOVER needs no agreement; where they have begun by themselves, they are left
    to it. Where they find nobody fit in time, that is on record in `hands`, and told.
    """
    before = _look(hands).named
    deadline = Deadline(min(_CHOICE_SECONDS, hands.deadline.left))
    said = [""]

    def look() -> bool | None:
        seen = _look(hands)
        leader = seen.at(seen.named) if seen.named else None
        if leader is not None and seen.named != before and leader.info.get("role") == "master":
            return True
        _ask(hands, seen, said)
        return None

    try:
        wait_for(look, deadline, lambda: said[0], pause=0.05)
    except TimedOut:
        hands.refused = True
        lead = hands.plan.shards[0].primary
        warn(hands.tell, f"no other primary was chosen ({said[0]}): {lead} is started as it was")


def _ask(hands: Hands, seen: Observed, said: list[str]) -> None:
    """One Sentinel that has not begun is asked to begin."""
    told = [(node, watch) for node in seen.sentinels for watch in node.watches]
    if not told or any("failover_in_progress" in watch.flags for _, watch in told):
        return
    node, watch = told[0]
    try:
        hands.order(hands.plan.node(node.name), "SENTINEL", "FAILOVER", watch.name)
    except BadReply as error:
        said[0] = error.detail
