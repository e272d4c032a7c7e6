"""Rendered configuration: what must hold for any topology, engine and password."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.engine import Engine
from redistopo.model.protocol.replies import parse_nodes
from redistopo.model.protocol.slots import format_ranges
from redistopo.model.topology.project_paths import Layout
from redistopo.render.conf import SeedIds, node_conf, seed_tables
from redistopo.render.jinja_templates import sources

Planned = Callable[..., Plan]
Engines = Callable[..., Engine]


def _conf(plan: Plan, name: str = "node1", password: str = "secret") -> dict[str, tuple[str, ...]]:
    return dict(
        read_conf(node_conf(plan, plan.node(name), single_credential(Login(password=password))))
    )


def _seeds(plan: Plan) -> dict[str, str]:
    return seed_tables(
        plan,
        SeedIds(
            nodes={node.name: f"{node.number:040x}" for node in plan.nodes},
            shards={shard.number: f"{shard.number:040x}" for shard in plan.shards},
        ),
    )


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_any_password_is_rendered_and_read_back(plan: Planned, password: str) -> None:
    conf = _conf(plan(), password=password)
    assert (conf["requirepass"], conf["masterauth"]) == ((password,), (password,))


def test_without_auth_no_password_is_rendered(plan: Planned) -> None:
    assert not {"requirepass", "masterauth"} & _conf(plan(auth=False), password="").keys()


@pytest.mark.parametrize(
    ("product", "numbers", "known"),
    [("redis", (6, 2, 14), False), ("redis", (7, 0, 0), True), ("valkey", (7, 2, 0), True)],
)
def test_only_what_the_engine_knows_is_rendered(
    plan: Planned, engine: Engines, product: str, numbers: tuple[int, ...], known: bool
) -> None:
    assert ("cluster-port" in _conf(plan(on=engine(product, *numbers)))) is known


def test_a_replica_follows_its_primary_by_configuration(plan: Planned) -> None:
    made = plan("replication", port=7000)
    assert _conf(made, "node2")["replicaof"] == ("127.0.0.1 7000",)
    assert "replicaof" not in _conf(made, "node1")


def test_the_nodes_of_a_cluster_follow_by_their_own_table(plan: Planned) -> None:
    assert "replicaof" not in _conf(plan(), "node4")


def test_what_the_user_sets_is_not_set_by_us_too(plan: Planned) -> None:
    made = plan(redis={"save": ["900 1", "300 10"], "appendfsync": "always"})
    conf = _conf(made)
    assert (conf["save"], conf["appendfsync"]) == (("900 1", "300 10"), ("always",))


@pytest.mark.parametrize(
    ("alias", "ours"),
    [
        ("slave-read-only", "replica-read-only"),
        ("cluster-node-timeout", "cluster-node-timeout"),
    ],
)
def test_what_the_user_sets_by_an_old_name_is_not_set_by_us_too(
    plan: Planned, alias: str, ours: str
) -> None:
    conf = _conf(plan(redis={alias: "1"}))
    assert conf.get(ours) in (None, ("1",))


@given(st.integers(1, 12), st.integers(0, 3), st.booleans())
def test_every_seed_is_a_table_that_cluster_nodes_could_print(
    plan: Planned, engine: Engines, shards: int, replicas: int, valkey: bool
) -> None:
    on = engine("valkey", 9, 1, 2) if valkey else engine()
    made = plan(shards=shards, replicas=replicas, on=on)
    for name, table in _seeds(made).items():
        *lines, closing = table.splitlines()
        members = parse_nodes("\n".join(lines))
        me = next(member for member in members if member.myself)
        assert me.address == made.node(name).address
        assert closing == f"vars currentEpoch {shards} lastVoteEpoch 0"
        assert ("shard-id=" in table) is valkey


@given(st.integers(1, 12), st.integers(0, 3))
def test_a_seed_gives_each_shard_to_its_acting_primary(
    plan: Planned, shards: int, replicas: int
) -> None:
    made = plan(shards=shards, replicas=replicas)
    members = parse_nodes("\n".join(_seeds(made)["node1"].splitlines()[:-1]))
    by_port = {member.port: member for member in members}
    for shard in made.shards:
        acting = by_port[made.node(shard.acting_primary).port]
        assert shard.slots is not None
        assert (acting.primary, format_ranges(acting.slots)) == (True, str(shard.slots))
        others = {shard.primary, *shard.replicas} - {shard.acting_primary}
        assert {by_port[made.node(name).port].primary_id for name in others} <= {acting.id}


@given(st.integers(1, 12), st.integers(0, 3))
def test_the_owners_in_a_seed_have_epochs_of_their_own(
    plan: Planned, shards: int, replicas: int
) -> None:
    members = parse_nodes(
        "\n".join(_seeds(plan(shards=shards, replicas=replicas))["node1"].splitlines()[:-1])
    )
    epochs = [member.epoch for member in members if member.slots]
    assert len(set(epochs)) == len(epochs) == shards


def test_a_users_template_goes_before_ours(plan: Planned, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "network.conf.j2").write_text("bind {{ node.host }} -::1\n")
    conf = _conf(plan(templates=str(tmp_path)))
    assert conf["bind"] == ("127.0.0.1 -::1",)
    assert "port" not in conf
    assert conf["appendonly"] == ("yes",)


@pytest.mark.parametrize(
    "text", ["{% if %}", "{{ no_such_thing }}", "{{ node.no_such_thing }}", "{{ 1 // 0 }}"]
)
def test_a_users_broken_template_is_refused_with_its_name(
    plan: Planned, tmp_path: Path, text: str
) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "network.conf.j2").write_text(text)
    with pytest.raises(UsageError, match="can't be rendered"):
        _conf(plan(templates=str(tmp_path)))


def test_a_users_template_cannot_reach_into_python(plan: Planned, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    reach = "{{ node.__class__.__mro__ }}"
    (tmp_path / "conf" / "network.conf.j2").write_text(reach)
    with pytest.raises(UsageError):
        _conf(plan(templates=str(tmp_path)))


def test_a_relative_template_folder_is_beside_the_topology_file(
    plan: Planned, tmp_path: Path
) -> None:
    (tmp_path / "mine" / "conf").mkdir(parents=True)
    (tmp_path / "mine" / "conf" / "redis.conf.j2").write_text("hz 7\n")
    made = replace(plan(templates="mine"), layout=Layout(tmp_path))
    assert _conf(made) == {"hz": ("7",)}


def test_shipped_templates_are_listed_by_their_path() -> None:
    listed = dict(sources())
    assert "conf/redis.conf.j2" in listed
    assert all(text for text in listed.values())


def test_a_seed_of_many_nodes_has_their_planned_roles(plan: Planned) -> None:
    """Takeovers, one after the other, would take longer there than the 2 s that they avoid."""
    made = plan(shards=51, replicas=1)
    assert made.takeovers == ()
    for name in ("node1", "node102"):
        members = parse_nodes("\n".join(_seeds(made)[name].splitlines()[:-1]))
        by_port = {member.port: member for member in members}
        for shard in made.shards:
            primary = by_port[made.node(shard.primary).port]
            assert (primary.primary, format_ranges(primary.slots)) == (True, str(shard.slots))
            (replica,) = (by_port[made.node(one).port] for one in shard.replicas)
            assert (replica.primary_id, replica.epoch) == (primary.id, primary.epoch)
        assert len({one.epoch for one in members if one.primary}) == 51
