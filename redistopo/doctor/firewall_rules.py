"""What a firewall does with connections from other machines to a TCP port, by its own output."""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum

from redistopo.quick_dataclass import dataclass


class PortExposure(StrEnum):
    """Whether connections to the port are allowed. `SOME`: from some addresses or interfaces, or
    subject to rules that are not followed here."""

    OPEN = "open"
    CLOSED = "closed"
    SOME = "some"
    OFF = "off"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class FirewallSeen:
    """One firewall of this machine: `command` prints its rules, `output` is the result; "" if only
    root can read it. `active` is None if unknown."""

    name: str
    command: str
    active: bool | None
    output: str = ""


@dataclass(frozen=True, slots=True)
class FirewallVerdict:
    """What one firewall does with a port, and the evidence."""

    exposure: PortExposure
    evidence: str


def exposure_of(seen: FirewallSeen, port: int) -> FirewallVerdict:
    """Return what that firewall does with connections from other machines to a TCP port."""
    if seen.active is False:
        return FirewallVerdict(PortExposure.OFF, f"{seen.name} is off")
    if not seen.output:
        state = "is on, and its rules" if seen.active else "is installed, and its state"
        return FirewallVerdict(
            PortExposure.UNKNOWN,
            f"{seen.name} {state} can't be read without root",
        )
    return _READERS[seen.name](seen.output, port)


def ufw_conf(text: str) -> bool | None:
    """Return whether /etc/ufw/ufw.conf, which every user can read, enables it; None if unclear."""
    found = re.findall(r"^\s*ENABLED\s*=\s*[\"']?(\w+)", text, re.MULTILINE)
    return {"yes": True, "no": False}.get(found[-1].lower()) if found else None


def ufw(output: str, port: int) -> FirewallVerdict:
    """Read `ufw status verbose`: the first rule that matches the port, else the default."""
    if re.search(r"^Status:\s*inactive", output, re.MULTILINE):
        return FirewallVerdict(PortExposure.OFF, "ufw is off")
    for line in output.splitlines():
        rule = re.match(r"(\S+)(?: \(v6\))?\s+(ALLOW|DENY|REJECT|LIMIT)(?: IN)?\s+(.+)", line)
        if rule is None or not _ufw_means(rule[1], port):
            continue
        lets = rule[2] in ("ALLOW", "LIMIT")
        exposure = PortExposure.OPEN if lets else PortExposure.CLOSED
        if not rule[3].startswith("Anywhere"):
            exposure = PortExposure.SOME
        return FirewallVerdict(exposure, f"ufw: {' '.join(line.split())}")
    default = re.search(r"^Default:\s*(\w+) \(incoming\)", output, re.MULTILINE)
    if default is None:
        return FirewallVerdict(PortExposure.UNKNOWN, "ufw is on, and doesn't report its default")
    exposure = PortExposure.OPEN if default[1] == "allow" else PortExposure.CLOSED
    return FirewallVerdict(exposure, f"ufw: no rule for {port}, default {default[1]} (incoming)")


def _ufw_means(word: str, port: int) -> bool:
    numbers, _, protocol = word.partition("/")
    if word == "Anywhere" or protocol == "udp":
        return word == "Anywhere"
    return _in_spans(numbers.split(","), port)


def firewalld(output: str, port: int) -> FirewallVerdict:
    """Read `firewall-cmd --list-all`: the default zone's ports, services and target."""
    if "not running" in output:
        return FirewallVerdict(PortExposure.OFF, "firewalld is off")
    fields = dict(re.findall(r"^\s+([a-z-]+):[ \t]*(.*)$", output, re.MULTILINE))
    if "ports" not in fields and "target" not in fields:
        return FirewallVerdict(PortExposure.UNKNOWN, "firewalld: its output can't be parsed")
    spans = [
        one.removesuffix("/tcp") for one in fields.get("ports", "").split() if "/udp" not in one
    ]
    services = fields.get("services", "").split()
    named = {6379: "redis", 26379: "redis-sentinel"}.get(port, "")
    zone = output.split(None, 1)[0] if output.strip() else ""
    if _in_spans(spans, port) or named in services or fields.get("target") == "ACCEPT":
        return FirewallVerdict(PortExposure.OPEN, f"firewalld: zone {zone} allows {port}/tcp")
    if re.search(rf"\bport=\"?{port}\b", output):
        return FirewallVerdict(
            PortExposure.SOME, f"firewalld: a rich rule of zone {zone} matches it"
        )
    return FirewallVerdict(PortExposure.CLOSED, f"firewalld: {port}/tcp isn't in zone {zone}")


