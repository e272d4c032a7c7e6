"""JSON schema of what `to_json` makes from a type; the rules are those of `to_json`."""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping
from enum import Enum

from redistopo.model.remedies.remedy import RemedyFields
from redistopo.model.state.observed import NodeSeen
from redistopo.session.to_json import AS_TEXT, BRIEF, CONCEALED, shown_fields

Schema = dict[str, object]

_ATOMS: Mapping[object, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
    object: {},
}

_IN_JSON = {"None": "null", "True": "true", "False": "false"}
_PYTHON = re.compile(rf"\b(?:{'|'.join(_IN_JSON)})\b")


class JsonSchemas:
    """Schemas of types; those of classes are in `defs`, by name, and refer to each other."""

    def __init__(self) -> None:
        self.defs: dict[str, Schema] = {}
        self._known: dict[type, str] = {}

    def of(self, kind: object) -> Schema:
        """Return the schema of a type; raises TypeError for one that `to_json` does not convert."""
        if kind in _ATOMS:
            return dict(_ATOMS[kind])
        origin, parts = typing.get_origin(kind), typing.get_args(kind)
        if origin in (types.UnionType, typing.Union):
            return {"anyOf": [self.of(one) for one in parts]}
        if origin is typing.Literal:
            return {"enum": list(parts)}
        if isinstance(origin, type):
            return self._generic(origin, parts)
        if not isinstance(kind, type):
            raise TypeError(f"{kind} has no JSON schema")
        if issubclass(kind, AS_TEXT):
            return {"type": "string"}
        return self._named(kind)

    def _generic(self, origin: type, parts: tuple[object, ...]) -> Schema:
        if issubclass(origin, Mapping):
            value = self.of(parts[1])
            if value != _ATOMS[str]:
                value = {"anyOf": [value, {"const": CONCEALED}]}
            return {"type": "object", "additionalProperties": value}
        if issubclass(origin, tuple) and Ellipsis not in parts:
            return self._fixed(parts)
        if issubclass(origin, tuple | list | set | frozenset):
            return {"type": "array", "items": self.of(parts[0])}
        raise TypeError(f"{origin} has no JSON schema")

    def _fixed(self, parts: tuple[object, ...]) -> Schema:
        count = len(parts)
        items = [self.of(one) for one in parts]
        return {"type": "array", "prefixItems": items, "minItems": count, "maxItems": count}

    def _named(self, kind: type) -> Schema:
        if kind not in self._known:
            name = kind.__name__
            if name in self.defs:
                raise TypeError(f"two classes have the name {name}")
            self._known[kind], self.defs[name] = name, {}
            self.defs[name].update(self._body(kind))
        return {"$ref": f"#/$defs/{self._known[kind]}"}

    def _body(self, kind: type) -> Schema:
        if issubclass(kind, Enum):
            return {**_described(kind), "enum": [one.value for one in kind]}
        if issubclass(kind, NodeSeen):
            hints = {name: _type_of_attribute(kind, name) for name in BRIEF}
            return {"description": "A node that was observed.", **self._object(hints)}
        hints = typing.get_type_hints(kind)
        if typing.is_typeddict(kind):
            named: frozenset[str] = vars(kind)["__required_keys__"]
            return {**_described(kind), **self._object(hints, named)}
        if dataclasses.is_dataclass(kind):
            shown = {name: hints[name] for name in shown_fields(kind)}
            beside = {"remedy": RemedyFields} if "hint" in shown else {}
            return {**_described(kind), **self._object({**shown, **beside}, frozenset(shown))}
        if issubclass(kind, tuple):  # a NamedTuple
            return {**_described(kind), **self._fixed(tuple(hints.values()))}
        raise TypeError(f"{kind} has no JSON schema")

    def _object(
        self, hints: Mapping[str, object], required: frozenset[str] | None = None
    ) -> Schema:
        return {
            "type": "object",
            "required": [name for name in hints if required is None or name in required],
            "properties": {name: self.of(kind) for name, kind in hints.items()},
        }


def _described(kind: type) -> Schema:
    text = " ".join((inspect.getdoc(kind) or "").split())
    for one in kind if issubclass(kind, Enum) else ():
        text = text.replace(f"`{one.name}`", f"`{one.value}`")
    return {"description": _PYTHON.sub(lambda found: _IN_JSON[found[0]], text)}


def _type_of_attribute(kind: type, name: str) -> object:
    """The type of a field, or of a property."""
    found = inspect.getattr_static(kind, name, None)
    if isinstance(found, property):
        return typing.get_type_hints(found.fget)["return"]
    return typing.get_type_hints(kind)[name]
