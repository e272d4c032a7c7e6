"""Commands in texts, with the folder that --dir named."""

from pathlib import Path

import click
import pytest

from redistopo.cli.commands_here import at, here, typed
from redistopo.cli.options import NAMED
from redistopo.model.remedies.of_topology import wipe

TEXTS = {
    "redistopo up": "redistopo -C '../a b' up",
    "see redistopo verify; redistopo up repairs": "see redistopo -C '../a b' verify; "
    "redistopo -C '../a b' up repairs",
    "redistopo down --dir /x, then redistopo up": "redistopo down --dir /x, then "
    "redistopo -C '../a b' up",
    "redistopo init cluster, in another folder": "redistopo init cluster, in another folder",
    "`redistopo engines` lists them": "`redistopo engines` lists them",
    "redistopo uploads nothing": "redistopo uploads nothing",
    "down --wipe removes it": "down --wipe removes it",
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_command_names_the_folder_unless_it_needs_none_or_has_one(text: str) -> None:
    with click.Context(click.Command("up")) as context:
        assert here(text) == text
        context.meta[NAMED] = Path.cwd()
        assert here(text) == text
        context.meta[NAMED] = Path("../a b")
        assert here(text) == TEXTS[text]
    assert here(text) == text
    assert at(Path(), text) == at(Path.cwd(), text) == text
    assert at(Path("../a b"), text) == TEXTS[text]


def test_a_path_is_quoted_and_cannot_reach_the_terminal() -> None:
    with click.Context(click.Command("up")) as context:
        context.meta[NAMED] = Path("a\\1\x1b[2J")
        assert here("redistopo up") == "redistopo -C 'a\\1\\x1b[2J' up"
        assert typed(wipe()).startswith("redistopo -C 'a\\1\\x1b[2J' down --wipe   (asks first; ")
