"""Checks on any redis.conf: what it lets in, who serves it now, and what stands in the way."""

from collections.abc import Iterator
from posixpath import dirname
from shlex import quote

from redistopo.checks.subject import CheckResult, fail, ok, skip, warn
from redistopo.doctor.conf_access import loopback
from redistopo.doctor.conf_startup import StartupRefusal
from redistopo.doctor.facts import ConfSeen, DoctorFacts, PortReply, pid_in
from redistopo.doctor.firewall import PortExposure, exposure_of

_MOST_NAMED = 3
_LOCK = (
    "in {path}: `bind 127.0.0.1 -::1`, or `requirepass` with what `openssl rand -hex 32` prints "
    "(and no `user` line has `nopass`)"
)


def starts(facts: DoctorFacts) -> Iterator[CheckResult]:
    """A server here takes every line of the file, and finds what the file names.

    Judged by the servers themselves, none of which starts for it (model/doctor/starting.py).
    """
    seen = facts.conf
    if seen is None:
        return
    starting = seen.starting
    if starting.lacking is not None and starting.refused is starting.lacking:
        yield _refused(seen, starting.lacking, "no server starts on it")
    elif starting.refused is not None:
        first = next(one.title for one in starting.tried if one.refusal)
        taker = starting.takes
        if taker is None:
            several = len(starting.tried) > 1
            told = "no server here starts on it" if several else f"{first} doesn't start on it"
            yield _refused(seen, starting.refused, told)
        else:
            told = f"{first} doesn't start on it, {taker.title} would: "
            told += _refusal_text(seen, starting.refused)
            yield warn(seen.path, told, f"take that line out, or: {_start(seen)}")
    elif seen.foreign_addresses:
        told = f"it binds {' and '.join(seen.foreign_addresses)}, which this machine doesn't have"
        hint = f"{_edit(seen.path)}   (a `-` before an address lets a server start without it)"
        yield fail(seen.path, f"{told}: no server starts on it", hint)
    elif (taker := starting.takes) and seen.start_relative:
        named = ", ".join(f"`include {one}`" for one in seen.start_relative[:_MOST_NAMED])
        told = f"{taker.title} takes each of its lines, if it is started in {dirname(seen.path)}: "
        told += f"{named} counts from where a server is started, not from the file"
        yield warn(seen.path, told, f"give the whole path there: {_edit(seen.path)}")
    elif taker := starting.takes:
        told = f"{taker.title} takes each of its lines" + (" that you may read" * bool(seen.unread))
        if taker.skipped:
            told += f", but {taker.skipped}, where you may not look"
        yield ok(told if seen.conf.has_directives else f"{told}: it has none", seen.path)
    else:
        unsure = next((f"{one.title}: {one.unsure}" for one in starting.tried), "no server is here")
        yield skip(f"not tried: {unsure}", seen.path)


def _refused(seen: ConfSeen, why: StartupRefusal, told: str) -> CheckResult:
    return fail(seen.path, f"{told}: {_refusal_text(seen, why)}", _edit(why.path, why.line))


def _refusal_text(seen: ConfSeen, why: StartupRefusal) -> str:
    other = f" of {why.path}" if why.path != seen.path else ""
    return f"line {why.line}{other} `{why.text}`: {why.message}"


def _edit(path: str, line: int = 0) -> str:
    at = f"+{line} " if line else ""
    return f"${{EDITOR:-vi}} {at}{quote(path)}"


def _start(seen: ConfSeen) -> str:
    """What starts a server on it: one that takes its lines, and a Sentinel as one."""
    taker = seen.starting.takes or next(iter(seen.starting.tried), None)
    server = quote(taker.path) if taker else "redis-server"
    return f"{server} {quote(seen.path)}" + (" --sentinel" if seen.conf.sentinel else "")