def nftables(output: str, port: int) -> FirewallVerdict:
    """Read `nft list ruleset`: every chain that hooks into input must accept it."""
    chains = list(_input_chains(output))
    if not chains:
        return FirewallVerdict(PortExposure.OPEN, "nftables: no chain hooks into input")
    verdicts = [_chain(policy, rules, port, _nft_rule) for policy, rules in chains]
    return _combined("nftables", verdicts, port)


def iptables(output: str, port: int) -> FirewallVerdict:
    """Read `iptables -S INPUT`: the first rule that matches the port, else the policy."""
    lines = output.splitlines()
    policy = next((line.split()[2] for line in lines if re.match(r"-P INPUT \w+", line)), "")
    if not policy:
        return FirewallVerdict(PortExposure.UNKNOWN, "iptables: its output can't be parsed")
    rules = [line for line in lines if line.startswith("-A INPUT ")]
    return _combined("iptables", [_chain(policy.lower(), rules, port, _iptables_rule)], port)


def mac(output: str, _port: int) -> FirewallVerdict:
    """Read macOS's `socketfilterfw --getglobalstate`: it filters by program, not by port."""
    if re.search(r"State = 0|disabled", output):
        return FirewallVerdict(PortExposure.OFF, "macOS's application firewall is off")
    if re.search(r"State = [12]|enabled", output):
        return FirewallVerdict(PortExposure.SOME, "macOS's application firewall is on: by program")
    unknown = "macOS's application firewall doesn't report its state"
    return FirewallVerdict(PortExposure.UNKNOWN, unknown)


def pf(output: str, port: int) -> FirewallVerdict:
    """Read `pfctl -sr`: the last rule that matches the port decides, or the first `quick` one."""
    last = FirewallVerdict(PortExposure.OPEN, "pf: no rule matches, so it is allowed")
    for line in output.splitlines():
        words = line.split()
        if words[:1] not in (["pass"], ["block"]) or "out" in words[1:4]:
            continue
        ports = re.search(r"\bto .*?port (?:= )?([0-9]+)(?::([0-9]+))?", line)
        if ports and not int(ports[1]) <= port <= int(ports[2] or ports[1]):
            continue
        exposure = PortExposure.OPEN if words[0] == "pass" else PortExposure.CLOSED
        if re.search(r"\b(?:from (?!any)|on )\S", line) or "proto udp" in line:
            exposure = last.exposure if "proto udp" in line else PortExposure.SOME
        last = FirewallVerdict(exposure, f"pf: {line.strip()}")
        if "quick" in words:
            break
    return last


_READERS: dict[str, Callable[[str, int], FirewallVerdict]] = {
    "ufw": ufw,
    "firewalld": firewalld,
    "nftables": nftables,
    "iptables": iptables,
    "pf": pf,
    "macOS": mac,
}

NAMES = tuple(_READERS)
"""The firewalls that can be read."""


def _input_chains(output: str) -> Iterator[tuple[str, list[str]]]:
    """Yield policy and rules of each chain that hooks into input."""
    for found in re.finditer(r"^\s*chain \S+ \{\n(.*?)^\s*\}", output, re.MULTILINE | re.DOTALL):
        lines = [line.strip() for line in found[1].splitlines() if line.strip()]
        head = next((line for line in lines if "hook input" in line), "")
        if head:
            policy = re.search(r"policy (\w+)", head)
            yield (policy[1] if policy else "accept"), [one for one in lines if one != head]


