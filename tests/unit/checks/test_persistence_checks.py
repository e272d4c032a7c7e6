"""Whether what servers keep is written, on changed snapshots of real servers."""

from collections.abc import Callable
from typing import Any

from support.cases import Case, alone, table

from redistopo.model.state.finding import Status

OK, FAIL = Status.OK, Status.FAIL


def _all(scene: Any, **said: object) -> Any:
    """Every node with other fields of INFO."""
    for node in scene.seen.nodes:
        scene = scene.info(node.name, **said)
    return scene


CASES: list[Case] = [
    ("data.kept", OK, "topology", "6 of 6 nodes: data is written to disk", lambda s: s),
    ("data.kept", OK, "topology", "6 of 6 nodes", lambda s: s.every(log_damage="")),
    (
        "data.kept",
        FAIL,
        "node2",
        "its append-only log is damaged: a.manifest is missing: the next start would lose keys",
        lambda s: s.node("node2", log_damage="a.manifest is missing"),
    ),
    (
        "data.kept",
        FAIL,
        "node2",
        "writing the append-only log failed (aof_last_write_status:err)",
        lambda s: s.info("node2", aof_last_write_status="err"),
    ),
    (
        "data.kept",
        FAIL,
        "node2",
        "rewriting the append-only log failed",
        lambda s: s.info("node2", aof_last_bgrewrite_status="err"),
    ),
    (
        "data.kept",
        FAIL,
        "node2",
        "the last RDB snapshot failed",
        lambda s: s.config("node2", save="60 1").info("node2", rdb_last_bgsave_status="err"),
    ),
    (
        "data.kept",
        OK,
        "topology",
        "6 of 6 nodes",  # a BGSAVE by hand, where no snapshots are asked for
        lambda s: s.info("node2", rdb_last_bgsave_status="err"),
    ),
    (
        "data.kept",
        OK,
        "topology",
        "persistence is off, as configured",
        lambda s: _all(s, aof_enabled=0),
    ),
]


@table(CASES)
def test_what_is_kept(engine_name: str, scene: Callable[[str, str], Any], case: Case) -> None:
    assert case[3] in alone(scene(engine_name, "cluster"), case)
