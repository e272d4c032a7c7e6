"""Checks on what surrounds a topology: its ports, and what earlier runs left behind."""

from collections.abc import Iterator

from redistopo.checks.subject import CheckResult, fail, ok, skip, warn
from redistopo.doctor.facts import DoctorFacts, PortSeen, TopologyPresence, pid_in

PORTS = "ports"
LEFT = "leftovers"


def free(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Every data and bus port is free, or held by the topology's own node."""
    seen = facts.ports
    if seen is None:
        yield skip("no topology file to take them from", PORTS)
        return
    if seen.foreign_host:
        told = f"this machine has no address {seen.foreign_host}"
        yield fail(PORTS, told, "change `host` in redistopo.toml; 127.0.0.1 is always there")
        return
    held: dict[str, list[PortSeen]] = {}
    for one in seen.ports:
        if one.holder:
            held.setdefault(one.holder, []).append(one)
    for holder, ports in held.items():
        yield _held(holder, ports)
    if not held:
        whose = "our own nodes'" if seen.running else "free"
        yield ok(f"{seen.block}: {whose}", PORTS)


def _held(holder: str, ports: list[PortSeen]) -> CheckResult:
    numbers = tuple(one.port for one in ports)
    told = f"{ports[0].use} port {numbers[0]} is" if len(ports) == 1 else f"{_span(numbers)} are"
    if holder.startswith("reserved"):
        hint = "only one of the two can run: choose another `port` in one redistopo.toml"
        return warn(PORTS, f"{told} free, and {holder}", hint)
    hint = "stop that program, or choose another `port` in redistopo.toml"
    if pid := pid_in(holder):
        hint = f"stop it (kill {pid}, if it is yours), or choose another `port`"
    return fail(PORTS, f"{told} held by {holder}", hint)


def ephemeral(facts: DoctorFacts) -> Iterator[CheckResult]:
    """No port lies where the system takes ports for outgoing connections from."""
    seen = facts.ports
    if seen is None or seen.span is None:
        yield skip(
            "no topology file to take them from, or the system doesn't tell its range", PORTS
        )
    elif seen.inside:
        first, last = seen.span
        ports = f"{seen.inside[0]}" + (f" to {seen.inside[-1]}" if len(seen.inside) > 1 else "")
        told = f"port {ports} may be taken at any time: the system hands out {first} to {last}"
        hint = f"choose ports (and bus ports, +10000) below {first}"
        if facts.system != "darwin":
            hint += f", or: sudo sysctl net.ipv4.ip_local_reserved_ports={_span(seen.inside)}"
        yield warn(PORTS, told, hint)
    else:
        first, last = seen.span
        yield ok(f"none lies in {first} to {last}, which the system hands out", PORTS)


def _span(ports: tuple[int, ...]) -> str:
    """``7000-7005``, or each one where they don't follow each other, as in ``7000,17000``."""
    if len(ports) > 1 and ports[-1] - ports[0] == len(ports) - 1:
        return f"{ports[0]}-{ports[-1]}"
    return ",".join(map(str, ports))


def folders(facts: DoctorFacts) -> Iterator[CheckResult]:
    """No topology is on the list whose folder is gone, and no node's folder is left over."""
    left = facts.leftovers
    if left.gone:
        name, root = left.gone[0]
        more = f", as are {len(left.gone) - 1} more" if len(left.gone) > 1 else ""
        told = f"the folder of {name} is gone, but on the list of `redistopo ps`: {root}{more}"
        yield warn(LEFT, told, "redistopo doctor --fix takes what is gone off the list")
    for one in left.empty:
        hint = f"redistopo doctor --fix, or: rm -r {one}"
        yield warn(LEFT, f"{one} belongs to no node, and holds no data", hint)
    for one in left.kept:
        hint = f"look at it first; it is yours to remove: rm -r {one}"
        yield warn(LEFT, f"{one} belongs to no node, and holds data", hint)
    if not (left.gone or left.empty or left.kept):
        yield ok("no folder and no entry is left over", LEFT)


def orphans(facts: DoctorFacts) -> Iterator[CheckResult]:
    """No server works in a state folder of ours without being on record."""
    for one in facts.leftovers.orphans:
        told = f"pid {one.mark.pid} serves in {one.folder}, and no topology has it on record"
        hint = f"kill -TERM {one.mark.pid}   (it saves first, if it can)"
        if one.listed:
            hint = f"redistopo doctor --fix asks, and ends it; or: {hint}"
        yield warn(LEFT, told, hint)
    if not facts.leftovers.orphans:
        yield ok("no server of ours is left over", LEFT)


def secrets(facts: DoctorFacts) -> Iterator[CheckResult]:
    """What holds a password is for its owner alone."""
    for one in facts.leftovers.loose:
        told = f"{one.path} holds secrets, and others may read it (mode {one.mode:o})"
        yield fail(LEFT, told, f"redistopo doctor --fix, or: chmod {one.wanted:o} {one.path}")
    if not facts.leftovers.loose:
        yield ok("files with passwords are for you alone", LEFT)


def started(facts: DoctorFacts) -> Iterator[CheckResult]:
    """There is a topology to look at, and it runs."""
    seen = facts.topology
    match seen.started:
        case TopologyPresence.BROKEN:
            yield fail(seen.name, seen.trouble, seen.hint)
        case TopologyPresence.NO_FILE:
            yield skip(f"{seen.trouble}: this machine alone was looked at", seen.name)
        case TopologyPresence.NEVER:
            yield skip("nothing was started here yet: redistopo up", seen.name)
        case TopologyPresence.STOPPED:
            told = f"none of its {seen.nodes} nodes runs: it was stopped, its data is kept"
            yield warn(seen.name, told, "redistopo up")
        case TopologyPresence.ENDED:
            told = f"none of its {seen.nodes} nodes runs, and nobody stopped them by redistopo"
            yield fail(seen.name, told, "redistopo up brings them back; redistopo logs says why")
        case TopologyPresence.RUNNING if seen.trouble:
            yield fail(seen.name, seen.trouble, seen.hint)
        case TopologyPresence.RUNNING:
            yield ok("it runs; its own checks follow", seen.name)
