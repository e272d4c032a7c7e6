"""Every command and option has help, and docs/reference.md names the command."""

import re

import click


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
