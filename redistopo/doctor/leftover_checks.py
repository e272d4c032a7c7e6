"""Checks on what surrounds a topology: its ports, and what earlier runs left behind."""

from collections.abc import Iterator

from redistopo.checks.subject import Answer, bad, doubtful, good, skipped
from redistopo.doctor.facts import Facts, PortSeen, Started, pid_in

PORTS = "ports"
LEFT = "leftovers"


def free(facts: Facts) -> Iterator[Answer]:
    """Every data and bus port is free, or held by the topology's own node."""
    seen = facts.ports
    if seen is None:
        yield skipped("no topology file to take them from", PORTS)
        return
    if seen.astray:
        told = f"this machine has no address {seen.astray}"
        yield bad(PORTS, told, "change `host` in redistopo.toml; 127.0.0.1 is always there")
        return
    held: dict[str, list[PortSeen]] = {}
    for one in seen.ports:
        if one.holder:
            held.setdefault(one.holder, []).append(one)
    for holder, ports in held.items():
        yield _held(holder, ports)
    if not held:
        whose = "our own nodes'" if seen.running else "free"
        yield good(f"{seen.block}: {whose}", PORTS)


def _held(holder: str, ports: list[PortSeen]) -> Answer:
    numbers = tuple(one.port for one in ports)
    told = f"{ports[0].use} port {numbers[0]} is" if len(ports) == 1 else f"{_span(numbers)} are"
    if holder.startswith("reserved"):
        hint = "only one of the two can run: choose another `port` in one redistopo.toml"
        return doubtful(PORTS, f"{told} free, and {holder}", hint)
    hint = "stop that program, or choose another `port` in redistopo.toml"
    if pid := pid_in(holder):
        hint = f"stop it (kill {pid}, if it is yours), or choose another `port`"
    return bad(PORTS, f"{told} held by {holder}", hint)


def ephemeral(facts: Facts) -> Iterator[Answer]:
    """No port lies where the system takes ports for outgoing connections from."""
    seen = facts.ports
    if seen is None or seen.span is None:
        yield skipped(
            "no topology file to take them from, or the system doesn't tell its range", PORTS
        )
    elif seen.inside:
        first, last = seen.span
        ports = f"{seen.inside[0]}" + (f" to {seen.inside[-1]}" if len(seen.inside) > 1 else "")
        told = f"port {ports} may be taken at any time: the system hands out {first} to {last}"
        hint = f"choose ports (and bus ports, +10000) below {first}"
        if facts.system != "darwin":
            hint += f", or: sudo sysctl net.ipv4.ip_local_reserved_ports={_span(seen.inside)}"
        yield doubtful(PORTS, told, hint)
    else:
        first, last = seen.span
        yield good(f"none lies in {first} to {last}, which the system hands out", PORTS)


def _span(ports: tuple[int, ...]) -> str:
    """``7000-7005``, or each one where they don't follow each other, as in ``7000,17000``."""
    if len(ports) > 1 and ports[-1] - ports[0] == len(ports) - 1:
        return f"{ports[0]}-{ports[-1]}"
    return ",".join(map(str, ports))


def folders(facts: Facts) -> Iterator[Answer]:
    """No topology is on the list whose folder is gone, and no node's folder is left over."""
    left = facts.leftovers
    if left.gone:
        name, root = left.gone[0]
        more = f", as are {len(left.gone) - 1} more" if len(left.gone) > 1 else ""
        told = f"the folder of {name} is gone, but on the list of `redistopo ps`: {root}{more}"
        yield doubtful(LEFT, told, "redistopo doctor --fix takes what is gone off the list")
    for one in left.empty:
        hint = f"redistopo doctor --fix, or: rm -r {one}"
        yield doubtful(LEFT, f"{one} belongs to no node, and holds no data", hint)
    for one in left.kept:
        hint = f"look at it first; it is yours to remove: rm -r {one}"
        yield doubtful(LEFT, f"{one} belongs to no node, and holds data", hint)
    if not (left.gone or left.empty or left.kept):
        yield good("no folder and no entry is left over", LEFT)


def orphans(facts: Facts) -> Iterator[Answer]:
    """No server works in a state folder of ours without being on record."""
    for one in facts.leftovers.orphans:
        told = f"pid {one.mark.pid} serves in {one.folder}, and no topology has it on record"
        hint = f"kill -TERM {one.mark.pid}   (it saves first, if it can)"
        if one.listed:
            hint = f"redistopo doctor --fix asks, and ends it; or: {hint}"
        yield doubtful(LEFT, told, hint)
    if not facts.leftovers.orphans:
        yield good("no server of ours is left over", LEFT)


def secrets(facts: Facts) -> Iterator[Answer]:
    """What holds a password is for its owner alone."""
    for one in facts.leftovers.loose:
        told = f"{one.path} holds secrets, and others may read it (mode {one.mode:o})"
        yield bad(LEFT, told, f"redistopo doctor --fix, or: chmod {one.wanted:o} {one.path}")
    if not facts.leftovers.loose:
        yield good("files with passwords are for you alone", LEFT)


def started(facts: Facts) -> Iterator[Answer]:
    """There is a topology to look at, and it runs."""
    seen = facts.topology
    match seen.started:
        case Started.BROKEN:
            yield bad(seen.name, seen.trouble, seen.hint)
        case Started.NO_FILE:
            yield skipped(f"{seen.trouble}: this machine alone was looked at", seen.name)
        case Started.NEVER:
            yield skipped("nothing was started here yet: redistopo up", seen.name)
        case Started.STOPPED:
            told = f"none of its {seen.nodes} nodes runs: it was stopped, its data is kept"
            yield doubtful(seen.name, told, "redistopo up")
        case Started.ENDED:
            told = f"none of its {seen.nodes} nodes runs, and nobody stopped them by redistopo"
            yield bad(seen.name, told, "redistopo up brings them back; redistopo logs says why")
        case Started.RUNNING if seen.trouble:
            yield bad(seen.name, seen.trouble, seen.hint)
        case Started.RUNNING:
            yield good("it runs; its own checks follow", seen.name)
