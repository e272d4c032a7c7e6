"""The check of written data: a write to each shard reaches all its replicas."""

from collections.abc import Iterator

from redistopo.checks.check_types import CheckResult, CheckSubject, fail, ok, skip, warn
from redistopo.checks.memory import is_out_of_memory
from redistopo.model.state.observed import WriteProbeResult


def data(subject: CheckSubject) -> Iterator[CheckResult]:
    """Check that what a client writes to a shard reaches all its replicas."""
    if subject.seen.write_probes is None:
        yield skip("no write probe (--no-write, or not run yet)")
        return
    for probe in subject.seen.write_probes:
        about = f"shard {probe.shard}"
        if probe.error:
            yield _unproven(subject, probe, about)
        else:
            count = len(probe.replicas)
            copies = {0: "read back", 1: "read back from its replica"}.get(
                count, f"read back from its {count} replicas"
            )
            yield ok(f"written by a client, {copies}, removed: {probe.milliseconds:.1f} ms", about)


def _unproven(subject: CheckSubject, probe: WriteProbeResult, about: str) -> CheckResult:
    """Why the write probe failed: waiting may help, unless the server refuses writes for good."""
    error = probe.error
    if "NoPermissionError" in error or "NOPERM" in error:
        evidence = f"not proven: this user may not write ({error})"
        return warn(about, evidence, "log in as a user that may write, or skip it: --no-write")
    if is_out_of_memory(error):
        return fail(about, error, "see memory.full of its primary")
    if "NOREPLICAS" in error:
        return _too_few_replicas(subject, probe, about)
    return fail(about, error, "see this shard's other findings first", settles=True)


def _too_few_replicas(subject: CheckSubject, probe: WriteProbeResult, about: str) -> CheckResult:
    """Writes are refused for lack of replicas: for good, if more are required than planned."""
    primary, planned = subject.seen.at(probe.primary), subject.expected.replicas
    said = ((primary and primary.config) or {}).get("min-replicas-to-write", "")
    required = int(said) if said.isascii() and said.isdigit() else 0
    evidence = f"refuses writes: min-replicas-to-write is {required}, it has "
    evidence += f"{len(probe.replicas)} replicas ({probe.error})"
    if planned is None or required <= planned:
        return fail(about, evidence, "see replication.link of its replicas", settles=True)
    hint = f"redistopo set min-replicas-to-write={planned}, or plan more replicas"
    return fail(about, evidence, hint)
