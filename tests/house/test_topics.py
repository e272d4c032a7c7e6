"""What `explain` tells is short, and every command in it exists, with its options."""

import re
import shlex

import click
import pytest
from support.commands import commands_of

from redistopo.cli.main import redistopo
from redistopo.render.topics import Topic, list_topics

TOPICS = list_topics()
_WANTED = {
    "replication", "cluster", "slots", "failover", "sentinel", "cache-aside", "persistence",
    "scaling",
}  # fmt: skip
_IN_TEXT = re.compile(r"`redistopo ([^`]+)`")


def _commands(topic: Topic) -> list[str]:
    """All that begins with redistopo: lines of code without their comments, and in prose."""
    lines = re.findall(r"^ {4}redistopo (.*)$", topic.text, re.MULTILINE)
    prose = " ".join(topic.text.split())
    return [re.sub(r"\s+#.*", "", one) for one in lines] + _IN_TEXT.findall(prose)


def test_the_topics_are_there() -> None:
    assert {one.name for one in TOPICS} == _WANTED


@pytest.mark.parametrize("topic", TOPICS, ids=lambda one: one.name)
def test_a_topic_is_read_in_a_minute(topic: Topic) -> None:
    lines = topic.text.splitlines()
    assert 25 <= len(lines) <= 45
    # code isn't wrapped on a terminal of 80 columns
    assert [one for one in lines if len(one) > (82 if one.startswith("    ") else 100)] == []
    assert len(topic.summary) <= 100
    assert "## Try it" in topic.text
    assert "Read on: https://" in " ".join(lines[-2:])


@pytest.mark.parametrize("topic", TOPICS, ids=lambda one: one.name)
def test_every_command_in_it_exists(topic: Topic) -> None:
    found = _commands(topic)
    assert len(found) >= 5
    for line in found:
        words = shlex.split(line)
        command: click.Command = redistopo
        while isinstance(command, click.Group):
            assert words[0] in commands_of(command), line
            command = commands_of(command)[words.pop(0)]
        # raises UsageError for an option or an argument that isn't there
        command.make_context(command.name, list(words))
        if command.name == "explain":
            assert words[0] in _WANTED


@pytest.mark.parametrize("topic", TOPICS, ids=lambda one: one.name)
def test_a_page_of_the_project_names_no_other_words(topic: Topic) -> None:
    # the servers' own, older ones stand only in their commands
    prose = re.sub(r"^ {4}.*$|`[^`]*`", "", topic.text, flags=re.MULTILINE).lower()
    assert not re.search(r"\b(master|slave)s?\b", prose)
