"""Refuses to start an engine on data that it can't read, or would not find; pure."""

from collections.abc import Iterator

from redistopo.errors import MissingPrerequisite
from redistopo.model.planning.proposal import Proposal
from redistopo.model.planning.step import StepKind
from redistopo.model.protocol.aof import parse_manifest
from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.protocol.data_files import data_file_name, logs
from redistopo.model.protocol.engine import Engine
from redistopo.model.state.disk import DiskSeen
from redistopo.model.topology.compatibility import keeps_log_folder, rdb_version, reads, reads_rdb
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Why an engine can't start on a node's files, and the engine that wrote them, "" if
    unknown."""

    reason: str
    written_by: str


def refuse_unreadable(it: Proposal) -> None:
    """Raise MissingPrerequisite if the engine can't read the data of a node to start."""
    plan, going = it.plan, {*it.nodes(StepKind.START)}
    recorded = it.now.record.engine if it.now.record else ""
    found = {
        node.name: why
        for node in it.now.seen.nodes
        if node.name in going & it.now.wanted.keys()
        and (why := unreadable(plan.engine, node.on_disk, it.now.wanted[node.name], recorded))
    }
    if found:
        writers = dict.fromkeys(why.written_by or recorded for why in found.values())
        writer = next(filter(None, writers), "another engine")
        raise MissingPrerequisite(
            f"{plan.engine.title} can't read data that {writer} wrote",
            detail="\n".join(
                (
                    *(f"{name}: {why.reason}" for name, why in found.items()),
                    f"chosen: {plan.engine.path} ({plan.engine_why})",
                )
            ),
            hint=_hint(writer, running=bool(it.now.seen.answering)),
        )


def _hint(writer: str, *, running: bool) -> str:
    """What starts the nodes on their data; while others run, the rest may follow."""
    then = "; then redistopo upgrade" if running else ""
    return f'redistopo up --engine "{writer}"{then}; installed servers: redistopo engines'


def unreadable(
    engine: Engine, disk: DiskSeen, wanted: Directives, recorded: str
) -> Unreadable | None:
    """Return why an engine can't start on a node's files, None if it can; `wanted` is the
    configuration of the start, and `recorded` the engine that last ran the topology.

    A log of a newer engine may have commands that an older one doesn't know, even if it begins
    with a snapshot that it reads.
    """
    conf = read_conf(disk.started) if disk.started else wanted
    writer = disk.logged.engine or recorded
    if logs(conf) and _in_folder(disk, conf) and not keeps_log_folder(engine):
        folder = data_file_name(conf, "appenddirname")
        reason = f"it ignores {folder}, and would start empty"
        return Unreadable(reason=reason, written_by=writer)
    loaded = [(name, one) for name in _loaded(disk, conf) if (one := disk.files.get(name))]
    for name, file in loaded:
        facts = file.snapshot
        if facts and facts.version and not reads_rdb(engine, facts.version):
            most = rdb_version(engine)
            reason = f"{name} has RDB version {facts.version}; {engine.title} writes {most}"
            return Unreadable(reason=reason, written_by=facts.written_by or writer)
    told = not logs(conf) and all(one.snapshot for _name, one in loaded)
    if any(one.size for _name, one in loaded) and not told and not reads(engine, writer):
        return Unreadable(reason=f"its files were written by {writer}", written_by=writer)
    return None


def _in_folder(disk: DiskSeen, conf: Directives) -> list[str]:
    """The parts of the log that are in its folder and have content."""
    folder = data_file_name(conf, "appenddirname")
    return [name for name, one in disk.files.items() if name.startswith(f"{folder}/") and one.size]


def _loaded(disk: DiskSeen, conf: Directives) -> Iterator[str]:
    """The files that a start loads: the snapshot, or the log's parts."""
    if not logs(conf):
        yield data_file_name(conf, "dbfilename")
        return
    folder, log = (data_file_name(conf, f"append{one}name") for one in ("dir", "file"))
    yield log
    manifest = parse_manifest(disk.manifests.get(f"{folder}/{log}.manifest", ""))
    yield from (f"{folder}/{name}" for name in (manifest.files if manifest else ()))
