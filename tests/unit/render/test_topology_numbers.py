"""Numbers in the text of a topology file: they change, and nothing else does."""

import tomllib

import pytest

from redistopo.errors import UsageError
from redistopo.render.topology_edit import with_numbers

HEAD = 'format = 1\nshape = "cluster"\n'


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("shards = 3  # for now\n", "shards = 4  # for now\n"),
        ("shards=3\n", "shards=4\n"),
        ("# Primaries.\n# shards = 3\n\n[redis]\n", "# Primaries.\nshards = 4\n\n[redis]\n"),
        ("[redis]\nhz = 10\n", "shards = 4\n\n[redis]\nhz = 10\n"),
        (
            "\n# All nodes.\n[redis]\nshards = 1\n",
            "shards = 4\n\n# All nodes.\n[redis]\nshards = 1\n",
        ),
        ("", "shards = 4\n"),
    ],
)
def test_a_number_changes_and_nothing_else(text: str, after: str) -> None:
    assert with_numbers(HEAD + text, {"shards": 4}) == HEAD + after


def test_several_numbers() -> None:
    text = with_numbers(HEAD + "sentinels = 3\n# quorum = 2\n", {"sentinels": 5, "quorum": 3})
    assert tomllib.loads(text) == {
        "format": 1, "shape": "cluster", "sentinels": 5, "quorum": 3,
    }  # fmt: skip


def test_a_file_that_can_not_be_edited_reliably() -> None:
    text = HEAD + 'name = """\nshards = 3\n"""\n'
    with pytest.raises(UsageError, match="can't be edited reliably"):
        with_numbers(text, {"shards": 4})
