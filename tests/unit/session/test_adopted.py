"""What is refused on adopted servers, and where that is documented."""

from pathlib import Path

import pytest

from redistopo.cli.verbs import VERBS
from redistopo.errors import UsageError
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.session.adopted import NOT_ON_ADOPTED, refuse_on_adopted

SERVERS = {f"node{n}": Endpoint("10.0.0.1", 6379 + n) for n in range(1, 9)}


@pytest.mark.parametrize("verb", list(NOT_ON_ADOPTED))
def test_a_refusal_names_verb_reason_and_servers(verb: str) -> None:
    assert verb.split(maxsplit=1)[0] in VERBS
    with pytest.raises(UsageError, match=f"^{verb} doesn't work on adopted servers: ") as raised:
        refuse_on_adopted(verb, SERVERS)
    assert NOT_ON_ADOPTED[verb] in raised.value.message
    assert "node1 at 10.0.0.1:6380" in raised.value.detail
    assert raised.value.detail.endswith(" and 2 more")
    refuse_on_adopted(verb, {})


def test_the_page_lists_every_verb_that_is_refused() -> None:
    page = (Path(__file__).parents[3] / "docs" / "adopting.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.endswith(" |") and "| no" in line]
    named = {word for row in rows for word in row.split("`")[1::2]}
    assert {one.partition(" ")[0] if "export" in one else one for one in NOT_ON_ADOPTED} <= named


def test_verbs_that_work_are_not_refused() -> None:
    for verb in ("up", "set", "failover", "rebalance", "rebalance --roles", "move-slots", "undo"):
        refuse_on_adopted(verb, SERVERS)
