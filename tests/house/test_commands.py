"""Every command and option explains itself, and the README shows it."""

import re

import click


def test_a_command_has_help(name: str, command: click.Command) -> None:
    assert command.help, name
    assert command.get_short_help_str().strip(), name


def test_each_option_of_a_command_has_help(name: str, command: click.Command) -> None:
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_a_command_is_shown_in_the_readme(name: str, command: click.Command, readme: str) -> None:
    assert re.search(rf"\bredistopo {re.escape(name)}\b", readme)


def test_a_command_is_a_card(name: str, command: click.Command) -> None:
    # a help text of more than a screen isn't read
    with click.Context(command, info_name=f"redistopo {name}") as context:
        assert len(command.get_help(context).splitlines()) <= 40
