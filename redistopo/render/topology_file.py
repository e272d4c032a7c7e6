"""A topology becomes the commented redistopo.toml."""

import json
import textwrap

from redistopo.model.topology import KEYS, Topology, defaults
from redistopo.render.environment import fill

# Written out even where they have their default: these are what people look for.
_ALWAYS = frozenset({"format", "name", "shape", "host", "port", "shards", "replicas", "engine"})
_CLUSTER_ONLY = frozenset({"formation", "node_timeout"})
_SHARDED_ONLY = frozenset({"shards"})


def topology_file(topology: Topology) -> str:
    """The file's text; reading it back gives the same topology."""
    usual = defaults(topology.shape)
    keys = []
    for key in KEYS:
        value = getattr(topology, key.name)
        if key.name in _CLUSTER_ONLY | _SHARDED_ONLY and not topology.clustered:
            continue
        allowed = f" One of: {', '.join(key.choices)}." if key.choices else ""
        keys.append(
            {
                "name": key.name,
                "comment": textwrap.wrap(key.doc + allowed, 86),
                "value": toml_value(value),
                "written": key.name in _ALWAYS or value != usual.get(key.name),
            }
        )
    redis = {
        name: toml_value(lines[0] if len(lines) == 1 else list(lines))
        for name, lines in topology.redis.items()
    }
    return fill("topology/redistopo.toml.j2", {"keys": keys, "redis": redis})


def toml_value(value: object) -> str:
    """A value as TOML; JSON's strings, numbers, booleans and arrays are TOML's too."""
    return json.dumps(value, ensure_ascii=False)
