"""Snapshots, by their first and last bytes; the samples were written by real servers."""

from typing import Any

import pytest

from redistopo.model.protocol.rdb import RdbFacts, ends_whole, first_counts, is_rdb, rdb_facts

AUX = b"\xfa\x09redis-ver\x057.0.0\xfa\x0aredis-bits\xc0\x40"
BY_REDIS: Any = {"version": 11, "written_by": "redis 7.0.0"}
VALKEY = b"\xfa\x0avalkey-ver\x059.1.2"
OFFSET = b"\xfa\x07repl-id\x28" + b"a" * 40 + b"\xfa\x0brepl-offset\xc1\x39\x05"
DB = b"\xfe\x00\xfb\x42\x00\x00"


@pytest.mark.parametrize(
    ("head", "facts"),
    [
        (b"REDIS0011" + AUX + b"\xff" + bytes(8), RdbFacts(keys=0, empty=True, **BY_REDIS)),
        (b"REDIS0011" + AUX + DB + b"\x00\x01a", RdbFacts(keys=512, **BY_REDIS)),
        (
            b"VALKEY080" + AUX + VALKEY + OFFSET + DB,
            RdbFacts(
                keys=512,
                replication_id="a" * 40,
                offset=1337,
                version=80,
                written_by="valkey 9.1.2",
            ),
        ),
        # functions come before keys
        (b"REDIS0011" + AUX + b"\xf5\x05hello", RdbFacts(**BY_REDIS)),
        (b"REDIS0011" + AUX[:9], RdbFacts(version=11)),
    ],
)
def test_facts_of_a_snapshot(head: bytes, facts: RdbFacts) -> None:
    assert is_rdb(head)
    assert rdb_facts(head) == facts


@pytest.mark.parametrize(
    ("tail", "whole"),
    [(b"v\xff" + bytes(8), True), (b"\xff" + bytes(8), True), (bytes(9), False), (b"\xff", False)],
)
def test_the_end_of_a_snapshot(tail: bytes, whole: bool) -> None:
    assert ends_whole(tail) is whole


@pytest.mark.parametrize(
    ("head", "counts"),
    [
        (b"REDIS0011" + AUX + DB + b"\x00\x01a", (512, 0)),
        (b"REDIS0011" + AUX + b"\xf5\x05hello" + b"\xfe\x00\xfb\x03\x02", (3, 2)),
        (b"REDIS0011" + AUX + b"\xff" + bytes(8), (0, 0)),
        (b"REDIS0011" + AUX + b"\xf5\x05hell", None),
        (b"REDIS0011" + AUX + b"\xf7", None),  # of a module
    ],
)
def test_the_keys_of_the_first_database(head: bytes, counts: tuple[int, int] | None) -> None:
    assert first_counts(head) == counts
