"""redis.conf as values: quoting into it, reading it back, comparing it with a live server."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.protocol.conf import (
    DIRECTIVES_NOT_COMPARED,
    conf_drift,
    quote_argument,
    read_conf,
    unquote,
)
from redistopo.model.state.observed import Observed

# Arguments as Redis 7.0.15 reads them: put into a redis.conf, asked for by CONFIG GET.
READ_BY_REDIS = [
    ("plain", "plain"),
    ("\tq", "q"),
    ("127.0.0.1 -::1", "127.0.0.1 -::1"),
    ('"16"', "16"),
    ('""', ""),
    (r'"a\x41b"', "aAb"),
    (r'"a\"b\\c"', 'a"b\\c'),
    (r'"it\as\b{title}"', "it\as\b{title}"),
    (r"'it\'s'", "it's"),
    ('abc"def ghi"', "abcdef ghi"),
]


@given(st.text(st.characters(codec="utf-8")))
def test_a_quoted_value_reads_back_as_itself(value: str) -> None:
    assert unquote(quote_argument(value)) == value


@given(st.text(st.characters(codec="utf-8")))
def test_a_quoted_value_is_one_line_of_ascii(value: str) -> None:
    quoted = quote_argument(value)
    assert quoted.isascii()
    assert quoted.isprintable()


@given(st.text(st.characters(codec="utf-8")))
def test_a_quoted_value_is_one_argument(value: str) -> None:
    assert unquote(f"{quote_argument(value)} {quote_argument(value)}") == f"{value} {value}"


@pytest.mark.parametrize(
    ("value", "quoted"),
    [
        ("", '""'),
        ("/data/node1", "/data/node1"),
        ("16mb", "16mb"),
        ("two words", '"two words"'),
        ("#hash", '"#hash"'),
        ('"', r'"\""'),
        ("\\", r'"\\"'),
        ("'", '"\'"'),
        ("\n", r'"\x0a"'),
        ("é", r'"\xc3\xa9"'),
    ],
)
def test_only_what_needs_quotes_gets_them(value: str, quoted: str) -> None:
    assert quote_argument(value) == quoted


@pytest.mark.parametrize(("text", "value"), READ_BY_REDIS)
def test_arguments_are_read_as_redis_reads_them(text: str, value: str) -> None:
    assert unquote(text) == value


@given(st.text(st.characters(codec="utf-8")))
def test_any_line_is_read(text: str) -> None:
    assert isinstance(unquote(text), str)


def test_a_conf_is_read_without_comments_and_blank_lines() -> None:
    text = '# a comment\n\n  # another\nHZ 10\nsave 900 1\nsave 300 10\n  dir "/a b"\nsave ""\n'
    assert read_conf(text) == {
        "hz": ("10",),
        "save": ("900 1", "300 10", ""),
        "dir": ("/a b",),
    }


def test_a_directive_may_be_parted_from_its_value_by_a_tab() -> None:
    assert read_conf("maxmemory\t1gb\n") == {"maxmemory": ("1gb",)}


def test_a_name_may_be_quoted() -> None:
    assert read_conf("'requirepass' hush\n\"HZ\" 10\n") == {"requirepass": ("hush",), "hz": ("10",)}


@pytest.mark.parametrize("letter", ["\u2028", "\x85", "\x1c"])
def test_only_a_newline_ends_a_line(letter: str) -> None:
    # so does Redis: it splits its configuration at \n alone (config.c, loadServerConfigFromString)
    assert read_conf(f'dbfilename "a{letter}b"\n') == {"dbfilename": (f"a{letter}b",)}


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True),
        st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=3).map(tuple),
    )
)
def test_written_directives_are_read_back(directives: dict[str, tuple[str, ...]]) -> None:
    lines = [
        f"{name} {quote_argument(value)}" for name, values in directives.items() for value in values
    ]
    assert read_conf("\n".join(lines)) == directives


# directive, its lines in the file, the live value
SAME = [
    ("hz", ("10",), "10"),
    ("hz", ("5", "10"), "10"),
    ("maxmemory", ("1gb",), "1073741824"),
    ("maxmemory", ("1Gb",), "1073741824"),
    ("maxmemory", ("100MB",), "104857600"),
    ("maxmemory", ("1g",), "1000000000"),
    ("maxmemory", ("5k",), "5000"),
    ("maxmemory", ("5kb",), "5120"),
    ("maxmemory", ("7b",), "7"),
    ("maxmemory-clients", ("5%",), "5%"),
    ("appendfsync", ("EVERYSEC",), "everysec"),
    ("bind", ("127.0.0.1   -::1",), "127.0.0.1 -::1"),
    ("save", ("",), ""),
    ("save", ("900 1", "300 10"), "900 1 300 10"),
    ("save", ("900 1 300 10",), "900 1 300 10"),
    ("save", ("", "900 1"), "900 1"),
    # a later `save ""` takes the earlier points away, by Redis 7.0.15
    ("save", ("900 1", ""), ""),
    ("auto-aof-rewrite-percentage", ("-1",), "-1"),
]

DIFFERENT = [
    ("hz", ("10",), "100"),
    ("hz", ("10", "5"), "10"),
    ("maxmemory", ("1gb",), "1000000000"),
    ("maxmemory", ("0",), "100"),
    ("appendonly", ("yes",), "no"),
    ("save", ("",), "3600 1"),
    ("save", ("900 1",), ""),
    ("bind", ("127.0.0.1",), "127.0.0.1 0.0.0.0"),
    ("dir", ("/data/Node1",), "/data/node1"),
    ("masterauth", ("Secret",), "secret"),
    ("masterauth", ("1kb",), "1024"),
]


@pytest.mark.parametrize(("name", "lines", "live"), SAME)
def test_one_value_in_two_spellings_is_no_drift(
    name: str, lines: tuple[str, ...], live: str
) -> None:
    assert conf_drift({name: lines}, {name: live}) == {}


@pytest.mark.parametrize(("name", "lines", "live"), DIFFERENT)
def test_another_value_is_drift(name: str, lines: tuple[str, ...], live: str) -> None:
    assert conf_drift({name: lines}, {name: live}).keys() == {name}


def test_drift_tells_both_values() -> None:
    assert conf_drift({"hz": ("10",)}, {"hz": "100"}) == {"hz": ("10", "100")}


def test_what_the_server_does_not_list_is_no_drift() -> None:
    assert conf_drift({"some-module-option": ("1",)}, {"hz": "10"}) == {}


@pytest.mark.parametrize("name", sorted(DIRECTIVES_NOT_COMPARED))
def test_what_reads_back_in_another_form_is_not_compared(name: str) -> None:
    assert conf_drift({name: ("a",)}, {name: "b"}) == {}


@pytest.mark.parametrize(
    ("alias", "name"),
    [("slave-read-only", "replica-read-only"), ("slave-priority", "replica-priority")],
)
def test_an_old_name_set_after_the_new_one_is_no_drift(alias: str, name: str) -> None:
    # Redis has one value under both names, and the later line counts
    rendered = {name: ("1",), alias: ("0",)}
    assert conf_drift(rendered, {name: "0", alias: "0"}) == {}


@pytest.mark.parametrize("shape", ["cluster", "replication"])
def test_a_fresh_server_of_every_engine_has_no_drift(
    engine_name: str,
    shape: str,
    observed: Callable[[str, str], Observed],
    sample: Callable[[str, str], Mapping[str, Mapping[str, str]]],
) -> None:
    for node in observed(engine_name, shape).nodes:
        started_with = read_conf(sample(engine_name, shape)[node.name]["redis.conf"])
        assert len(started_with) > 12
        assert conf_drift(started_with, node.config or {}) == {}
