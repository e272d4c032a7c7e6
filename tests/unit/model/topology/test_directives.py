"""What `set` may touch, and how a value becomes the lines of a file."""

import pytest

from redistopo.errors import UsageError
from redistopo.model.topology.directives import (
    lines_of,
    only_at_a_start,
    settable,
    unknown,
    with_lines,
)


@pytest.mark.parametrize(
    ("name", "says", "hint"),
    [
        ("requirepass", "is a secret", "secret rotate"),
        ("MasterAuth", "is a secret", "secret rotate"),
        ("tls-key-file-pass", "is a secret", "set it in the topology file"),
        ("port", "is set by redistopo itself", "then redistopo down and redistopo up"),
        ("slaveof", "is set by redistopo itself", "before the first redistopo up"),
        ("node-timeout", "is a key of the topology file", "then redistopo up"),
        ("engine", "is a key of the topology file", "then redistopo upgrade"),
        ("shards", "is a key of the topology file", "before the first redistopo up"),
        ("dir", "is set by redistopo itself", ""),
        ("user", "is only read at startup", "restart --rolling"),
        ("max*", "is not a directive name", "letters"),
        ("", "is not a directive name", "letters"),
    ],
)
def test_what_may_not_be_set(name: str, says: str, hint: str) -> None:
    with pytest.raises(UsageError, match=says) as error:
        settable(name)
    assert hint in error.value.hint


@pytest.mark.parametrize(
    ("name", "today"),
    [("maxmemory", "maxmemory"), ("Slave-Priority", "replica-priority"), ("search.TIMEOUT",) * 2],
)
def test_a_directive_bears_its_name_of_today(name: str, today: str) -> None:
    assert settable(name) == today.lower()


@pytest.mark.parametrize(
    ("directive", "words", "before", "lines"),
    [
        ("maxmemory", ["100mb"], [], ["100mb"]),
        ("save", ["900 1 300 10"], [], ["900 1", "300 10"]),
        ("save", ["900", "1"], ["60 5"], ["900 1"]),
        ("save", ["900 1 300"], [], ["900 1 300"]),
        ("save", [""], ["900 1"], [""]),
        ("save", ['""'], [], [""]),
        (
            "client-output-buffer-limit",
            ["replica 256mb 64mb 60"],
            ["normal 0 0 0", "slave 1 1 1"],
            ["normal 0 0 0", "replica 256mb 64mb 60"],
        ),
        (
            "client-output-buffer-limit",
            ["normal 0 0 0 pubsub 32mb 8mb 60"],
            [],
            ["normal 0 0 0", "pubsub 32mb 8mb 60"],
        ),
        ("client-output-buffer-limit", ["normal 0"], ["pubsub 1 1 1"], ["normal 0"]),
        ("proc-title-template", ["{title} {port}"], [], ['"{title} {port}"']),
        ("proc-title-template", ['"{title} {port}"'], [], ['"{title} {port}"']),
        ("oom-score-adj-values", ["0", "200", "800"], [], ["0 200 800"]),
    ],
)
def test_a_value_as_lines(
    directive: str, words: list[str], before: list[str], lines: list[str]
) -> None:
    assert list(lines_of(directive, words, before)) == lines


@pytest.mark.parametrize(
    ("refusal", "only"),
    [
        ("Unsupported CONFIG parameter: databases", True),
        ("CONFIG SET failed (possibly related to argument 'x') - can't set immutable config", True),
        ("CONFIG SET failed (possibly ...) - can't set protected config", True),
        ("Invalid argument 'lots' for CONFIG SET 'maxmemory'", False),
        ("CONFIG SET failed (...) - argument must be a memory value", False),
    ],
)
def test_what_waits_for_a_start(refusal: str, *, only: bool) -> None:
    assert only_at_a_start(refusal) is only


def test_an_unknown_directive_has_near_names() -> None:
    known = ["maxmemory", "maxmemory-policy", "port", "save"]
    assert unknown("maxmemry", known).hint == "did you mean maxmemory or maxmemory-policy?"
    assert unknown("xyz", known).hint == ""


@pytest.mark.parametrize(
    ("directive", "lines", "text"),
    [
        ("hz", ["20"], "port 1\n# why\nhz 20\nsave 900 1\nsave 60 5\n"),
        ("save", ["1 1"], "port 1\n# why\nhz 10\nsave 1 1\n"),
        ("save", [""], 'port 1\n# why\nhz 10\nsave ""\n'),
        ("maxmemory", ["1", "2"], "port 1\n# why\nhz 10\nsave 900 1\nsave 60 5\n" + "maxmemory 1\n"
         "maxmemory 2\n"),
    ],
)  # fmt: skip
def test_a_files_lines_are_replaced(directive: str, lines: list[str], text: str) -> None:
    before = "port 1\n# why\nhz 10\nsave 900 1\nsave 60 5\n"
    assert with_lines(before, directive, lines) == text
