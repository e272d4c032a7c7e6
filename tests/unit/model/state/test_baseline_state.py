"""What servers print of themselves, as far as a reset compares it."""

import pytest

from redistopo.model.state.baseline_state import lasting_table, member_views, used_clients

A, B = "a" * 40, "b" * 40
TABLE = (
    f"{A} 127.0.0.1:7001@17001,host myself,master - 0 {{ping}} {{epoch}} connected 0-99 [5->-{B}]\n"
    f"{B} 127.0.0.1:7002@17002 slave,fail? {A} 5 {{ping}} {{epoch}} disconnected\n"
)


def test_a_table_is_the_same_without_times_epochs_and_order() -> None:
    first, second = (TABLE.format(ping=ping, epoch=epoch) for ping, epoch in ((1, 2), (34, 7)))
    turned = "\n".join(reversed(second.splitlines()))
    assert lasting_table(first) == lasting_table(second) == lasting_table(turned)
    assert lasting_table(first) != lasting_table(first.replace("0-99", "0-98"))


def test_members_have_the_names_of_the_topology() -> None:
    found = member_views(TABLE.format(ping=1, epoch=2), {7001: "node1"}, "node1")
    assert list(found) == ["node1", "127.0.0.1:7002"]
    assert (found["node1"].slots, found["node1"].open_slots) == (((0, 99),), (5,))
    assert found["node1"].trouble == ""
    other = found["127.0.0.1:7002"]
    assert (other.id, other.primary, other.trouble) == (B, "node1", "fail?")


@pytest.mark.parametrize(
    ("flags", "name", "use"),
    [
        ("N", "", None),
        ("M", "", None),
        ("S", "", None),
        ("Mb", "", None),
        ("Sb", "", None),
        ("P", "", "subscribed"),
        ("x", "my-client", "in MULTI"),
        ("Pb", "", "subscribed, blocked"),
        ("O", "", "in MONITOR"),
        ("tR", "", "tracking keys"),
        ("P", "sentinel-0123abcd-pubsub", None),
    ],
)
def test_clients_that_are_more_than_open(flags: str, name: str, use: str | None) -> None:
    line = (
        f"id=7 addr=127.0.0.1:5555 laddr=127.0.0.1:7001 fd=9 name={name} age=1 idle=0 "
        f"flags={flags} db=0 sub=0 psub=0 multi=-1 cmd=ping user=default\n"
    )
    found = used_clients(line + line.replace(f"flags={flags}", "flags=N"))
    assert [one.use for one in found] == ([use] if use else [])
    assert all((one.id, one.address) == ("7", "127.0.0.1:5555") for one in found)
