"""What keys are called and what stands in them: pure, so told by tables and by Hypothesis."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redistopo.cache_aside.codec import MISSING, decode, encode, jittered
from redistopo.cache_aside.fill_lock import PREFIX, new_token
from redistopo.cache_aside.keys import Keys, to_bytes, to_text

IDS = st.text(st.characters(), max_size=30) | st.from_regex(r"(v[0-9]:)*\w?", fullmatch=True)
"""Any unicode with lone surrogates, and such as look like a version."""


@pytest.mark.parametrize(
    ("version", "id", "key"),
    [
        (1, "5", "data:5"),
        (1, "", "data:"),
        (2, "5", "data:v2:5"),
        (12, "v3:5", "data:v12:v3:5"),
        (1, "v2:5", "data:v1:v2:5"),
        (1, "v1:5", "data:v1:v1:5"),
        (1, "v:5", "data:v:5"),
        (1, "v2", "data:v2"),
        (1, "{tag}", "data:{tag}"),
    ],
)
def test_a_key_is_called(version: int, id: str, key: str) -> None:
    keys = Keys("data", version)
    assert keys.key(id) == key
    assert keys.owns(key.encode())


@given(IDS, IDS, st.integers(1, 12), st.integers(1, 12))
def test_two_rows_or_two_versions_never_share_a_key(a: str, b: str, one: int, two: int) -> None:
    first, second = Keys("data", one), Keys("data", two)
    same = to_bytes(first.key(a)) == to_bytes(second.key(b))
    assert same == ((a, one) == (b, two))
    assert first.owns(to_bytes(second.key(b))) == (one == two)


@given(IDS)
def test_every_id_has_bytes_that_tell_it(id: str) -> None:
    assert to_text(to_bytes(id)) == id


@pytest.mark.parametrize("key", [b"other:1", b"dat", b"data", b"\xff", b""])
def test_what_is_no_key_of_ours(key: bytes) -> None:
    assert not Keys("data", 1).owns(key)


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=4,
        ),
    )
    | st.none()
)
def test_a_row_comes_back_as_it_was(row: object) -> None:
    written = encode(row)  # type: ignore[arg-type]
    assert decode(written) == row
    assert not written.startswith(PREFIX)


@given(st.binary(max_size=60))
def test_whatever_stands_there_is_a_row_or_missing(raw: bytes) -> None:
    row = decode(raw)
    assert row is MISSING or row is None or isinstance(row, dict)


def test_nothing_and_a_claim_are_missing_and_null_is_not() -> None:
    assert decode(None) is MISSING
    assert decode(new_token()) is MISSING
    assert decode(b"null") is None
    assert new_token() != new_token()


@given(st.floats(0.001, 1e6), st.floats(0, 1))
def test_chance_only_ever_shortens(seconds: float, jitter: float) -> None:
    assert seconds * (1 - jitter) * 0.999999 <= jittered(seconds, jitter) <= seconds * 1.000001
