"""Tries nodes' configurations on their machines, before a node is stopped to start with one."""

from collections.abc import Mapping
from glob import has_magic
from pathlib import Path

from redistopo.doctor.conf_files import included
from redistopo.doctor.conf_includes import ConfWithIncludes, expand_includes
from redistopo.doctor.startup_verdict import (
    STOP_WORD,
    UNKNOWN_DIRECTIVE,
    StartupRefusal,
    conflicts,
    lines_to_check,
    lines_with,
    module_directive_names,
    refusal_at,
    refusal_message,
    refused_line,
    required_paths,
    unknown_directive_at,
    unresolved_names,
)
from redistopo.host.host import Host, Trial, TrialOutput
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.conf import IMMUTABLE, read_conf
from redistopo.quick_dataclass import dataclass
from redistopo.render.own_directives import OWN_DIRECTIVES

_MISSING = "No such file or directory"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """A configuration, and what is refused if a path isn't there that redistopo doesn't write."""

    whole: ConfWithIncludes
    needs: Mapping[str, StartupRefusal]


def first_refusal(
    host: Host, plan: Plan, texts: Mapping[str, str]
) -> tuple[str, StartupRefusal] | None:
    """Return the first of these nodes whose configuration keeps the plan's engine from starting,
    and the line that does; None if none does. Nothing is started with it.

    A module that is there and can't be loaded is not found: it would have to be loaded.
    """
    read = {name: _read(plan, name, text) for name, text in texts.items()}
    argv = [plan.engine.path, "/dev/stdin", "--port", STOP_WORD]
    trials = {
        name: Trial(
            argv=argv, text="\n".join(lines_to_check(one.whole)), needs=[*one.needs], ends=True
        )
        for name, one in read.items()
    }
    for name, output in host.processes.tried(trials).items():
        if refusal := _refusal(read[name], output):
            return name, refusal
    return _unknown_directive(host, plan, read)


def _unknown_directive(
    host: Host, plan: Plan, read: Mapping[str, _Tried]
) -> tuple[str, StartupRefusal] | None:
    """Return the first node with a directive that its server refuses only once modules are loaded,
    and that line. Those that make a server listen, or open files, are known, and not tried."""
    names = {
        node: [one for one in module_directive_names(tried.whole) if not _is_known(plan, one)]
        for node, tried in read.items()
        if plan.engine.keeps_unknown_directives
    }
    trials = {
        node: Trial(
            argv=[plan.engine.path, "/dev/stdin", "--port", "0"],
            text="\n".join(lines_with(read[node].whole, some)),
        )
        for node, some in names.items()
        if some
    }
    for node, output in (host.processes.tried(trials) if trials else {}).items():
        whole = read[node].whole
        known = {*module_directive_names(whole)} - unresolved_names(output.printed)
        if (at := unknown_directive_at(whole, frozenset(known))) is not None:
            return node, refusal_at(whole, at, UNKNOWN_DIRECTIVE)
    return None


def _read(plan: Plan, name: str, text: str) -> _Tried:
    """The configuration with its includes, which are also read here if the node is elsewhere."""
    node = plan.node(name)
    at = node.folder.config
    whole = expand_includes(str(at), text, lambda pattern, to: included(at.parent / to / pattern))
    needs = {
        one.path: refusal_at(whole, one.at, f"{one.message}: {_MISSING}")
        for one in required_paths(whole)
    }
    for path in read_conf(text).get("include", ()) if node.machine else ():
        if path.startswith("/") and not has_magic(path):
            message = f"can't open config file '{path}': {_MISSING}"
            needs[path] = StartupRefusal(
                path=str(at), line=0, text=f"include {path}", message=message
            )
    own = node.home.parent.parent
    return _Tried(
        whole=whole,
        needs={path: one for path, one in needs.items() if not Path(path).is_relative_to(own)},
    )


def _is_known(plan: Plan, name: str) -> bool:
    own = name in OWN_DIRECTIVES and plan.engine.knows(name)
    return own or name in IMMUTABLE or name.startswith("tls-")


def _refusal(tried: _Tried, output: TrialOutput) -> StartupRefusal | None:
    whole, at = tried.whole, refused_line(tried.whole, output.printed)
    if at is not None and at < len(whole.origins):
        return refusal_at(whole, at, refusal_message(output.printed))
    if output.missing:
        return tried.needs[output.missing[0]]
    if found := conflicts(whole):
        return found
    at = unknown_directive_at(whole, None)
    return refusal_at(whole, at, UNKNOWN_DIRECTIVE) if at is not None else None
