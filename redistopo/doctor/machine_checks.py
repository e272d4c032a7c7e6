"""Checks of this machine: servers, their releases, kernel settings, memory and disk."""

from collections.abc import Iterator

from redistopo.checks.check_types import CheckResult, fail, ok, skip, warn
from redistopo.doctor.facts import DoctorFacts
from redistopo.doctor.vulnerabilities import (
    AS_OF,
    Vulnerability,
    first_fixed_release,
    vulnerabilities_of,
)
from redistopo.model.planning.resource_limits import raise_files_hint
from redistopo.model.protocol.engine import Engine, Version
from redistopo.model.topology.engine_faults import faults_of

MACHINE = "machine"
_MEGABYTE = 1024 * 1024
_GIGABYTE = 1024 * _MEGABYTE
_SHOWN = 3

_LEAST_DISK = 64 * _MEGABYTE
_NODE_DISK = 256 * _MEGABYTE
_NODE_MEMORY = 16 * _MEGABYTE
"""An empty server takes about 10 MB with its buffers; with less it can hold nothing."""


def server(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that there is a server that `up` can use, recent enough and without known faults."""
    engines = facts.engines
    if engines.chosen is None and engines.elsewhere:
        yield ok("there is none; the nodes use those of their hosts", MACHINE)
        return
    if engines.chosen is None:
        hint = "redistopo install" + (f", or {engines.install}" if engines.install else "")
        yield fail(MACHINE, engines.lacking or "no Redis or Valkey server was found", hint)
        return
    others = len([one for one in engines.found if one.path != engines.chosen.path])
    text = f"{engines.chosen.title}: {engines.chosen.path} ({engines.chosen.source})"
    yield ok(text + (f", and {others} more: redistopo engines" if others else ""), MACHINE)
    for fault in faults_of(engines.chosen, engines.shape):
        hint = "; ".join(filter(None, (engines.newer, _upgrade(engines.chosen, fault.fixed))))
        yield warn(MACHINE, fault.sentence, hint)


def cli(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that there is a redis-cli or valkey-cli; only `cli` and one method need it."""
    chosen = facts.engines.chosen
    if chosen is None:
        yield skip("no server to use it with", MACHINE)
    elif chosen.cli:
        yield ok(chosen.cli, MACHINE)
    else:
        hint = "redistopo install, or your system's package redis-tools"
        yield warn(MACHINE, f"no redis-cli or valkey-cli for {chosen.title}", hint)


def vulnerable(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that no server here is a release with a known vulnerability.

    Judged by its version, and by what its package's changelog lists as fixed. It is a warning,
    never a failure: on a private machine it may not matter.
    """
    engines = facts.engines
    if not engines.found:
        yield skip("no server was found", MACHINE)
        return
    chosen = engines.chosen
    left = _left(facts, chosen) if chosen else ()
    left = tuple(sorted(left, key=lambda flaw: not flaw.severe))
    if chosen and left:
        hint = "; ".join(filter(None, (facts.engines.newer, _newer(chosen))))
        yield warn(MACHINE, _flawed(facts, chosen, left), hint)
    elif chosen:
        known = sum(len(flaw.ids) for flaw in vulnerabilities_of(chosen))
        named = f"its package's changelog names all {known} of its version"
        yield ok(f"{chosen.title}: {named if known else 'none known'}, as of {AS_OF}", MACHINE)
    others = _others(facts, left)
    if others:
        titles = ", ".join(f"{one.title} ({_count(left)})" for one, left in others)
        hint = "; ".join(dict.fromkeys(_newer(one) for one, _left in others))
        yield warn(MACHINE, f"not used by `up`, but here: {titles}, as of {AS_OF}", hint)


def _others(
    facts: DoctorFacts, reported: tuple[Vulnerability, ...]
) -> list[tuple[Engine, tuple[Vulnerability, ...]]]:
    """Return each release that `up` doesn't use, once, with the most that a server of it here has;
    the chosen release only if another server of it has more than was `reported`."""
    most: dict[str, tuple[Engine, tuple[Vulnerability, ...]]] = {}
    for one in facts.engines.found:
        left = _left(facts, one)
        if len(left) > len(most[one.title][1] if one.title in most else ()):
            most[one.title] = (one, left)
    chosen = facts.engines.chosen
    if chosen and chosen.title in most and len(most[chosen.title][1]) <= len(reported):
        del most[chosen.title]
    return list(most.values())


def _left(facts: DoctorFacts, engine: Engine) -> tuple[Vulnerability, ...]:
    """Return what the release has by its version, and its package has not fixed."""
    fixed = facts.engines.fixed_cves.get(engine.path, frozenset())
    return tuple(flaw for flaw in vulnerabilities_of(engine) if not set(flaw.ids) <= fixed)


def _flawed(facts: DoctorFacts, engine: Engine, left: tuple[Vulnerability, ...]) -> str:
    ids = [one for flaw in left for one in flaw.ids]
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
    # TLS vulnerabilities come first only if TLS is used
    worst = next((flaw for flaw in left if facts.engines.tls or not flaw.tls), left[0])
    text = f"{engine.title}: {', '.join(ids[:_SHOWN])}{more}, as of {AS_OF}: {worst.what}"
    text += ", without a password" * worst.unauthenticated
    return f"{text}; {_reach(facts, left)}"


def _reach(facts: DoctorFacts, left: tuple[Vulnerability, ...]) -> str:
    """What loopback and a password mean for these vulnerabilities."""
    needed = (flaw for flaw in left if facts.engines.tls or not flaw.tls)
    auth = facts.engines.auth and not any(flaw.unauthenticated for flaw in needed)
    if facts.engines.local:
        return "only programs on this machine reach it" + ", and need the password" * auth
    return "a client needs the password" if auth else "any client that connects can use it"


def _count(left: tuple[Vulnerability, ...]) -> str:
    ids = [one for flaw in left for one in flaw.ids]
    return ids[0] if len(ids) == 1 else f"{len(ids)} known"


def _newer(engine: Engine) -> str:
    return _upgrade(engine, first_fixed_release(engine))


def _upgrade(engine: Engine, fixed: Version | None) -> str:
    hint = f"fixed in {engine.product.label} {fixed} or newer"
    if package := engine.package.partition(" ")[0]:
        return f"{hint}: pip install --upgrade {package} (if it has that version by now)"
    upgrade = f"sudo apt-get install --only-upgrade {engine.product.value}-server"
    return f"{hint}; your distribution's package may have a fix: {upgrade}, or the equivalent"


def tls(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that the server is built with TLS, if the topology needs it."""
    engines = facts.engines
    if not engines.found:
        yield skip("no server was found", MACHINE)
        return
    able = [one.title for one in engines.found if one.tls]
    if engines.tls and engines.chosen is None and not able:
        yield fail(MACHINE, "tls = true, and no server here is built with TLS", engines.install)
    elif able:
        yield ok(f"built with TLS: {', '.join(able)}", MACHINE)
    else:
        yield ok("no server here is built with TLS; the topology doesn't need it", MACHINE)


def overcommit(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that vm.overcommit_memory is 1: otherwise a save may fail when memory is low.

    Source: the warning that servers log (syscheck.c, checkOvercommit), redis.io, Administration.
    """
    value = facts.kernel.overcommit
    if value is None:
        yield skip("this system has no vm.overcommit_memory", MACHINE)
    elif value == 1:
        yield ok("vm.overcommit_memory = 1", MACHINE)
    else:
        yield warn(
            MACHINE,
            f"vm.overcommit_memory = {value}: a save or a first sync may fail when memory is short",
            "sudo sysctl vm.overcommit_memory=1   (to persist it: /etc/sysctl.conf)",
        )


def huge_pages(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that transparent huge pages are not always on: they make saves slow and large.

    Source: the warning that servers log (syscheck.c, checkTHPEnabled), redis.io, Latency.
    """
    value = facts.kernel.huge_pages
    if not value:
        yield skip("this system has no transparent huge pages", MACHINE)
    elif value == "always":
        yield warn(
            MACHINE,
            "transparent huge pages are `always` on: latency and memory use grow during saves",
            "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled   "
            "(then: redistopo restart --rolling)",
        )
    else:
        yield ok(f"transparent huge pages: {value}", MACHINE)


def backlog(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that the system's connection queue can be as long as a server's tcp-backlog.

    Source: the warning that servers log (server.c, checkTcpBacklogSettings).
    """
    queue = facts.kernel.somaxconn
    wanted = facts.conf.conf.backlog if facts.conf else 0
    wanted = max(wanted, facts.needs.backlog if facts.needs else 511)
    name = "kern.ipc.somaxconn" if facts.system == "darwin" else "net.core.somaxconn"
    if queue is None:
        yield skip(f"this system doesn't report {name}", MACHINE)
    elif queue >= wanted:
        yield ok(f"{name} = {queue}, tcp-backlog {wanted}", MACHINE)
    else:
        yield warn(
            MACHINE,
            f"{name} = {queue} is below tcp-backlog {wanted}: bursts of connections are refused",
            f"sudo sysctl {name}={max(wanted, 1024)}",
        )


def files(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that a server may open the files that its maxclients needs, and redistopo its own.

    Source: server.c, adjustOpenFilesLimit; the defaults are 10000 clients and 32 other files.
    """
    if facts.shortages:
        for one in facts.shortages[:1]:
            more = f" (and {len(facts.shortages) - 1} more)" if len(facts.shortages) > 1 else ""
            text = one.told + more
            result = fail(MACHINE, text, one.hint) if one.fatal else warn(MACHINE, text, one.hint)
            yield result
    elif facts.needs is None and facts.files < 10032:
        text = f"a server may open {facts.files} files, 10000 clients need 10032"
        yield warn(MACHINE, text, raise_files_hint(10032, facts.files))
    else:
        limit = "no limit" if facts.files >= 1 << 30 else str(facts.files)
        yield ok(f"open files for a server: {limit}", MACHINE)


def memory(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that the sum of all maxmemory fits into memory, twice if servers save.

    Source: redis.io, Administration: while it saves, a server under many writes may use up to
    twice its memory.
    """
    resources, needs = facts.resources, facts.needs
    limit = facts.kernel.memory_max
    sizes = [one for one in (resources.memory, limit) if one is not None]
    if not sizes:
        yield skip("this system doesn't report its memory", MACHINE)
        return
    whole = min(sizes)
    text = f"{_size(whole)} of memory" + (" (this container's)" if whole == limit else "")
    if resources.available is not None:
        text += f", {_size(min(resources.available, whole))} free"
    least = (needs.nodes if needs else 1) * _NODE_MEMORY
    if resources.available is not None and resources.available < least:
        yield fail(MACHINE, f"{text}: too little for {least // _NODE_MEMORY} servers", _LESS)
    elif needs is None or not needs.nodes:
        yield ok(text, MACHINE)
    elif needs.maxmemory is None:
        yield ok(f"{text}; maxmemory isn't set, so servers may use all of it", MACHINE)
    elif needs.maxmemory > whole:
        yield fail(MACHINE, f"{text}, but all maxmemory sum up to {_size(needs.maxmemory)}", _LESS)
    elif needs.saves and 2 * needs.maxmemory > whole:
        added = f"all maxmemory sum up to {_size(needs.maxmemory)}, and up to twice while saving"
        yield warn(MACHINE, f"{text}; {added}", _LESS)
    else:
        yield ok(f"{text}; all maxmemory sum up to {_size(needs.maxmemory)}", MACHINE)


_LESS = "redistopo set maxmemory SIZE, with a smaller SIZE, or end other programs"


def swap(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check that there is swap, and that it is not heavily used.

    Source: redis.io, Administration: without any, a server that takes too much is killed; with
    much of it in use, it is slow (redis.io, Latency, swapping).
    """
    resources = facts.resources
    if facts.system == "darwin" or resources.swap is None:
        yield skip("this system manages swap by itself, or doesn't report it", MACHINE)
    elif not resources.swap:
        yield warn(
            MACHINE,
            "no swap: a server that uses too much memory is killed at once",
            "sudo fallocate -l 2G /swapfile; sudo chmod 600 /swapfile; sudo mkswap /swapfile; "
            "sudo swapon /swapfile   (or set maxmemory; a container has its host's)",
        )
    elif (used := resources.swap_used or 0) > resources.swap // 2:
        text = f"{_size(used)} of {_size(resources.swap)} swap are in use: servers get slow"
        yield warn(MACHINE, text, _LESS)
    else:
        yield ok(f"{_size(resources.swap)} of swap, {_size(used)} in use", MACHINE)


def disk(facts: DoctorFacts) -> Iterator[CheckResult]:
    """Check the disk space: a new snapshot is written before the old one is replaced.

    Source: rdb.c, rdbSave writes a temporary file and renames it; an AOF rewrite does the same.
    Without maxmemory, 256 MB per node are considered enough to start with.
    """
    free, needs = facts.resources.disk_free, facts.needs
    if free is None:
        yield skip("the system doesn't report the free space", MACHINE)
        return
    wanted = _LEAST_DISK
    if needs and needs.saves:
        wanted = 2 * needs.maxmemory if needs.maxmemory else needs.nodes * _NODE_DISK
    text = f"{_size(free)} free in {facts.resources.folder}"
    hint = f"free some space (df -h {facts.resources.folder}), or use another folder (--dir)"
    if free < _LEAST_DISK:
        yield fail(MACHINE, f"{text}: servers can't write their data", hint)
    elif free < wanted:
        yield warn(MACHINE, f"{text}, but snapshots and logs may take {_size(wanted)}", hint)
    else:
        yield ok(text, MACHINE)


def _size(count: int) -> str:
    if count >= _GIGABYTE:
        return f"{count / _GIGABYTE:.1f} GB"
    return f"{count / _MEGABYTE:.0f} MB" if count >= _MEGABYTE else f"{count // 1024} kB"
