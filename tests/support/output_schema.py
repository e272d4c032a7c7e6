"""The published schema of --json's output, as a judge that accepts no field besides its own."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from redistopo.cli.output_schema import output_schema


@cache
def judge() -> Draft202012Validator:
    """A validator of whole documents."""
    return Draft202012Validator(strict(output_schema()))


@cache
def line_judge(name: str) -> Draft202012Validator:
    """A validator of the lines that a stream prints."""
    defs: Any = output_schema()["$defs"]
    return Draft202012Validator(strict({**defs[name], "$defs": defs}))


def document(text: str) -> dict[str, Any]:
    """The document, which the schema accepts."""
    found: dict[str, Any] = json.loads(text)
    faults = [
        f"{found['verb']}: {one.json_path}: {one.message[:300]}"
        for error in judge().iter_errors(found)
        for one in _leaves(error)
    ]
    assert faults == []
    return found


def strict(schema: Any) -> Any:
    """The schema, closed: published, it lets fields be added."""
    if isinstance(schema, list):
        return [strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(one) for name, one in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed["additionalProperties"] = False
    return closed


def _leaves(error: Any) -> list[Any]:
    return [leaf for one in error.context for leaf in _leaves(one)] if error.context else [error]
