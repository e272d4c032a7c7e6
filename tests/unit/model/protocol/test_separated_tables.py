"""Tables of a merged cluster without the other's nodes."""

import pytest

from redistopo.model.protocol.nodes_conf import parse_nodes_conf
from redistopo.model.protocol.separated_tables import separated, stray_shards

A, B, C, X = (letter * 40 for letter in "abcd")
ADDRESSES = {A: "h:1", B: "h:2", C: "h:3", X: "o:9"}
ROLES = {
    A: ("master", "-", 7, "0-8191"),
    B: ("slave", X, 9, ""),
    C: ("slave", X, 9, ""),
    X: ("master", "-", 9, "8192-16383"),
}


def _table(own: str, roles: dict[str, tuple[str, str, int, str]] = ROLES) -> str:
    lines = []
    for one, (role, primary, epoch, slots) in roles.items():
        flags = f"myself,{role}" if one == own else role
        lines.append(
            f"{one} {ADDRESSES[one]}@1 {flags} {primary} 0 0 {epoch} connected {slots}".strip()
        )
    return "\n".join([*lines, "vars currentEpoch 9 lastVoteEpoch 8", ""])


GONE = {C: "0-8191", X: "8192-16383"}
TABLES = {ADDRESSES[one]: _table(one) for one in (A, B, C)}


def test_a_shard_that_another_cluster_took_over_is_found() -> None:
    (found,) = stray_shards(TABLES)
    assert (found.owner, [str(one) for one in found.slots]) == ("o:9", ["8192-16383"])
    assert found.addresses == ("h:2", "h:3")


@pytest.mark.parametrize(("lead", "follower"), [("h:2", "h:3"), ("h:3", "h:2")])
def test_the_chosen_node_owns_the_slots_in_epochs_below_the_others(
    lead: str, follower: str
) -> None:
    texts = separated(TABLES, stray_shards(TABLES), {lead})
    ids = set()
    for address, text in texts.items():
        table = parse_nodes_conf(text, address)
        assert table is not None
        ids |= {one.id for one in table.entries}
        chosen, other, kept = table.at(lead), table.at(follower), table.at("h:1")
        assert chosen is not None
        assert other is not None
        assert kept is not None
        assert (chosen.is_primary, chosen.slots) == (True, ("8192-16383",))
        assert (other.is_primary, other.primary, other.slots) == (False, chosen.id, ())
        assert {kept.epoch, chosen.epoch} == {1, 2}
        assert table.epoch == 9  # a vote in an epoch up to this one may have been given
    assert len(ids) == 3
    assert not ids & {A, B, C, X}  # the other cluster would meet the nodes that it knows again


def test_shards_whose_owners_lost_their_addresses_are_told_apart() -> None:
    owned = {A: ("slave", C), B: ("slave", X)}
    lost = [f"{one} :0@0 master,noaddr - 0 0 9 connected {slots}" for one, slots in GONE.items()]
    tables = {
        ADDRESSES[one]: "\n".join(
            [
                f"{one} {ADDRESSES[one]}@1 myself,{role} {primary} 0 0 9 connected",
                *lost,
                "vars currentEpoch 9 lastVoteEpoch 8",
                "",
            ]
        )
        for one, (role, primary) in owned.items()
    }
    found = stray_shards(tables)
    assert [one.addresses for one in found] == [("h:1",), ("h:2",)]
    assert [str(slots) for one in found for slots in one.slots] == list(GONE.values())
    assert {one.owner for one in found} == {""}


def test_a_choice_of_no_node_and_slots_with_two_owners_change_nothing() -> None:
    assert separated(TABLES, stray_shards(TABLES), {"h:1"}) == {}
    twice = {**ROLES, B: ("master", "-", 3, "0-100")}
    tables = {**TABLES, "h:2": _table(B, twice)}
    assert separated(tables, stray_shards(tables), {"h:3"}) == {}
