"""Planned failover by Sentinels: one of them promotes the chosen replica.

`SENTINEL FAILOVER` needs three ticks (each 50 to 100 ms: sentinel.c, sentinelTimer) until the
promotion, and then the Sentinel learns of its success only when it next queries the replica, up
to a second later (sentinelSendPeriodicCommands: INFO once a second in a failover). Until then it
names the former primary. So we notify every Sentinel, including that one, as soon as the replica
reports its new role, by the hello message that Sentinels send each other (see `introduce`), in
the new epoch.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

from redistopo.client.sentinel_events import Poll, subscription
from redistopo.client.target import Detail
from redistopo.errors import BadReply, RedistopoError, TimedOut, Unreachable
from redistopo.execute.handover_steps import HandoverState
from redistopo.execute.introduce_sentinels import HELLO
from redistopo.host.polling import Deadline, wait_for
from redistopo.model.planning.handover import preferring
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.sentinel_replies import MonitoredPrimary
from redistopo.model.state.observed import NodeSeen, Role
from redistopo.progress import warn

_PROMOTE_SECONDS = 1.5
_CALL_OFF_SECONDS = 1.0
_PRIORITY = "replica-priority"
_INFO_PERIOD = "info-period"
_OFTEN = 500
"""Milliseconds between a Sentinel's INFO queries while it has to learn a priority; default 10 s."""

_EPOCH, _CHOICE = "+new-epoch", "+selected-slave"
_GIVEN_UP = ("-failover-abort-no-good-slave", "-failover-abort-slave-timeout")


@contextmanager
def chosen(change: HandoverState) -> Iterator[HandoverState]:
    """Wait until a Sentinel, `asked`, is ready and would promote no other replica.

    Sentinels choose by priority, then by the last known offset (sentinel.c,
    compareSlavesForPromotion). So priorities are changed temporarily; if this process is killed,
    the next `up` restores them like any drift. Raises TimedOut if no Sentinel learns them.
    """
    context = change.context
    data = {node.name: node for node in (change.to, *change.followers)}
    usual = {name: _priority(change, node) for name, node in data.items()}
    wanted = preferring(usual, change.to.name)
    with ExitStack() as stack:
        moved = {name: value for name, value in wanted.items() if value != usual[name]}
        for name, value in moved.items():
            stack.callback(_set_back, change, data[name], usual[name])
            context.send(data[name], "CONFIG", "SET", _PRIORITY, value)
        for node in _sentinels(change) if moved else ():
            _ask_often(change, node, stack)
        by_address = {data[name].address: value for name, value in wanted.items()}
        yield replace(change, asked=_ready(change, by_address))


def _priority(change: HandoverState, node: NodePlan) -> int:
    said = change.context.send(node, "CONFIG", "GET", _PRIORITY)
    return int(said[1]) if isinstance(said, list) and len(said) == 2 else 100


def _set_back(change: HandoverState, node: NodePlan, value: int) -> None:
    """Restore the priority, also in the node's file, which Sentinels make a promoted node write
    (sentinel.c, sentinelSendSlaveOf)."""
    try:
        change.context.send(node, "CONFIG", "SET", _PRIORITY, value)
        change.context.send(node, "CONFIG", "REWRITE")
    except RedistopoError as error:
        warn(change.context.progress, f"{error.message}; redistopo up restores {_PRIORITY}")


def _ask_often(change: HandoverState, node: NodePlan, stack: ExitStack) -> None:
    """Make a Sentinel query its replicas often; since 7.0. An older one does so every 10 s."""
    context = change.context
    with suppress(RedistopoError):
        said = context.send(node, "SENTINEL", "DEBUG")
        told = [str(word).lower() for word in said] if isinstance(said, list) else []
        if _INFO_PERIOD in told:
            was = told[told.index(_INFO_PERIOD) + 1]
            stack.callback(_debug, change, node, was)
            context.send(node, "SENTINEL", "DEBUG", _INFO_PERIOD, _OFTEN)


def _debug(change: HandoverState, node: NodePlan, period: str) -> None:
    with suppress(RedistopoError):
        change.context.send(node, "SENTINEL", "DEBUG", _INFO_PERIOD, period)


def _sentinels(change: HandoverState) -> tuple[NodePlan, ...]:
    """The Sentinels that replied just before."""
    names = {node.name for node in change.seen.sentinels}
    return tuple(node for node in change.context.plan.sentinels if node.name in names)


def _ready(change: HandoverState, priorities: Mapping[str, int]) -> NodePlan:
    """The first Sentinel that knows these priorities and isn't in a failover."""
    said = [""]

    def look() -> NodePlan | None:
        seen = change.context.observe(Detail.HEALTH)
        reasons = {node.name: _unready(change, node, priorities) for node in seen.sentinels}
        said[0] = "\n".join(f"{name}: {reason}" for name, reason in reasons.items())
        first = next((name for name, reason in reasons.items() if not reason), None)
        return change.context.plan.node(first) if first else None

    def late() -> TimedOut:
        return TimedOut(
            f"no Sentinel would promote {change.to.name}",
            detail=said[0],
            hint="nothing was changed; see redistopo verify",
        )

    return wait_for(look, Deadline(change.context.deadline.left / 2), late, pause=0.05)


