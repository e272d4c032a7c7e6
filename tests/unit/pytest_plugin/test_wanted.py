"""Fixtures with the same options have the same topology."""

import pytest

from redistopo.pytest_plugin.options import SHAPES, check_options
from redistopo.pytest_plugin.wanted import Wanted

USUAL = Wanted(shape="cluster", options={"shards": 3, "settings": None}, reset=True, shared=False)


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Wanted(shape="cluster", options={"shards": 3}, reset=True, shared=False), True),
        (Wanted(shape="cluster", options={"shards": 1}, reset=True, shared=False), False),
        (Wanted(shape="cluster", options=USUAL.options, reset=False, shared=False), False),
        (Wanted(shape="cluster", options=USUAL.options, reset=True, shared=True), False),
        (Wanted(shape="sentinel", options=USUAL.options, reset=True, shared=False), False),
    ],
)
def test_a_key_is_that_of_the_shape_and_all_options(other: Wanted, same: bool) -> None:
    assert (other.key == USUAL.key) is same


def test_the_order_of_settings_does_not_matter() -> None:
    one = {"maxmemory": "1mb", "appendonly": "no"}
    other = dict(reversed(one.items()))
    keys = {
        Wanted(shape="standalone", options={"settings": each}, reset=True, shared=False).key
        for each in (one, other)
    }
    assert len(keys) == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_has_its_own_options_and_those_of_all(shape: str) -> None:
    check_options(shape, dict.fromkeys([*SHAPES[shape], "engine", "settings", "shared"]))
    with pytest.raises(TypeError, match=f"a {shape} has no option ring; it has acl, auth"):
        check_options(shape, {"ring": 1})