def bind(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Whoever can reach the server from elsewhere needs a password.

    Source: redis.io, Security; networking.c, clientAcceptHandler, for protected mode.
    """
    seen = facts.conf
    if seen is None:
        return
    if seen.unread:
        told = ", ".join(seen.unread[:_MOST_NAMED])
        told += f" and {len(seen.unread) - _MOST_NAMED} more" * (len(seen.unread) > _MOST_NAMED)
        sudo = f"as somebody who may: sudo redistopo doctor --config {quote(seen.path)}"
        hint = sudo if "denied" in told else f"name plain files there: {_edit(seen.path)}"
        yield warn(seen.path, f"can't read what it includes: {told}", hint)
    conf = seen.conf
    where = " ".join(conf.addresses) if conf.addresses is not None else "every address (no bind)"
    told = f"binds {where or 'no address'}, port {' and '.join(map(str, conf.ports)) or 'none'}"
    told += f", protected-mode {'yes' if conf.protected else 'no'}"
    if seen.requires_password is None:
        told += f", users are in {conf.aclfile}, which can't be read"
    else:
        told += ", asks for a password" if seen.requires_password else ", asks for no password"
    if not conf.exposed_addresses:
        yield ok(f"{told}: nobody from elsewhere gets there", seen.path)
    elif seen.requires_password:
        yield ok(told, seen.path)
    elif seen.requires_password is None:
        yield warn(seen.path, told, f"sudo redistopo doctor --config {quote(seen.path)}")
    else:
        yield _unlocked(seen, told)


def _unlocked(seen: ConfSeen, told: str) -> CheckResult:
    """It can be reached from elsewhere, and asks for no password."""
    version = next((one.version for one in seen.replies if one.version), None)
    hint = _lock_hint(seen)
    if seen.conf.protected_mode_applies(version):
        if seen.conf.addresses is not None and version is None:
            told += "; before Redis 7.0 protected mode doesn't shield an address that is bound"
        else:
            told += "; protected mode refuses other machines"
        return warn(seen.path, told, hint)
    if seen.conf.protected:
        told += f"; in Redis {version} protected mode doesn't shield an address that is bound"
    return fail(seen.path, f"{told}: whoever reaches it owns it", hint)


def _lock_hint(seen: ConfSeen) -> str:
    runs = any(one.reply for one in seen.replies)
    return _LOCK.format(path=seen.path) + ("; then restart it" if runs else "")


def running(facts: DoctorFacts) -> Iterator[CheckResult]:
    """A server answers where the file says, listens as it says, and was started on this file."""
    seen = facts.conf
    if seen is None:
        return
    if not seen.conf.ports:
        yield skip("it listens on no TCP port", seen.path)
        return
    for one in seen.replies:
        yield _port_result(seen, one)


def _port_result(seen: ConfSeen, one: PortReply) -> CheckResult:
    who = f", held by {one.holder}" if one.holder else ""
    if not one.reply:
        if one.holder:
            told = f"nobody answers at {one.at}:{one.port}{who}"
            go_on = f"kill -CONT {pid_in(one.holder) or 'PID'}"
            return fail(seen.path, told, f"is it stopped ({go_on}), or no Redis at all?")
        return warn(seen.path, f"nothing runs at {one.at}:{one.port}", _start_hint(seen))
    told = f"answers at {one.at}:{one.port}{who}"
    if one.config and one.config not in seen.files:
        return warn(
            seen.path,
            f"{told}, but was started on {one.config}",
            f"redistopo doctor --config {quote(one.config)}",
        )
    extra = [at for at in one.listening or () if not loopback(at)]
    if extra and not seen.conf.exposed_addresses:
        told = f"{told}, and listens on {', '.join(extra)}, which the file doesn't bind"
        return fail(seen.path, told, "restart it: it was started otherwise, or CONFIG SET since")
    if one.listening and not extra and seen.conf.exposed_addresses:
        told = f"{told}, and listens on {', '.join(one.listening)} alone, unlike the file"
        return warn(seen.path, told, "restart it, if the file is right")
    if one.reply == "PONG":
        return _open_server(seen, one, f"{told} without a password")
    return ok(f"{told}: {one.reply.partition(' ')[0]}", seen.path)


def _start_hint(seen: ConfSeen) -> str:
    """How to start it, and what comes before that: else it won't start, or lets anybody in."""
    start = _start(seen)
    if seen.starting.refused or seen.foreign_addresses:
        return f"first what config.starts says, then: {start}"
    if seen.conf.exposed_addresses and seen.requires_password is not True:
        return f"first what config.bind says, then: {start}"
    return f"start it: {start}"


def _open_server(seen: ConfSeen, one: PortReply, told: str) -> CheckResult:
    """It let us in without a password: whom else, by what the file binds?"""
    if not seen.conf.exposed_addresses:
        return ok(told, seen.path)
    if seen.conf.protected_mode_applies(one.version):
        return ok(f"{told}; protected mode refuses other machines", seen.path)
    asks = "the file asks for one: restart it" if seen.requires_password else _lock_hint(seen)
    told += f", and listens on {', '.join(one.listening or seen.conf.exposed_addresses)}"
    return fail(seen.path, f"{told}: whoever reaches it owns it", asks)


def firewall(facts: DoctorFacts) -> Iterator[CheckResult]:
    """What a firewall does with connections from elsewhere, if the file lets any in.

    Nothing is changed and no rule is guessed: what root alone may read is said so.
    """
    seen = facts.conf
    if seen is None:
        return
    if not seen.conf.exposed_addresses:
        yield skip("nobody from elsewhere gets there, so no firewall matters", seen.path)
        return
    if not seen.firewalls:
        yield ok("no firewall was found on this machine (a router may have one)", seen.path)
        return
    for port in seen.conf.ports:
        yield _firewall_result(seen, port)


def _firewall_result(seen: ConfSeen, port: int) -> CheckResult:
    verdicts = [(one, exposure_of(one, port)) for one in seen.firewalls]
    told = "; ".join(verdict.evidence for _one, verdict in verdicts)
    exposures = {verdict.exposure for _one, verdict in verdicts}
    if PortExposure.CLOSED in exposures:
        named = ", ".join(seen.conf.exposed_addresses)
        return warn(
            seen.path,
            f"{told}: other machines don't reach {named} port {port}",
            f"if they should: sudo ufw allow from ADDRESS to any port {port} proto tcp, "
            "or the like of your firewall",
        )
    unknown = [one for one, verdict in verdicts if verdict.exposure is PortExposure.UNKNOWN]
    if unknown:
        commands = "   ".join(f"sudo {one.command}" for one in unknown)
        return warn(seen.path, told, f"type: {commands}")
    if PortExposure.SOME in exposures:
        return warn(seen.path, told, f"try it from another machine: nc -vz HOST {port}")
    return ok(f"{told}: no firewall stands in the way", seen.path)
