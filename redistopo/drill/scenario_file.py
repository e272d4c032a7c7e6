"""Scenarios: several drills in a row, from a TOML file or the built-in one."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from redistopo.model.state.drill_fault import Fault
from redistopo.model.topology.check_key import TopologyProblem
from redistopo.quick_dataclass import dataclass

DRILL_KEYS = ("name", "nodes", "each", "fault", "max_downtime")
_FORMAT = 1
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}
_WHOLE = {"rate": (1, 100_000), "clients": (1, 256), "wait_replicas": (0, 10)}
_SWITCHES = ("restore_roles", "force")
TOP_KEYS = ("format", "fault", "max_downtime", *_WHOLE, *_SWITCHES, "drill")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioDrill:
    """One entry: `nodes` fail at once, each a selector for one node; or `each` is a selector, and
    every node that it matches at that time gets its own drill. An `optional` entry is skipped if
    it matches no node."""

    name: str
    nodes: tuple[str, ...] = ()
    each: str = ""
    fault: Fault = Fault.KILL
    budget: float = 15.0
    optional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The drills to run; the settings apply to all of them."""

    drills: tuple[ScenarioDrill, ...]
    rate: int = 500
    clients: int = 4
    wait_replicas: int = 0
    restore_roles: bool = False
    force: bool = False


BUILT_IN = Scenario(
    drills=(
        ScenarioDrill(name="the primary of each shard", each="primary"),
        ScenarioDrill(name="a replica", nodes=("shard:1 replica",)),
        ScenarioDrill(name="a Sentinel", nodes=("sentinel",), optional=True),
    )
)
"""Used without a file; if shard 1 has several replicas, any of them fails."""


@dataclass(slots=True)
class _Reader:
    """Reads the keys of one document and collects the problems."""

    problems: list[TopologyProblem] = field(default_factory=list)

    def wrong(self, key: str, seen: str, allowed: str, hint: str = "") -> None:
        self.problems.append(TopologyProblem(key, seen, allowed, hint=hint))

    def unknown(self, table: Mapping[str, object], known: tuple[str, ...], within: str) -> None:
        for name in table:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}?" if near else ""
                self.wrong(within + name, "is not a key here", f"keys are {', '.join(known)}", hint)

    def fault(self, value: object, key: str) -> Fault:
        if isinstance(value, str) and value in set(Fault):
            return Fault(value)
        self.wrong(key, f"is {value!r}", f"allowed is one of {', '.join(Fault)}")
        return Fault.KILL

    def seconds(self, value: object, key: str) -> float:
        found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|)", str(value).strip())
        if found and not isinstance(value, bool):
            return float(found[1]) * _UNITS[found[2]]
        self.wrong(key, f"is {value!r}", 'a duration is written as "15s", "500ms" or "2m"')
        return 0.0

    def whole(self, value: object, key: str) -> int:
        least, most = _WHOLE[key]
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.wrong(key, f"is {value!r}", f"allowed is {least} to {most}")
        return least

    def switch(self, value: object, key: str) -> bool:
        if not isinstance(value, bool):
            self.wrong(key, f"is {value!r}", "it must be true or false")
        return value is True

    def words(self, value: object, key: str) -> tuple[str, ...]:
        some = [value] if isinstance(value, str) else value
        if isinstance(some, list) and some and all(isinstance(one, str) and one for one in some):
            return tuple(some)
        self.wrong(
            key, f"is {value!r}", 'a selector such as "shard:1 primary", or an array of these'
        )
        return ()


def parse_scenario(
    document: Mapping[str, object],
) -> tuple[Scenario | None, tuple[TopologyProblem, ...]]:
    """Return the scenario in a document, or None and every problem."""
    reader = _Reader()
    reader.unknown(document, TOP_KEYS, "")
    if document.get("format", _FORMAT) != _FORMAT:
        reader.wrong("format", f"is {document['format']!r}", "this redistopo knows format 1")
    fault = reader.fault(document.get("fault", Fault.KILL.value), "fault")
    budget = reader.seconds(document.get("max_downtime", "15s"), "max_downtime")
    base = ScenarioDrill(name="", fault=fault, budget=budget)
    given: dict[str, Any] = {
        **{key: reader.whole(document[key], key) for key in _WHOLE if key in document},
        **{key: reader.switch(document[key], key) for key in _SWITCHES if key in document},
    }
    tables = document.get("drill", BUILT_IN.drills)
    drills = tables if tables is BUILT_IN.drills else _drills(tables, base, reader)
    if reader.problems:
        return None, tuple(reader.problems)
    return Scenario(drills=tuple(drills), **given), ()


def _drills(tables: object, base: ScenarioDrill, reader: _Reader) -> list[ScenarioDrill]:
    if not isinstance(tables, list) or not tables:
        reader.wrong(
            "drill", "is not an array of tables", "write each drill below a line [[drill]]"
        )
        return []
    return [_drill(table, number, base, reader) for number, table in enumerate(tables, start=1)]


def _drill(table: object, number: int, base: ScenarioDrill, reader: _Reader) -> ScenarioDrill:
    within = f"drill {number}."
    if not isinstance(table, Mapping):
        reader.wrong(f"drill {number}", f"is {table!r}", "it must be a table")
        return base
    reader.unknown(table, DRILL_KEYS, within)
    nodes = reader.words(table["nodes"], f"{within}nodes") if "nodes" in table else ()
    each = table.get("each", "")
    if not isinstance(each, str):
        reader.wrong(f"{within}each", f"is {each!r}", 'a selector such as "primary"')
        each = ""
    if ("nodes" in table) == ("each" in table):
        reader.wrong(
            f"drill {number}",
            "has both nodes and each" if "nodes" in table else "names no node",
            "nodes = fail at once, or each = one drill per matching node",
        )
    name = table.get("name", "")
    if not isinstance(name, str):
        reader.wrong(f"{within}name", f"is {name!r}", "it must be a string")
    fault = reader.fault(table["fault"], f"{within}fault") if "fault" in table else base.fault
    budget = base.budget
    if "max_downtime" in table:
        budget = reader.seconds(table["max_downtime"], f"{within}max_downtime")
    default = f"each {each}" if each else " and ".join(nodes)
    return ScenarioDrill(
        name=str(name) or default, nodes=nodes, each=each, fault=fault, budget=budget
    )
