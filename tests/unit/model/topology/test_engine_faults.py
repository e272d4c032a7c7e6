"""Which releases have known faults, and for which shapes."""

import pytest

from redistopo.model.protocol.engine import parse_title
from redistopo.model.topology.engine_faults import ENGINE_FAULTS, EngineFault, faults_of
from redistopo.model.topology.spec import Shape


@pytest.mark.parametrize(
    ("title", "shape", "ids"),
    [
        ("Valkey 9.0.0", Shape.SENTINEL, ["valkey#2779"]),
        ("Valkey 9.0.0", None, ["valkey#2779", "valkey#2785"]),
        ("Valkey 9.0.0", Shape.CLUSTER, ["valkey#2785"]),
        ("Valkey 9.0.0", Shape.REPLICATION, []),
        ("Valkey 9.0.1", Shape.SENTINEL, []),
        ("Valkey 8.1.8", Shape.SENTINEL, []),
        ("Redis 9.0.0", Shape.SENTINEL, []),
    ],
)
def test_known_faults(title: str, shape: Shape | None, ids: list[str]) -> None:
    engine = parse_title(title)
    assert engine is not None
    assert [fault.id for fault in faults_of(engine, shape)] == ids


@pytest.mark.parametrize("title", ["", "an unknown version", "Valkey 9", "9.0.0"])
def test_what_is_no_title_of_a_release(title: str) -> None:
    assert parse_title(title) is None


@pytest.mark.parametrize("fault", ENGINE_FAULTS, ids=lambda fault: fault.id)
def test_a_fault_names_what_happens_and_the_release_that_cures_it(fault: EngineFault) -> None:
    assert fault.since < fault.fixed
    assert fault.what in fault.sentence
    assert fault.sentence.endswith(f"fixed in {fault.product.label} {fault.fixed}")
