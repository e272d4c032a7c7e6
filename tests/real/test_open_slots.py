"""A replica has its primary's open slots (Valkey 8.0 and later); one that was down keeps them."""

import pytest
from support.engines import BUNDLED, PACKAGED
from support.project import Project
from support.waiting import until

from redistopo.model.protocol.engine import Product


@pytest.mark.fault(
    "a slot is closed on a primary while its replica, which has it open too, is down (Valkey 8)",
    "`up` closes it on the replica, but leaves it alone while a client that may be moving it is "
    "connected",
)
def test_up_closes_a_slot_that_is_open_only_on_a_replica_unless_a_mover_may_be_at_work(
    project: Project,
) -> None:
    engine = BUNDLED if BUNDLED.product is Product.VALKEY else PACKAGED
    project.init("cluster", "--formation", "instant", engine=engine.path)
    project.up()
    with project.client(project.port + 1) as other:
        target = other.execute_command("CLUSTER MYID")
    with project.client() as primary, project.client(project.port + 3) as replica:
        replica.response_callbacks.clear()  # CLUSTER NODES as it is
        assert primary.execute_command("CLUSTER SETSLOT", 100, "MIGRATING", target)
        until(lambda: "[100->-" in str(replica.execute_command("CLUSTER NODES")))
        project.run("stop", "node4", check=0)
        assert primary.execute_command("CLUSTER SETSLOT", 100, "STABLE")
        told = project.run("up", "--json", check=3).json["error"]
        assert "a client may be moving them" in told["message"]
        assert told["hint"].endswith("redistopo up")
    done = project.run("up", check=0)
    assert "give one owner to each of the open slots of node1" in done.err
    assert project.faults() == []
    with project.client(project.port + 3) as replica:
        replica.response_callbacks.clear()
        assert "[100" not in str(replica.execute_command("CLUSTER NODES"))


@pytest.mark.fault(
    "a cluster is stopped while the keys of a slot are on two primaries",
    "the next `up` moves them to one of them, and loses none",
)
def test_a_half_migrated_slot_is_settled_by_the_next_up_and_loses_no_key(project: Project) -> None:
    """`down` and `up` while keys of a slot are on both sides."""
    words = ("--shards", "2", "--replicas", "0", "--formation", "instant")
    project.init("cluster", *words, engine=BUNDLED.path)
    project.up()
    ports = [project.port, project.port + 1]
    with project.client(ports[0]) as source, project.client(ports[1]) as target:
        keys = [f"{{06S}}{number}" for number in range(20)]  # the name has slot 0
        slot = source.execute_command("CLUSTER KEYSLOT", keys[0])
        for key in keys:
            source.set(key, key)
        ids = [one.execute_command("CLUSTER MYID") for one in (source, target)]
        target.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[0])
        source.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[1])
        source.execute_command(
            "MIGRATE", "127.0.0.1", ports[1], "", 0, 5000, "AUTH", project.password, "KEYS",
            *keys[:10],
        )  # fmt: skip
        assert source.dbsize() == target.dbsize() == 10
    project.run("down", check=0)
    project.up()
    assert project.faults() == []
    found = {}
    for port in ports:
        with project.client(port) as node:
            found |= {key: node.get(key) for key in node.keys("{06S}*")}
    assert found == {key: key for key in keys}
