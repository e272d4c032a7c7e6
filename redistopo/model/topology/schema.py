"""The topology file's JSON schema, for editors; built from the same table as the validation."""

from redistopo.model.topology.adopted import ADOPTED_KEYS, ADOPTED_NODE, NODE
from redistopo.model.topology.hosts_keys import HOSTS_KEYS, MACHINE, MACHINE_KEYS
from redistopo.model.topology.parse import DIRECTIVE
from redistopo.model.topology.parse_hosts import PIN
from redistopo.model.topology.spec import TOPOLOGY_KEYS, TOPOLOGY_TABLES, TopologyKey
from redistopo.model.topology.validate import OWNED

_ONE_LINE = r"^[^\u0000-\u001f]*$"
_TYPES = {str: "string", int: "integer", bool: "boolean"}


def schema() -> dict[str, object]:
    """Build a JSON schema (draft 2020-12) that accepts what the validation accepts per key."""
    directives = {
        "type": "object",
        "propertyNames": {"pattern": f"^(?:{DIRECTIVE})$", "not": {"enum": sorted(OWNED)}},
        "additionalProperties": {"$ref": "#/$defs/directive"},
    }
    one_node = {**directives, "properties": {PIN: {"type": "string", "pattern": _ONE_LINE}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "redistopo.toml",
        "description": "A Redis topology for redistopo.",
        "type": "object",
        "additionalProperties": False,
        "required": [key.name for key in TOPOLOGY_KEYS if key.required],
        "properties": {
            **{key.name: _property(key) for key in TOPOLOGY_KEYS},
            "redis": {"description": TOPOLOGY_TABLES["redis"], **directives},
            "nodes": {
                "description": TOPOLOGY_TABLES["nodes"],
                "type": "object",
                "patternProperties": {
                    r"^node[1-9]\d*$": one_node,
                    r"^sentinel[1-9]\d*$": {**one_node, "additionalProperties": False},
                },
                "additionalProperties": False,
            },
            "hosts": _hosts(),
            "adopted": {
                "description": TOPOLOGY_TABLES["adopted"],
                "type": "object",
                "properties": {key.name: _property(key) for key in ADOPTED_KEYS},
                "patternProperties": {f"^{NODE}$": _property(ADOPTED_NODE)},
                "additionalProperties": False,
            },
        },
        "$defs": {
            "value": {"type": ["string", "number", "boolean"], "pattern": _ONE_LINE},
            "directive": {
                "anyOf": [
                    {"$ref": "#/$defs/value"},
                    {"type": "array", "items": {"$ref": "#/$defs/value"}, "minItems": 1},
                ]
            },
        },
    }


def _hosts() -> dict[str, object]:
    """The machines: each in a table, whose name is none of the keys; or in an inventory."""
    machine = {
        "type": "object",
        "properties": {key.name: _property(key) for key in MACHINE_KEYS},
        "required": [key.name for key in MACHINE_KEYS if key.required],
        "additionalProperties": False,
    }
    names = "|".join(key.name for key in HOSTS_KEYS)
    return {
        "description": TOPOLOGY_TABLES["hosts"],
        "type": "object",
        "properties": {key.name: _property(key) for key in HOSTS_KEYS},
        "patternProperties": {f"^(?!(?:{names})$){MACHINE}$": machine},
        "additionalProperties": False,
    }


def _property(key: TopologyKey) -> dict[str, object]:
    found: dict[str, object] = {"description": key.doc, "type": _TYPES[key.kind]}
    if key.choices:
        found["enum"] = list(key.choices)
    if key.least is not None:
        found["minimum"] = key.least
    if key.most is not None:
        found["maximum"] = key.most
    if key.pattern:
        found["pattern"] = f"^(?:{key.pattern})$"
    elif key.kind is str and not key.choices:
        found["pattern"] = _ONE_LINE
    return found
