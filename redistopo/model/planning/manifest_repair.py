"""A log whose manifest and files don't match: listed again, or put aside on a replica; pure."""

import re
from collections.abc import Collection, Iterable

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.shard_copies import (
    copy_on_disk,
    data_conf,
    has_sound_copy,
    shard_members,
)
from redistopo.model.planning.situation import Situation
from redistopo.model.planning.step import Step, StepKind
from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.data_files import NAMES, data_file_name
from redistopo.model.state.disk import DiskSeen


def relist_steps(now: Situation, asked: Collection[str]) -> tuple[Step, ...]:
    """Return a step for each requested node whose manifest doesn't match the files of its log."""
    steps = []
    for node in (one for one in now.seen.nodes if one.name in asked and not one.running):
        copy = copy_on_disk(node, now)
        if copy.unlisted:
            conf = data_conf(node, now)
            path, text = new_manifest(node.on_disk, conf)
            steps.append(
                Step(
                    do=StepKind.RELIST,
                    nodes=(node.name,),
                    cause=copy.damage,
                    settings={node.name: {"manifest": path}},
                    texts={node.name: text},
                )
            )
    return tuple(steps)


def new_manifest(disk: DiskSeen, conf: Directives) -> tuple[str, str]:
    """Return the manifest's path in the node's folder, and its text for the files that are there:
    the latest base, and all incremental files (aof.c, getAofManifestAsString)."""
    log, folder = (data_file_name(conf, f"append{one}name") for one in ("file", "dir"))
    form = re.compile(rf"{re.escape(f'{folder}/{log}')}\.(\d+)\.(base|incr)\.(?:aof|rdb)")
    found = [(one, name) for name in disk.files if (one := form.fullmatch(name))]
    kinds: dict[str, list[tuple[int, str]]] = {"base": [], "incr": []}
    for one, name in found:
        kinds[one[2]].append((int(one[1]), name.removeprefix(f"{folder}/")))
    parts = [*(("b", one) for one in sorted(kinds["base"])[-1:])]
    parts += [("i", one) for one in sorted(kinds["incr"])]
    lines = [f"file {_quoted(name)} seq {number} type {kind}\n" for kind, (number, name) in parts]
    return f"{folder}/{log}.manifest", "".join(lines)


def _quoted(name: str) -> str:
    return f'"{name}"' if re.search(r"[\s\"']", name) else name


def damaged_replicas(plan: Plan, now: Situation, names: Collection[str]) -> Iterable[Step]:
    """Yield a step that puts aside the damaged data of replicas that are to be started, if their
    primary has a sound copy: a start would end at it, or leave it beside the new files."""
    found, causes = {}, []
    for shard in shard_members(plan, now.seen):
        primary = shard.primary
        if not (primary.running or has_sound_copy(primary, now)):
            continue
        for node in (one for one in shard.others if one.name in names and not one.running):
            copy = copy_on_disk(node, now)
            if copy.damage and not copy.torn:
                conf = data_conf(node, now)
                held = (data_file_name(conf, one) for one in NAMES)
                found[node.name] = {name: name for name in held if node.on_disk.holds(name)}
                causes.append(f"{copy.damage}; {node.name} gets the data from {primary.name}")
    if found:
        cause = "; ".join(causes)
        yield Step(do=StepKind.ASIDE, nodes=tuple(found), cause=cause, settings=found)
