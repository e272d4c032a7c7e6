"""The rate and the clients, shared out."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.client.app_entry_point import EntryKind, EntryPoint, LoadRequest
from redistopo.drill.load_jobs import HURT_SHARE, distribute_load
from redistopo.drill.load_result import OperationKind
from redistopo.model.protocol.credentials import Login
from redistopo.model.protocol.slots import split_slots

WAY = EntryPoint(
    kind=EntryKind.CLUSTER, entries=(("127.0.0.1", 7000),), access=Login(password="correct-horse")
)
CLUSTER = LoadRequest(
    id="one",
    way=WAY,
    shards={n: (part,) for n, part in enumerate(split_slots(3), start=1)},
    hurt=frozenset({2}),
)
SINGLE = replace(CLUSTER, shards={1: ()}, hurt=frozenset({1}))

# name -> (request, the tasks of each client)
SHARES = {
    "cluster": (CLUSTER, ["w2", "w2", "r2", "w1r1w3r3"]),
    "one shard": (SINGLE, ["w1", "w1", "r1", "r1"]),
    "at least a writer, a reader and a control": (
        replace(CLUSTER, clients=1),
        ["w2", "r2", "w1r1w3r3"],
    ),
    "two hurt": (
        replace(CLUSTER, hurt=frozenset({1, 2}), clients=4),
        ["w1", "w2", "r1", "r2", "w3r3"],
    ),
    "eight": (
        replace(CLUSTER, clients=8),
        ["w2", "w2", "w2", "r2", "r2", "r2", "w1r1w3r3", "w1r1w3r3"],
    ),
}


@pytest.mark.parametrize("name", SHARES)
def test_who_does_what(name: str) -> None:
    request, wanted = SHARES[name]
    found = [
        "".join(f"{kind.value[0]}{shard}" for kind, shard in job.tasks)
        for job in distribute_load(request)
    ]
    assert found == wanted
    assert [job.number for job in distribute_load(request)] == list(range(len(wanted)))


@given(
    rate=st.integers(1, 5000),
    clients=st.integers(1, 40),
    shards=st.integers(1, 8),
    hurt=st.sets(st.integers(1, 8), min_size=1),
)
def test_the_rate_is_shared_out_whole_and_fairly(
    rate: int, clients: int, shards: int, hurt: set[int]
) -> None:
    meant = frozenset(hurt & set(range(1, shards + 1))) or frozenset({1})
    request = replace(
        CLUSTER,
        rate=rate,
        clients=clients,
        shards=dict.fromkeys(range(1, shards + 1), ()),
        hurt=meant,
    )
    share = {part: 0.0 for shard in request.shards for part in ((k, shard) for k in OperationKind)}
    for job in distribute_load(request):
        for task in job.tasks:
            share[task] += 1 / job.interval / len(job.tasks)
    assert sum(share.values()) == pytest.approx(rate)
    for shard in request.shards:
        assert (
            share[OperationKind.WRITE, shard]
            == pytest.approx(share[OperationKind.READ, shard])
            != 0
        )
    of_hurt = sum(per for (_, shard), per in share.items() if shard in meant)
    assert of_hurt == pytest.approx(rate * (HURT_SHARE if len(meant) < shards else 1))


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "a{b}"},
        {"id": ""},
        {"hurt": frozenset({9})},
        {"hurt": frozenset()},
        {"rate": 0},
        {"clients": 0},
        {"way": replace(WAY, entries=())},
    ],
)
def test_a_load_that_cant_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(CLUSTER, **wrong)


def test_no_password_is_shown() -> None:
    assert "horse" not in repr(CLUSTER)
