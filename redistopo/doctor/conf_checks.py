"""Checks of any redis.conf: does a server start, or run, with it, and which clients can connect."""

from collections.abc import Iterator
from posixpath import dirname
from shlex import quote

from redistopo.checks.check_types import CheckResult, fail, ok, skip, warn
from redistopo.doctor.conf_includes import loopback
from redistopo.doctor.facts import ConfSeen, DoctorFacts, PortReply, pid_in
from redistopo.doctor.firewall_rules import PortExposure, exposure_of
from redistopo.doctor.startup_verdict import StartupRefusal

_MOST_NAMED = 3
_BIND_HINT = (
    "in {path}: `bind 127.0.0.1 -::1`, or `requirepass` with the output of `openssl rand -hex 32` "
    "(and no `user` line has `nopass`)"
)


def starts(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that a server here accepts every line, and finds the files named in them.

    Judged by the servers themselves, none of which starts for it (see doctor.startup_verdict).
    """
    seen = facts.conf
    if seen is None:
        return
    starting = seen.starting
    if starting.refused_by_all is not None and starting.refused is starting.refused_by_all:
        yield _refused(seen, starting.refused_by_all, "no server starts with it")
    elif starting.refused is not None:
        first = next(one.title for one in starting.tried if one.refusal)
        engine = starting.accepting
        if engine is None:
            several = len(starting.tried) > 1
            text = "no server here starts with it" if several else f"{first} doesn't start with it"
            yield _refused(seen, starting.refused, text)
        else:
            text = f"{first} doesn't start with it, {engine.title} does: "
            text += _refusal_text(seen, starting.refused)
            yield warn(seen.path, text, f"remove that line, or: {_start(seen)}")
    elif seen.foreign_addresses:
        addresses = " and ".join(seen.foreign_addresses)
        text = f"it binds {addresses}, which this machine doesn't have: no server starts with it"
        hint = _edit(seen.path)
        if len(seen.foreign_addresses) < len(seen.conf.addresses or ()):
            hint += "   (with a `-` before an address, a server starts without it)"
        yield fail(seen.path, text, hint)
    elif (engine := starting.accepting) and seen.start_relative:
        named = ", ".join(f"`include {one}`" for one in seen.start_relative[:_MOST_NAMED])
        text = f"{engine.title} accepts every line if it is started in {dirname(seen.path)}: "
        text += f"{named} is relative to the folder where a server is started, not to the file"
        yield warn(seen.path, text, f"write the absolute path: {_edit(seen.path)}")
    elif engine := starting.accepting:
        text = f"{engine.title} accepts every line" + (" that you can read" * bool(seen.unread))
        if engine.skipped:
            text += f", except {engine.skipped}, which you have no access to"
        yield ok(text if seen.conf.has_directives else f"{text}: it has none", seen.path)
    else:
        unsure = next((f"{one.title}: {one.unsure}" for one in starting.tried), "no server is here")
        yield skip(f"not tried: {unsure}", seen.path)


def _refused(seen: ConfSeen, why: StartupRefusal, text: str) -> CheckResult:
    return fail(seen.path, f"{text}: {_refusal_text(seen, why)}", _edit(why.path, why.line))


def _refusal_text(seen: ConfSeen, why: StartupRefusal) -> str:
    other = f" of {why.path}" if why.path != seen.path else ""
    return f"line {why.line}{other} `{why.text}`: {why.message}"


def _edit(path: str, line: int = 0) -> str:
    at = f"+{line} " if line else ""
    return f"${{EDITOR:-vi}} {at}{quote(path)}"


def _start(seen: ConfSeen) -> str:
    """Return the command that starts a server with it: one that accepts its lines."""
    engine = seen.starting.accepting or next(iter(seen.starting.tried), None)
    server = quote(engine.path) if engine else "redis-server"
    return f"{server} {quote(seen.path)}" + (" --sentinel" if seen.conf.sentinel else "")


def bind(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that clients of other machines can't connect, or need a password.

    Source: redis.io, Security; networking.c, clientAcceptHandler, for protected mode.
    """
    seen = facts.conf
    if seen is None:
        return
    if seen.unread:
        text = ", ".join(seen.unread[:_MOST_NAMED])
        text += f" and {len(seen.unread) - _MOST_NAMED} more" * (len(seen.unread) > _MOST_NAMED)
        sudo = f"run it with permission: sudo redistopo doctor --config {quote(seen.path)}"
        hint = sudo if "denied" in text else f"include plain files: {_edit(seen.path)}"
        yield warn(seen.path, f"can't read what it includes: {text}", hint)
    conf = seen.conf
    where = " ".join(conf.addresses) if conf.addresses is not None else "every address (no bind)"
    text = f"binds {where or 'no address'}, port {' and '.join(map(str, conf.ports)) or 'none'}"
    text += f", protected-mode {'yes' if conf.protected else 'no'}"
    if seen.requires_password is None:
        text += f", users are in {conf.aclfile}, which can't be read"
    else:
        text += ", requires a password" if seen.requires_password else ", requires no password"
    if not conf.exposed_addresses:
        yield ok(f"{text}: not reachable from other machines", seen.path)
    elif seen.requires_password:
        yield ok(text, seen.path)
    elif seen.requires_password is None:
        yield warn(seen.path, text, f"sudo redistopo doctor --config {quote(seen.path)}")
    else:
        yield _without_password(seen, text)


def _without_password(seen: ConfSeen, text: str) -> CheckResult:
    """Judge a server that is reachable from other machines and requires no password."""
    version = next((one.version for one in seen.replies if one.version), None)
    hint = _password_hint(seen)
    if seen.conf.protected_mode_applies(version):
        if seen.conf.addresses is not None and version is None:
            text += "; before Redis 7.0 protected mode does not apply to a bound address"
        else:
            text += "; protected mode refuses other machines"
        return warn(seen.path, text, hint)
    if seen.conf.protected:
        text += f"; in Redis {version} protected mode does not apply to a bound address"
    return fail(seen.path, f"{text}: anyone who reaches it has full control", hint)


def _password_hint(seen: ConfSeen) -> str:
    runs = any(one.reply for one in seen.replies)
    return _BIND_HINT.format(path=seen.path) + ("; then restart it" if runs else "")


def running(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that a server replies and listens as configured, and was started with the file."""
    seen = facts.conf
    if seen is None:
        return
    if not seen.conf.ports:
        yield skip("it listens on no TCP port", seen.path)
        return
    for one in seen.replies:
        yield _port_result(seen, one)


def _port_result(seen: ConfSeen, one: PortReply) -> CheckResult:
    holder = f", held by {one.holder}" if one.holder else ""
    if not one.reply:
        if one.holder:
            text = f"no reply at {one.at}:{one.port}{holder}"
            resume = f"kill -CONT {pid_in(one.holder) or 'PID'}"
            return fail(seen.path, text, f"is it stopped ({resume}), or not a Redis server?")
        return warn(seen.path, f"nothing runs at {one.at}:{one.port}", _start_hint(seen))
    text = f"replies at {one.at}:{one.port}{holder}"
    if one.config and one.config not in seen.files:
        return warn(
            seen.path,
            f"{text}, but was started with {one.config}",
            f"redistopo doctor --config {quote(one.config)}",
        )
    asks_unlike_file = one.reply.startswith("NOAUTH") and seen.requires_password is False
    if one.refused or asks_unlike_file:
        why = (
            "rejects the file's password"
            if one.refused
            else "asks for a password, the file doesn't"
        )
        return warn(
            seen.path,
            f"the server at {one.at}:{one.port}{holder} {why}: it doesn't run with this file",
            "restart it with this file, or find its own: redis-cli INFO server, line config_file",
        )
    extra = [at for at in one.listening or () if not loopback(at)]
    if extra and not seen.conf.exposed_addresses:
        text = f"{text}, and listens on {', '.join(extra)}, which the file doesn't bind"
        return fail(seen.path, text, "restart it: its settings were changed at or after its start")
    if one.listening and not extra and seen.conf.exposed_addresses:
        text = f"{text}, and listens on {', '.join(one.listening)} only, unlike the file"
        return warn(seen.path, text, "restart it, if the file is right")
    if one.reply == "PONG":
        return _open_server(seen, one, f"{text} without a password")
    return ok(f"{text}: {one.reply.partition(' ')[0]}", seen.path)


def _start_hint(seen: ConfSeen) -> str:
    """Return how to start it, after fixing what would stop it or leave it open."""
    start = _start(seen)
    if seen.starting.refused or seen.foreign_addresses:
        return f"first fix what config.starts reports, then: {start}"
    if seen.conf.exposed_addresses and seen.requires_password is not True:
        return f"first fix what config.bind reports, then: {start}"
    return f"start it: {start}"


def _open_server(seen: ConfSeen, one: PortReply, text: str) -> CheckResult:
    """Judge a server that let us in without a password, by the addresses that the file binds."""
    if not seen.conf.exposed_addresses:
        return ok(text, seen.path)
    if seen.conf.protected_mode_applies(one.version):
        return ok(f"{text}; protected mode refuses other machines", seen.path)
    hint = "the file requires one: restart it" if seen.requires_password else _password_hint(seen)
    text += f", and listens on {', '.join(one.listening or seen.conf.exposed_addresses)}"
    return fail(seen.path, f"{text}: anyone who reaches it has full control", hint)


def firewall(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check what a firewall does with connections from other machines, if the file allows any.

    Nothing is changed and no rule is guessed: if only root can read the rules, that is the result.
    """
    seen = facts.conf
    if seen is None:
        return
    if not seen.conf.exposed_addresses:
        yield skip("not reachable from other machines, so no firewall matters", seen.path)
        return
    if not seen.firewalls:
        yield ok("no firewall was found on this machine (a router may have one)", seen.path)
        return
    for port in seen.conf.ports:
        yield _firewall_result(seen, port)


def _firewall_result(seen: ConfSeen, port: int) -> CheckResult:
    verdicts = [(one, exposure_of(one, port)) for one in seen.firewalls]
    text = "; ".join(verdict.evidence for _one, verdict in verdicts)
    exposures = {verdict.exposure for _one, verdict in verdicts}
    if PortExposure.CLOSED in exposures:
        named = ", ".join(seen.conf.exposed_addresses)
        return warn(
            seen.path,
            f"{text}: other machines can't reach {named} port {port}",
            f"to allow it: sudo ufw allow from ADDRESS to any port {port} proto tcp, "
            "or the equivalent of your firewall",
        )
    unknown = [one for one, verdict in verdicts if verdict.exposure is PortExposure.UNKNOWN]
    if unknown:
        commands = "   ".join(f"sudo {one.command}" for one in unknown)
        return warn(seen.path, text, f"run: {commands}")
    if PortExposure.SOME in exposures:
        return warn(seen.path, text, f"try it from another machine: nc -vz HOST {port}")
    return ok(f"{text}: no firewall blocks it", seen.path)