def _chain(
    policy: str, rules: Iterable[str], port: int, read: Callable[[str, int], PortExposure | None]
) -> PortExposure:
    """Return what one chain does with the port: rules are read until one certainly decides.

    If an earlier rule might decide otherwise, the result is `SOME`.
    """
    doubts: set[PortExposure] = set()
    last = PortExposure.OPEN if policy == "accept" else PortExposure.CLOSED
    for rule in rules:
        exposure = read(rule, port)
        if exposure in (PortExposure.OPEN, PortExposure.CLOSED):
            last = exposure
            break
        if exposure is PortExposure.SOME:
            doubts.add(exposure)
    return PortExposure.SOME if doubts else last


_HARMLESS = re.compile(
    r"\bct state\b|ctstate|-m state|iif(name)? \"?lo\b|-i lo\b|\bicmp|ipv6-icmp|\bcounter packets"
    r"[^a-z]*$|\bigmp\b|l4proto (ipv6-)?icmp",
)
"""Rules that do not affect a new connection from another machine to a TCP port."""


def _nft_rule(rule: str, port: int) -> PortExposure | None:
    """Return OPEN or CLOSED if the rule decides for all sources; None if it does not match."""
    rule = re.sub(r"\breject with .*", "reject", rule)
    if _HARMLESS.search(rule) or re.search(r"\budp\b", rule):
        return None
    decides = re.search(r"\b(accept|drop|reject|jump|goto|queue)\b", rule)
    ports = re.search(r"\bdport (?:\{([^}]*)\}|(\S+))", rule)
    if decides is None:
        return None
    if ports and not _in_spans(re.split(r"[\s,]+", (ports[1] or ports[2]).strip()), port):
        return None
    before = rule[: decides.start()].replace(ports[0] if ports else "", "")
    # what is left in front of the decision limits it to some sources
    limits = re.sub(r"\btcp\b|\bmeta l4proto\b|\bip protocol\b|counter( packets \d+ bytes \d+)?"
                    r"|log( prefix \"[^\"]*\")?", "", before).strip()  # fmt: skip
    if limits or decides[1] in ("jump", "goto", "queue"):
        return PortExposure.SOME
    return PortExposure.OPEN if decides[1] == "accept" else PortExposure.CLOSED


def _iptables_rule(rule: str, port: int) -> PortExposure | None:
    rule = re.sub(r" --reject-with \S+", "", rule)
    if _HARMLESS.search(rule) or re.search(r"-p (udp|icmp)", rule):
        return None
    target = re.search(r"-[jg] (\S+)", rule)
    if target is None or target[1] in ("LOG", "NFLOG", "MARK", "CONNMARK", "RETURN"):
        return None
    ports = re.search(r"--dports? (\S+)", rule)
    if ports and not _in_spans(ports[1].split(","), port):
        return None
    rest = re.sub(r"^-A INPUT|-p tcp|-m (tcp|multiport|comment)|--dports? \S+|--comment (\"[^\"]*\""
                  r"|\S+)|-[jg] \S+", "", rule).strip()  # fmt: skip
    if rest or target[1] not in ("ACCEPT", "DROP", "REJECT"):
        return PortExposure.SOME
    return PortExposure.OPEN if target[1] == "ACCEPT" else PortExposure.CLOSED


def _combined(name: str, exposures: list[PortExposure], port: int) -> FirewallVerdict:
    if PortExposure.CLOSED in exposures:
        return FirewallVerdict(PortExposure.CLOSED, f"{name} blocks {port}/tcp")
    if PortExposure.SOME in exposures:
        text = f"{name}: rules may filter {port}/tcp by source, interface or in another chain"
        return FirewallVerdict(PortExposure.SOME, text)
    return FirewallVerdict(PortExposure.OPEN, f"{name} allows {port}/tcp")


def _in_spans(spans: Iterable[str], port: int) -> bool:
    """Return whether a port is one of ``22``, ``7000-7005`` or ``7000:7005``."""
    for span in spans:
        found = re.fullmatch(r"([0-9]{1,5})(?:[-:]([0-9]{1,5}))?", span, re.ASCII)
        if found and int(found[1]) <= port <= int(found[2] or found[1]):
            return True
    return False
