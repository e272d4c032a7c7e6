"""Forming a cluster: the files that it starts on, and the program that does it."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.bench import Bench, ctrl_c_at, fail_at

from redistopo.errors import MissingPrerequisite, RedistopoError, TimedOut, Unreachable
from redistopo.execute.executor import execute
from redistopo.model.planning.form_cluster import form_step
from redistopo.model.planning.plan import FormationMethod
from redistopo.model.planning.step import StepKind

MakeBench = Callable[..., Bench]


def seed(on: Bench) -> None:
    on.step(StepKind.SEED, *(node.name for node in on.context.plan.nodes))


def form(on: Bench, method: FormationMethod) -> None:
    """The step that planning makes is carried out."""
    plan = on.context.plan
    plan = replace(plan, formation=replace(plan.formation, method=method))
    on.context.plan = plan
    on.run(lambda context: execute(context, (form_step(plan),)))


def test_each_node_gets_the_table_it_starts_on_in_a_folder_made_before(bench: MakeBench) -> None:
    on = bench(shards=3, replicas=0)
    seed(on)
    names = [node.name for node in on.context.plan.nodes]
    assert on.done == [
        one for name in names for one in (f"folder {name}", f"write {name}/nodes.conf")
    ]
    tables = [on.host.files.read(on.node(name).folder.table) or "" for name in names]
    own = [re.search(r"^(\w{40}) \S+ myself", table, re.MULTILINE) for table in tables]
    ids = {one[1] for one in own if one}
    assert len(ids) == len(names)
    assert all(one in table for table in tables for one in ids)


def test_a_full_disk_ends_the_seeding_and_nothing_else_is_written(bench: MakeBench) -> None:
    on = bench(shards=3, replicas=0)
    on.host.journal.ambush = fail_at("write node2/nodes.conf", MissingPrerequisite("full"))
    with pytest.raises(MissingPrerequisite, match="full"):
        seed(on)
    assert on.host.journal.of("write") == ["write node1/nodes.conf"]


def test_nodes_that_do_not_reach_each_other_are_a_clear_error(bench: MakeBench) -> None:
    on = bench(shards=3, replicas=1)
    with pytest.raises(TimedOut, match=r"the nodes couldn't connect to each other within 0\.25 s"):
        form(on, FormationMethod.INSTANT)
    assert not on.host.journal.of("write", "start", "SIGTERM")
    assert not [one for one in on.done if "TAKEOVER" in one]


def test_without_replicas_there_is_nothing_to_take_over(bench: MakeBench) -> None:
    on = bench(shards=3, replicas=0)
    form(on, FormationMethod.INSTANT)
    assert {one.rpartition(" CLUSTER ")[2] for one in on.done} == {"INFO"}


def test_redis_cli_gets_all_addresses_and_its_password_unseen(bench: MakeBench) -> None:
    on = bench(shards=11, replicas=1)
    on.host.processes.exits = [0]
    form(on, FormationMethod.REDIS_CLI)
    assert on.done == ["run redis-cli"]
    program = on.host.processes.ran[0]
    addresses = [node.address for node in on.context.plan.nodes]
    words = ["--cluster", "create", *addresses, "--cluster-replicas", "1", "--cluster-yes"]
    assert list(program.argv[1:]) == words
    assert program.secrets == {"REDISCLI_AUTH": "secret"}
    assert "secret" not in " ".join(program.argv)


def test_fewer_nodes_are_first_told_to_hurry(bench: MakeBench) -> None:
    on = bench(shards=3, replicas=1)
    with pytest.raises(Unreachable, match=r"node1 .* doesn't reply any more"):
        form(on, FormationMethod.REDIS_CLI)
    assert on.host.processes.ran == []
    assert all("CONFIG SET cluster-node-timeout 500" in one for one in on.done)


@pytest.mark.parametrize(
    ("code", "kind", "told"),
    [
        (1, RedistopoError, "redis-cli --cluster create failed (exit code 1)"),
        (None, TimedOut, "redis-cli --cluster create did not end within 0.25 s"),
    ],
)
def test_a_redis_cli_that_fails_is_quoted(
    bench: MakeBench, code: int | None, kind: type[RedistopoError], told: str
) -> None:
    on = bench(shards=11, replicas=1)
    on.host.processes.exits = [code]
    on.host.files.put(on.context.plan.layout.formation_log, "[ERR] Node is not empty\n")
    with pytest.raises(kind) as caught:
        form(on, FormationMethod.REDIS_CLI)
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.detail) == (told, "[ERR] Node is not empty")
    assert ("--timeout" in caught.value.hint) is (code is None)


def test_ctrl_c_between_two_tables_stops_the_seeding(bench: MakeBench) -> None:
    on = bench(shards=3, replicas=0)
    on.host.journal.ambush = ctrl_c_at(2)
    with pytest.raises(KeyboardInterrupt):
        seed(on)
    assert on.done == ["folder node1", "write node1/nodes.conf"]
