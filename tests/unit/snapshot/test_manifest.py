"""The manifest of a snapshot: what is written is read, and nothing else is."""

import json
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.snapshot.data_check import is_verified
from redistopo.snapshot.manifest import (
    NO_DATA,
    BadManifest,
    DataDigest,
    Manifest,
    ShardFile,
    format_manifest,
    is_name,
    parse_manifest,
)

SHARD = ShardFile(
    number=1,
    file="shard1.rdb",
    bytes=100,
    sha256="0" * 64,
    slots=((0, 16383),),
    node="node2",
    role="replica",
    engine="redis 7.0.15",
    replication_id="a" * 40,
    offset=77,
    taken=1.5,
    keys={"0": 3},
    expiring=1,
)
WHOLE = Manifest(
    name="monday",
    created="2026-11-28T03:00:00.000+00:00",
    topology_id="0123456789abcdef",
    topology_name="shop",
    shape="cluster",
    engine="redis 7.0.15",
    consistency="per shard",
    paused_ms=None,
    topology_sha256="1" * 64,
    shards=(SHARD,),
    digest=DataDigest(keys=3, expiring=1, digest="f" * 32),
    secrets=("password", "password.admin"),
)


def test_what_is_written_is_read() -> None:
    assert parse_manifest(format_manifest(WHOLE)) == WHOLE
    assert parse_manifest(format_manifest(replace(WHOLE, digest=None))).digest is None


@pytest.mark.parametrize(
    ("size", "keys", "asked", "verified"),
    [
        (64 << 20, 100_000, None, True),
        ((64 << 20) + 1, 3, None, False),
        (100, 100_001, None, False),  # small ones, which would take long all the same
        (1 << 40, 1 << 40, True, True),
        (100, 3, False, False),
    ],
)
def test_small_data_is_verified_without_being_asked_to(
    size: int, keys: int, asked: bool | None, *, verified: bool
) -> None:
    shard = replace(SHARD, bytes=size, keys={"0": keys})
    assert is_verified(replace(WHOLE, shards=(shard,)), asked) is verified


def _forged(**changes: Any) -> str:
    """A manifest with other values, and the checksum of these."""
    values = json.loads(format_manifest(WHOLE))
    del values["checksum"]
    for name, value in changes.items():
        if name in values["shards"][0] and name not in values:
            values["shards"][0][name] = value
        else:
            values[name] = value
    text = json.dumps(values, sort_keys=True)
    return json.dumps({**values, "checksum": sha256(text.encode()).hexdigest()})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("[]", "not a snapshot"),
        ("{}", "not a snapshot"),
        (json.dumps({"kind": "a backup", "format": 1}), "not a snapshot"),
        (_forged(format=2), "newer redistopo (format 2)"),
        (format_manifest(WHOLE).replace("node2", "node3"), "checksum differs"),
        (_forged(file="../../../etc/passwd"), "outside the snapshot"),
        (_forged(file="/etc/passwd"), "outside the snapshot"),
        (_forged(file="shard1.rdb/../x"), "outside the snapshot"),
        (_forged(secrets=["../password"]), "outside the snapshot"),
        (_forged(name="../x"), "outside the snapshot"),
        (_forged(slots=[[0, 16384]]), "range of slots"),
        (_forged(slots=[[5, 3]]), "range of slots"),
        (_forged(shards=[]), "list of files"),
        (_forged(shards=None), "damaged"),
        (_forged(keys=3), "damaged"),
        (_forged(surprise=1), "damaged"),
    ],
)
def test_what_is_not_a_manifest_of_this_format_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadManifest, match=why.replace("(", r"\(").replace(")", r"\)")):
        parse_manifest(text)


@given(st.data())
def test_a_byte_that_is_changed_is_noticed(data: st.DataObject) -> None:
    text = format_manifest(WHOLE)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from('0a}x" '))
    changed = text[:at] + other + text[at + 1 :]
    if changed == text or (text[at].isspace() and other.isspace()):
        return
    with suppress(BadManifest):
        assert parse_manifest(changed) == WHOLE  # it was between values


numbers = st.integers(0, (1 << 128) - 1)
digests = st.builds(
    lambda keys, gone, number: DataDigest(keys=keys + gone, expiring=gone, digest=f"{number:032x}"),
    st.integers(0, 9),
    st.integers(0, 9),
    numbers,
)


@given(st.lists(digests), st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_division_into_shards(
    found: list[DataDigest], random: Any
) -> None:
    total = sum(found, NO_DATA)
    random.shuffle(found)
    cut = random.randint(0, len(found))
    assert sum(found[:cut], NO_DATA) + sum(found[cut:], NO_DATA) == total


@pytest.mark.parametrize("name", ["a", "20261128-030000", "before-upgrade", "v1.2"])
def test_a_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".hidden", "a/b", "-a", "a b", "a\n", "é", "x" * 64]
)
def test_not_a_name(name: str) -> None:
    assert not is_name(name)
