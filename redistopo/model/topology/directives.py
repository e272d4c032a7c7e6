"""The directives that `set` changes: their lines in a file, and what may not be set."""

import difflib
import re
from collections.abc import Iterable, Sequence

from redistopo.errors import UsageError
from redistopo.model.protocol.conf import (
    ONLY_AT_START,
    SECRET_DIRECTIVES,
    TEXTS,
    canonical_directive,
    quote_argument,
)
from redistopo.model.protocol.sentinel_replies import MONITOR
from redistopo.model.remedies.of_topology import rotate_passwords
from redistopo.model.topology.parse import DIRECTIVE
from redistopo.model.topology.spec import TOPOLOGY_KEYS, Persistence, Topology
from redistopo.model.topology.validate import OWNED

BUFFER_LIMIT = "client-output-buffer-limit"
SENTINELS_KEYS = {
    "quorum": "quorum",
    "down-after-milliseconds": "down_after",
    "failover-timeout": "failover_timeout",
    "parallel-syncs": "parallel_syncs",
}
"""Sentinel settings of the primary, and the keys of the topology file that set them."""

QUOTES = '""'
"""An empty value in a redis.conf."""

_KEYS = frozenset(key.name for key in TOPOLOGY_KEYS)
_EFFECTS = (
    ({"shape", "shards", "replicas", "sentinels", "formation"}, "before the first redistopo up"),
    ({"host", "announce_host", "announce_port", "port", "sentinel_port", "auth", "tls", "acl"},
     "then redistopo down and redistopo up; data is kept"),
    ({"engine"}, "then redistopo upgrade"),
    (_KEYS, "then redistopo up"),
)  # fmt: skip
"""Keys, and how a change of them takes effect; the first that a key is in counts."""

_AT_RUNTIME = re.compile(r"immutable|protected config|Unsupported CONFIG parameter", re.IGNORECASE)


def settable(name: str) -> str:
    """Return the directive's current name; raises UsageError for one that `set` may not change,
    with what to do instead."""
    if not re.fullmatch(DIRECTIVE, name):
        raise UsageError(f"{name!r} is not a directive name", hint="use letters, digits and '-'")
    key = name.replace("-", "_")
    if key in _KEYS and name not in {*OWNED, *SENTINELS_KEYS}:
        raise UsageError(
            f"{key} is a key of the topology file, not a directive of servers",
            hint=_change(key),
        )
    directive = canonical_directive(name)
    if directive in ("requirepass", "masterauth", "primaryauth"):
        raise UsageError(
            f"{directive} is a secret and isn't kept in the topology file",
            hint=rotate_passwords("to change it, also on running servers: "),
        )
    if directive in OWNED:
        instead = OWNED[directive]
        raise UsageError(
            f"{directive} is set by redistopo itself",
            detail=f"use {instead}" if instead else "it can't be changed",
            hint=_change(*re.findall(r"[a-z_]+", instead)) if instead else "",
        )
    if directive in SECRET_DIRECTIVES:
        raise UsageError(
            f"{directive} is a secret, and other users may see a command line",
            hint="set it in the topology file, then redistopo down; redistopo up",
        )
    if directive in ONLY_AT_START:
        raise UsageError(
            f"{directive} is only read at startup and may occur several times",
            hint="set it in the topology file, then redistopo restart --rolling",
        )
    return directive


def _change(*words: str) -> str:
    """How to change keys of the topology file, and what then takes effect."""
    keys = [one for one in words if one in _KEYS]
    if keys == ["password_file"]:
        return rotate_passwords("set password_file in the topology file, then ")
    effect = next(how for names, how in _EFFECTS if names.intersection(keys))
    return f"set {' or '.join(keys)} in the topology file, {effect}"


def not_for_sentinels(directive: str, name: str) -> UsageError:
    """Build the error for a directive that `set` can't set on a Sentinel."""
    if key := SENTINELS_KEYS.get(directive):
        return UsageError(
            f"{directive} is not a directive of {name}, but a setting of all Sentinels",
            hint=f"change {key} in the topology file, then redistopo up",
        )
    keys = ", ".join(SENTINELS_KEYS.values())
    return UsageError(
        f"{name} is a Sentinel and has no directives to set",
        detail=f"its settings are keys of the topology file: {keys}",
        hint="change the key there, then redistopo up",
    )


def lines_of(directive: str, words: Sequence[str], before: Sequence[str] = ()) -> tuple[str, ...]:
    """Convert a value to its lines in redis.conf; `before` are the current lines.

    `save` has a line for each save point (6.2 reads only one a line), and
    client-output-buffer-limit one for each client class, of which others are kept. Anything
    else has one line, quoted if it is one argument with spaces.
    """
    text = " ".join(" ".join(words).split())
    if text in ("", QUOTES, "''"):
        return ("",)
    if directive in TEXTS and " " in text and text[0] not in "\"'":
        return (quote_argument(text),)
    parts = text.split()
    if directive == "save" and len(parts) % 2 == 0:
        return tuple(" ".join(parts[n : n + 2]) for n in range(0, len(parts), 2))
    if directive == BUFFER_LIMIT and len(parts) % 4 == 0:
        classes = {_class(line): line for line in before}
        asked = (" ".join(parts[n : n + 4]) for n in range(0, len(parts), 4))
        return tuple((classes | {_class(line): line for line in asked}).values())
    return (text,)


def _class(line: str) -> str:
    return canonical_directive(line.partition(" ")[0])


def with_lines(text: str, directive: str, lines: Iterable[str]) -> str:
    """Replace the lines of a directive in a redis.conf, in place or at the end."""
    fresh = [f"{directive} {line or QUOTES}" for line in lines]
    kept: list[str] = []
    for line in text.removesuffix("\n").split("\n"):
        if canonical_directive((line.split(None, 1) or [""])[0]) != directive:
            kept.append(line)
            continue
        kept += fresh
        fresh = []
    return "\n".join([*kept, *fresh]) + "\n"


def only_at_a_start(refusal: str) -> bool:
    """Return whether a server's error means that CONFIG SET can't change this directive.

    Redis 6.2 has the same error for an unknown directive.
    """
    return _AT_RUNTIME.search(refusal) is not None


def unknown(directive: str, known: Iterable[str], reply: str = "") -> UsageError:
    """Build the error for an unknown directive, with similar names."""
    free = [one for one in known if one not in OWNED]
    near = difflib.get_close_matches(directive, free, n=3, cutoff=0.6)
    return UsageError(
        f"the server has no directive {directive}",
        detail=reply,
        hint=f"did you mean {' or '.join(near)}?" if near else "",
    )


def planned_sentinel_settings(topology: Topology) -> dict[str, tuple[str, ...]]:
    """Return the settings that each Sentinel of a topology should have."""
    return {
        MONITOR: (topology.name,),
        "quorum": (str(topology.quorum),),
        "down-after-milliseconds": (str(topology.down_after),),
        "failover-timeout": (str(topology.failover_timeout),),
        "parallel-syncs": (str(topology.parallel_syncs),),
    }


def adopted_config(topology: Topology) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the settings that each adopted server of a topology should have: only those in the
    file, since redistopo didn't write its configuration."""
    usual = {"appendonly": ("yes" if topology.persistence is Persistence.AOF else "no",)}
    if topology.persistence is Persistence.NONE:
        usual["save"] = ("",)
    if topology.clustered:
        usual["cluster-node-timeout"] = (str(topology.node_timeout),)
    data = {
        name: {**usual, **topology.redis, **topology.nodes.get(name, {})}
        for name in topology.data_names
    }
    return data | {name: planned_sentinel_settings(topology) for name in topology.sentinel_names}
