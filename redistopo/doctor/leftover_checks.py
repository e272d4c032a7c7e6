"""Checks of a topology's surroundings: its ports, and what earlier runs left."""

from collections.abc import Iterator

from redistopo.checks.check_types import CheckResult, fail, ok, skip, warn
from redistopo.doctor.facts import DoctorFacts, PortSeen, TopologyPresence, pid_in
from redistopo.model.remedies.no_other_copy import no_data_in
from redistopo.model.remedies.of_machine import end_process, remove_folder
from redistopo.model.remedies.remedy import joined

PORTS = "ports"
LEFT = "leftovers"


def free(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that every data and bus port is free, or held by the topology's own node."""
    seen = facts.ports
    if seen is None:
        yield skip("no topology with ports on this machine", PORTS)
        return
    if seen.foreign_host:
        text = f"this machine has no address {seen.foreign_host}"
        yield fail(PORTS, text, "change `host` in redistopo.toml; 127.0.0.1 always exists")
        return
    held: dict[str, list[PortSeen]] = {}
    for one in seen.ports:
        if one.holder:
            held.setdefault(one.holder, []).append(one)
    for holder, ports in held.items():
        yield _held(holder, ports)
    if not held:
        state = "held by the topology's own nodes" if seen.running else "free"
        yield ok(f"{seen.block}: {state}", PORTS)


def _held(holder: str, ports: list[PortSeen]) -> CheckResult:
    numbers = tuple(one.port for one in ports)
    text = f"{ports[0].use} port {numbers[0]} is" if len(ports) == 1 else f"{_span(numbers)} are"
    if holder.startswith("reserved"):
        hint = "only one of the two can run: choose another `port` in one redistopo.toml"
        return warn(PORTS, f"{text} free, but {holder}", hint)
    hint = "stop that program, or choose another `port` in redistopo.toml"
    if pid := pid_in(holder):
        hint = end_process(
            str(pid), before="stop it (", after=", if it is yours), or choose another `port`"
        )
    return fail(PORTS, f"{text} in use by {holder}", hint)


def ephemeral(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that no port is in the range from which the system takes ephemeral ports."""
    seen = facts.ports
    if seen is None or seen.span is None:
        yield skip(
            "no topology with ports here, or the system doesn't report its ephemeral range",
            PORTS,
        )
    elif seen.inside:
        first, last = seen.span
        ports = f"{seen.inside[0]}" + (f" to {seen.inside[-1]}" if len(seen.inside) > 1 else "")
        text = f"port {ports} may be taken at any time: the ephemeral range is {first} to {last}"
        hint = f"choose ports (and bus ports, +10000) below {first}"
        if facts.system != "darwin":
            kept = ",".join(filter(None, (seen.reserved, _span(seen.inside))))
            hint += f", or: sudo sysctl net.ipv4.ip_local_reserved_ports={kept}"
        yield warn(PORTS, text, hint)
    else:
        first, last = seen.span
        yield ok(f"all outside the ephemeral range, {first} to {last}", PORTS)


def _span(ports: tuple[int, ...]) -> str:
    """Return ``7000-7005``, or each port if they are not consecutive, as in ``7000,17000``."""
    if len(ports) > 1 and ports[-1] - ports[0] == len(ports) - 1:
        return f"{ports[0]}-{ports[-1]}"
    return ",".join(map(str, ports))


def folders(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that every listed topology has its folder, and no node folder is left over."""
    left = facts.leftovers
    if left.gone:
        name, root = left.gone[0]
        more = f", and {len(left.gone) - 1} more" if len(left.gone) > 1 else ""
        text = f"the folder of {name} is gone, but on the list of `redistopo ps`: {root}{more}"
        yield warn(LEFT, text, "redistopo doctor --fix removes missing folders from the list")
    for one in left.empty:
        hint = joined("redistopo doctor --fix, or: ", remove_folder(one, no_data_in(one)))
        yield warn(LEFT, f"{one} belongs to no node, and has no data", hint)
    for one in left.kept:
        yield warn(LEFT, f"{one} belongs to no node, but has data", remove_folder(one, None))
    if not (left.gone or left.empty or left.kept):
        yield ok("no folder and no list entry is left over", LEFT)


def orphans(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that no server runs in a state folder without being recorded there."""
    for one in facts.leftovers.orphans:
        text = f"pid {one.mark.pid} runs in {one.folder}, but no topology has recorded it"
        by_fix = "redistopo doctor --fix asks, and ends it; or" if one.listed else ""
        lost = "what it can't save: it saves first"
        hint = joined(by_fix, end_process(f"-TERM {one.mark.pid}", lost=lost), by=": ")
        yield warn(LEFT, text, hint)
    if not facts.leftovers.orphans:
        yield ok("no unrecorded server is running", LEFT)


def secrets(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that files with passwords are readable by their owner only."""
    for one in facts.leftovers.unprotected:
        text = f"{one.path} contains secrets, but others can read it (mode {one.mode:o})"
        yield fail(LEFT, text, f"redistopo doctor --fix, or: chmod {one.wanted:o} {one.path}")
    if not facts.leftovers.unprotected:
        yield ok("files with passwords are readable by you only", LEFT)


def started(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that there is a topology to examine, and that it runs."""
    seen = facts.topology
    match seen.presence:
        case TopologyPresence.BROKEN:
            yield fail(seen.name, seen.trouble, seen.hint)
        case TopologyPresence.NO_FILE:
            yield skip(f"{seen.trouble}: only this machine was checked", seen.name)
        case TopologyPresence.NEVER:
            yield skip("not started yet: redistopo up", seen.name)
        case TopologyPresence.STOPPED:
            text = f"none of its {seen.nodes} nodes runs: it was stopped, its data is kept"
            yield warn(seen.name, text, "redistopo up")
        case TopologyPresence.ENDED:
            text = f"none of its {seen.nodes} nodes runs, but redistopo did not stop them"
            yield fail(seen.name, text, "redistopo up starts them again; redistopo logs shows why")
        case TopologyPresence.RUNNING if seen.trouble:
            yield fail(seen.name, seen.trouble, seen.hint)
        case TopologyPresence.RUNNING:
            yield ok("running; its own checks follow", seen.name)
