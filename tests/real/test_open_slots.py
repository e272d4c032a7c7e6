"""A replica has its primary's open slots (Valkey 8.0 and later); one that was down keeps them."""

import shlex

import pytest
from support.engines import BUNDLED, PACKAGED
from support.project import Project
from support.waiting import until

from redistopo.model.protocol.engine import Product


@pytest.mark.fault(
    "a slot is closed on a primary while its replica, which has it open too, is down (Valkey 8)",
    "`up` names at once the command that closes it on the replica, and it does when typed",
)
def test_a_slot_that_is_open_only_on_a_replica_is_closed_by_what_up_names(
    project: Project,
) -> None:
    engine = BUNDLED if BUNDLED.product is Product.VALKEY else PACKAGED
    project.init("cluster", "--formation", "instant", engine=engine.path)
    project.up()
    primary, replica = project.client(), project.client(project.port + 3)
    replica.response_callbacks.clear()  # CLUSTER NODES as it is
    target = project.client(project.port + 1).execute_command("CLUSTER MYID")
    assert primary.execute_command("CLUSTER SETSLOT", 100, "MIGRATING", target)
    until(lambda: "[100->-" in str(replica.execute_command("CLUSTER NODES")))
    project.run("stop", "node4", check=0)
    assert primary.execute_command("CLUSTER SETSLOT", 100, "STABLE")
    told = project.run("up", "--json", check=3).json["error"]
    assert "its primary node1 has none open" in told["detail"]
    project.run(*shlex.split(told["hint"])[1:], check=0)
    project.up()
    assert project.faults() == []
