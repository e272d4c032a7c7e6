"""Whether a takeover can be tried: a table."""

import pytest

from redistopo.demo.failover_check import SkippedTakeover, obstacle_to
from redistopo.model.planning.promotability import Candidate, Promotability


def _lead(**changed: object) -> Promotability:
    values = {
        "primary": "node1",
        "shard": 1,
        "votes": 3,
        "voters": 3,
        "candidates": (Candidate(name="node2", behind=0),),
        "quorum": 2,
    }
    return Promotability(**(values | changed))  # type: ignore[arg-type]  # of all types


_TOLD = "no primary was stopped, because no replica can take over from node1: "
_PASSED = Candidate(name="node2", behind=0, obstacle="is never chosen", hint="set it to 100")


@pytest.mark.parametrize(
    ("leads", "why", "fault"),
    [
        ((), "", False),
        ((_lead(),), "", False),
        # one that stands still is not missed
        ((_lead(votes=2, tilted=("sentinel1",)),), "", False),
        # over in a moment: a check that can't try it now has not passed
        ((_lead(votes=1, tilted=("sentinel1", "sentinel2")),),
         "1 of 3 Sentinels would be left to vote, and 2 are needed "
         "(in TILT mode for 30 s after a pause: sentinel1, sentinel2)", True),
        # asked for like that
        ((_lead(candidates=()),),
         "node1 has no replica (redistopo init with --replicas 1, in another folder)", False),
        ((_lead(candidates=(_PASSED,)),), "node2 is never chosen (set it to 100)", False),
        ((_lead(votes=1, voters=2, quorum=None),),
         "1 of 2 primaries would be left to vote, and 2 are needed (automatic failover needs at "
         "least 3 primaries: redistopo init cluster --shards 3, in another folder)", False),
    ],
)  # fmt: skip
def test_what_stands_in_the_way(leads: tuple[Promotability, ...], why: str, fault: bool) -> None:
    assert obstacle_to(leads) == SkippedTakeover(why=why and _TOLD + why, fault=fault)
