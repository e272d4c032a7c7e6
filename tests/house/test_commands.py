"""Every command and option has help, and docs/reference.md names the command."""

import re

import click
import pytest
from support.commands import commands_of

from redistopo.cli.main import redistopo
from redistopo.cli.verbs import VERBS


def test_a_command_has_help(name: str, command: click.Command) -> None:
    assert command.help, name
    assert command.get_short_help_str().strip(), name


def test_each_option_of_a_command_has_help(name: str, command: click.Command) -> None:
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_a_command_is_in_the_reference(name: str, command: click.Command, reference: str) -> None:
    assert re.search(rf"\bredistopo {re.escape(name)}\b", reference.replace("\n", " "))


def test_a_command_is_a_card(name: str, command: click.Command) -> None:
    # a help text of more than a screen isn't read
    with click.Context(command, info_name=f"redistopo {name}") as context:
        assert len(command.get_help(context).splitlines()) <= 40


@pytest.mark.parametrize("verb", VERBS)
def test_the_line_in_the_list_is_the_first_of_its_help(verb: str) -> None:
    assert commands_of(redistopo)[verb].get_short_help_str(300) == VERBS[verb]
