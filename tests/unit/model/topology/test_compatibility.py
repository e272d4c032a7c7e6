"""Which engine reads the data of which; that servers do so is in tests/real/test_compatibility."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.topology.compatibility import (
    DATA_FORMATS,
    follows,
    rdb_version,
    reads,
    shares_bus,
)


def _engine(name: str) -> Engine:
    product, _, version = name.partition(" ")
    return Engine(product=Product(product), version=Version(*map(int, version.split("."))))


@pytest.mark.parametrize(
    ("engine", "written_by", "readable"),
    [
        ("redis 7.0.15", "redis 6.2.14", True),
        ("redis 6.2.14", "redis 7.0.15", False),
        ("redis 8.2.3", "redis 7.0.15", True),
        ("redis 7.0.15", "redis 8.2.3", False),
        ("redis 8.0.2", "redis 8.2.3", True),  # both write RDB version 12
        ("redis 8.2.3", "redis 8.10.2", False),
        ("valkey 8.1.8", "redis 7.2.4", True),
        ("valkey 8.1.8", "redis 7.4.0", False),
        ("valkey 9.1.2", "redis 8.2.3", False),
        ("redis 8.2.3", "valkey 8.1.8", True),
        ("redis 7.0.15", "valkey 8.1.8", False),
        ("redis 8.10.2", "valkey 9.1.2", False),
        ("valkey 9.0.0", "valkey 9.1.2", True),
        ("valkey 8.1.8", "valkey 9.0.0", False),
        ("redis 7.0.15", "", True),
        ("redis 7.0.15", "/usr/bin/redis-server", True),
    ],
)
def test_reading(engine: str, written_by: str, readable: bool) -> None:
    assert reads(_engine(engine), written_by) is readable


@pytest.mark.parametrize(
    ("replica", "primary", "possible"),
    [
        ("valkey 8.1.8", "valkey 9.1.2", True),  # it sends the shared format
        ("redis 8.2.3", "valkey 9.1.2", True),
        ("redis 7.0.15", "valkey 9.1.2", False),
        ("valkey 8.1.8", "valkey 9.0.0", False),
        ("redis 6.2.14", "redis 7.0.15", False),
        ("redis 7.0.15", "redis 6.2.14", True),
    ],
)
def test_following(replica: str, primary: str, possible: bool) -> None:
    assert follows(_engine(replica), _engine(primary)) is possible


ENGINES = st.sampled_from(DATA_FORMATS).flatmap(
    lambda row: st.integers(0, 9).map(
        lambda patch: Engine(
            product=row.product, version=Version(row.since.major, row.since.minor, patch)
        )
    )
)


@given(ENGINES, ENGINES)
def test_an_engine_follows_whatever_it_reads(one: Engine, other: Engine) -> None:
    assert reads(one, one.name)
    if reads(one, other.name):
        assert follows(one, other)
    if one.product is other.product and one.version >= other.version:
        assert reads(one, other.name)


def test_a_version_between_two_rows_writes_what_the_earlier_one_does() -> None:
    assert rdb_version(_engine("redis 8.4.0")) == rdb_version(_engine("redis 7.4.0"))
    assert rdb_version(_engine("redis 99.0.0")) == 15


@pytest.mark.parametrize(
    ("one", "other", "shared"),
    [
        ("redis 7.0.15", "valkey 9.1.2", True),
        ("redis 8.2.3", "valkey 8.1.8", False),
        ("redis 8.2.3", "valkey 7.2.8", True),
        ("redis 6.2.14", "redis 8.10.2", True),
    ],
)
def test_a_cluster_of_both(one: str, other: str, *, shared: bool) -> None:
    assert shares_bus(_engine(one), _engine(other)) is shared
    assert shares_bus(_engine(other), _engine(one)) is shared
