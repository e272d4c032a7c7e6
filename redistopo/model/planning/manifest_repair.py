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
from redistopo.model.planning.step import NodeSettings, Step, StepKind
from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.data_files import NAMES, data_file_name, logs
from redistopo.model.state.data_copy import unloadable
from redistopo.model.state.disk import DiskSeen


def relist_steps(now: Situation, asked: Collection[str]) -> tuple[Step, ...]:
    """Return a step for each requested node whose manifest doesn't match the files of its log."""
    steps = []
    for node in (one for one in now.seen.nodes if one.name in asked and not one.running):
        copy = copy_on_disk(node, now)
        if copy.unlisted:
            conf = data_conf(node, now)
            path, text = new_manifest(node.on_disk, conf)
            steps.append(_relist(node.name, copy.damage, path, text))
    return tuple(steps)


def salvage_steps(plan: Plan, now: Situation, chosen: Collection[str]) -> tuple[Step, ...]:
    """Return the steps with which chosen primaries start with what is left of their damaged data:
    the log without the files that no server loads, or nothing, the snapshot put aside. Their
    replicas' damaged data is put aside too."""
    relisted: list[Step] = []
    aside: dict[str, NodeSettings] = {}
    causes = []
    for shard in shard_members(plan, now.seen):
        lead = shard.primary
        for node in (lead, *shard.others) if lead.name in chosen and not lead.running else ():
            copy, conf = copy_on_disk(node, now), data_conf(node, now)
            if node.running or not copy.damage or copy.torn or (copy.unlisted and node is lead):
                continue
            path, text = new_manifest(node.on_disk, conf)
            if node is lead and logs(conf) and text:
                relisted.append(_relist(node.name, copy.damage, path, text))
            else:
                aside[node.name] = held_files(node.on_disk, conf)
                causes.append(copy.damage)
    if aside:
        cause = "; ".join(causes)
        return *relisted, Step(do=StepKind.ASIDE, nodes=tuple(aside), cause=cause, settings=aside)
    return tuple(relisted)


def _relist(name: str, cause: str, path: str, text: str) -> Step:
    return Step(
        do=StepKind.RELIST,
        nodes=(name,),
        cause=cause,
        settings={name: {"manifest": path}},
        texts={name: text},
    )


def held_files(disk: DiskSeen, conf: Directives) -> NodeSettings:
    """Return the names of the data files and folders of that configuration that exist."""
    names = (data_file_name(conf, one) for one in NAMES)
    return {name: name for name in names if disk.holds(name)}


def new_manifest(disk: DiskSeen, conf: Directives) -> tuple[str, str]:
    """Return the manifest's path in the node's folder, and its text for the files that are there:
    the latest base, and all incremental files, if a server can load them (aof.c,
    getAofManifestAsString)."""
    log, folder = (data_file_name(conf, f"append{one}name") for one in ("file", "dir"))
    form = re.compile(rf"{re.escape(f'{folder}/{log}')}\.(\d+)\.(base|incr)\.(?:aof|rdb)")
    found = [
        (one, name)
        for name, file in disk.files.items()
        if (one := form.fullmatch(name)) and not unloadable(name, file)
    ]
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
                found[node.name] = held_files(node.on_disk, conf)
                causes.append(f"{copy.damage}; {node.name} gets the data from {primary.name}")
    if found:
        cause = "; ".join(causes)
        yield Step(do=StepKind.ASIDE, nodes=tuple(found), cause=cause, settings=found)