def _unready(change: HandoverState, node: NodeSeen, priorities: Mapping[str, int]) -> str:
    """Why a Sentinel wouldn't promote the chosen replica; "" if it would."""
    watch = next((one for one in node.watches if one.address == change.before.address), None)
    if watch is None:
        return f"doesn't name {change.before.name}"
    if "failover_in_progress" in watch.flags:
        return "is in the middle of a failover"
    for peer in watch.replicas:
        wanted = priorities.get(peer.address)
        if peer.down and peer.address == change.to.address:
            return f"has {change.to.name} as down"
        if wanted is not None and peer.priority != wanted:
            return f"still knows {_PRIORITY} {peer.priority} of {peer.address}"
    if change.to.address not in {peer.address for peer in watch.replicas}:
        return f"doesn't know {change.to.name}"
    return ""


def promote(change: HandoverState) -> None:
    """Make a Sentinel promote the replica, and all Sentinels name it.

    Raises RedistopoError if it refuses, or chooses another replica.
    """
    asked = change.asked
    if asked is None:
        raise RedistopoError("no Sentinel is available")
    context = change.context
    with subscription(
        asked.endpoint, context.credentials.login_to(asked.endpoint), (_EPOCH, _CHOICE, *_GIVEN_UP)
    ) as poll:
        context.send(asked, "SENTINEL", "FAILOVER", context.plan.topology.name)
        epoch = _await_promotion(change, poll)
    if epoch:
        _spread(change, epoch)


def _await_promotion(change: HandoverState, poll: Poll) -> int:
    """Wait for the promotion, and return the failover's epoch, which the Sentinel publishes
    first. Raises RedistopoError if it gives up, or chooses another replica."""
    epoch = [0]

    def look() -> int | None:
        while message := poll():
            channel, text = message
            words = text.split()
            if channel == _EPOCH and words[0].isdecimal():
                epoch[0] = int(words[0])
            elif channel == _CHOICE and f"{change.to.host} {change.to.port}" not in text:
                raise RedistopoError(f"the Sentinel chose {' '.join(words[2:4])}")
            elif channel in _GIVEN_UP:
                raise RedistopoError("the Sentinel aborted the failover", detail=channel)
        with suppress(Unreachable):  # a promoted node disconnects all clients
            return epoch[0] if change.is_primary(change.to) else None
        return None

    late = TimedOut(
        f"{change.to.name} was not promoted within {_PROMOTE_SECONDS:g} s of paused writes",
        hint=f"{asked.name}: {asked.log_hint}" if (asked := change.asked) else "",
    )
    return wait_for(look, Deadline(_PROMOTE_SECONDS), lambda: late, pause=0.002, most=0.01)


def _spread(change: HandoverState, epoch: int) -> None:
    """Announce the new primary in that epoch to every Sentinel. One that we can't reach learns
    it from the others, within 2 s."""
    seen = {node.name: node for node in change.seen.sentinels}
    for node in _sentinels(change):
        for watch in seen[node.name].watches:
            if words := _hello(change, watch, epoch):
                with suppress(RedistopoError):
                    change.context.send(node, "PUBLISH", HELLO, words)


def _hello(change: HandoverState, watch: MonitoredPrimary, epoch: int) -> str:
    """The hello message of another Sentinel about the new primary (sentinel.c,
    sentinelSendHello), preferably of the one that promoted it. "" if it knows no other."""
    asked = change.asked.address if change.asked else ""
    peer = max(watch.sentinels, key=lambda one: one.address == asked, default=None)
    if peer is None:
        return ""
    about = f"{peer.host},{peer.port},{peer.id},{epoch}"
    return f"{about},{watch.name},{change.to.host},{change.to.port},{epoch}"


def call_off(change: HandoverState) -> None:
    """Abort the Sentinel's failover, and demote promoted replicas: with a timeout of a millisecond
    it gives up at its next tick (sentinel.c, sentinelFailoverWaitPromotion)."""
    asked, context = change.asked, change.context
    if asked is None:
        return
    name = context.plan.topology.name
    usual = context.plan.topology.failover_timeout

    def over() -> bool | None:
        seen = next(one for one in context.observe(Detail.HEALTH).nodes if one.name == asked.name)
        busy = any("failover_in_progress" in watch.flags for watch in seen.watches)
        return None if busy else True

    with suppress(RedistopoError):
        if not over():
            context.send(asked, "SENTINEL", "SET", name, "failover-timeout", 1)
            try:
                wait_for(over, Deadline(_CALL_OFF_SECONDS), pause=0.02)
            finally:
                context.send(asked, "SENTINEL", "SET", name, "failover-timeout", usual)
    replicas = {node.address: node for node in (change.to, *change.followers)}
    for seen in context.observe(Detail.HEALTH).answering:
        if seen.role is Role.PRIMARY and seen.address in replicas:
            with suppress(RedistopoError):
                before = change.before
                context.send(replicas[seen.address], "REPLICAOF", before.host, before.port)


def named(change: HandoverState, node: NodePlan) -> str:
    """Return the address of the primary that the Sentinel names."""
    name = change.context.plan.topology.name
    try:
        said = change.context.send(node, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
    except BadReply:
        return ""
    return ":".join(map(str, said)) if isinstance(said, list) else ""
