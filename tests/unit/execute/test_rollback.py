"""What an error of `up` says once the servers that it started are stopped again."""

from collections.abc import Callable

import pytest
from support.bench import Bench

from redistopo.errors import Unhealthy
from redistopo.execute.rollback import rolled_back_on_failure
from redistopo.model.remedies.of_topology import reset_node
from redistopo.model.remedies.remedy import RemedyClass, class_of

RESET = reset_node("node1", "its id", options=" --hard", after="; redistopo up")
FIRST = "redistopo up, which begins again; if it fails too: redistopo up --keep, then "


def _hint(on: Bench, hint: str, *, keep: bool = False, formed: bool = False) -> str:
    """The hint of an error, after the rollback."""
    on.context.started["node1"] = on.host.processes.put("node1")
    try:
        with rolled_back_on_failure(on.context, keep=keep, formed=formed):
            raise Unhealthy("not healthy", hint=hint)
    except Unhealthy as error:
        return error.hint


@pytest.mark.parametrize(
    "hint", [RESET, "redistopo call CLUSTER FORGET 1234", "redistopo cli node1 -- --cluster fix"]
)
def test_a_command_to_servers_comes_after_what_makes_them_run(
    bench: Callable[..., Bench], hint: str
) -> None:
    found = _hint(bench(), hint)
    assert found == f"{FIRST}{hint}"
    assert class_of(found) == class_of(hint)
    assert class_of(RESET) is not RemedyClass.SAFE
    for kept in ({"keep": True}, {"formed": True}):
        assert _hint(bench(), hint, **kept) == hint


@pytest.mark.parametrize(
    "hint", ["", "redistopo set maxmemory=9mb; redistopo up", "redistopo up --keep; then call it"]
)
def test_any_other_hint_stays(bench: Callable[..., Bench], hint: str) -> None:
    assert _hint(bench(), hint) == hint
