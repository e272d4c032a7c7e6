"""What a server is given to judge of a redis.conf, and what is made of its words; no server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.doctor.conf_includes import ConfWithIncludes, expand_includes
from redistopo.doctor.startup_verdict import (
    STOP_WORD,
    conflicts,
    lines_to_check,
    refusal_at,
    refusal_message,
    refused_line,
    required_paths,
    unknown_directive_at,
)


def _whole(text: str) -> ConfWithIncludes:
    return expand_includes("/srv/redis.conf", text, lambda _pattern, _here: ())


FATAL = "\n*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nReading the configuration file, at "

# The file, what a server printed, the line that it means (from 0), and its reason.
SAID: list[tuple[str, str, int | None, str]] = [
    ("port 1\nfoo", f"{FATAL}line 2\n>>> 'foo'\nBad directive\n", 1, "Bad directive"),
    ("a b", f"{FATAL}line 1\n>>> 'a 'b' c'\nUnbalanced quotes", 0, "Unbalanced quotes"),
    # the closing line, which stands after all of the file's own
    ("port 1", f"{FATAL}line 4\n>>> 'port \"x\"'\nargument", 1, "argument"),
    ("dir /a", "9:C # Can't chdir to '/a': Not there", 0, "Can't chdir to '/a': Not there"),
    ("port 1", "Illegal instruction", None, ""),
    ("port 1", "", None, ""),
]


@pytest.mark.parametrize(("text", "output", "at", "reason"), SAID)
def test_the_line_and_the_reason_are_read(
    text: str, output: str, at: int | None, reason: str
) -> None:
    assert refused_line(_whole(text), output) == at
    assert refusal_message(output) == reason


# Lines with a password, and words about them.
HIDDEN = [
    ("requirepass hush hush", "wrong number of arguments"),
    ("requirepas hush", "Bad directive or wrong number of arguments"),
    ("MASTERAUTH 'hush", "Unbalanced quotes in configuration line"),
    ("user alice on hush ~*", "Error in user declaration 'hush': Syntax error"),
    ("sentinel auth-pass m hush x", "Wrong number of arguments for 'hush'"),
    ("tls-key-file-pass hush x", "wrong number of arguments"),
]


@pytest.mark.parametrize(("line", "said"), HIDDEN)
def test_no_password_is_shown(line: str, said: str) -> None:
    found = refusal_at(_whole(f"port 1\n{line}"), 1, said)
    assert "hush" not in found.text + found.message
    assert found.text
    assert (found.path, found.line) == ("/srv/redis.conf", 2)


def test_nothing_is_logged_to_the_file_while_it_is_judged() -> None:
    text = "logfile /srv/l\nLOGFILE 'a b'\nsyslog-enabled YES\nlogfile a b\nsyslog-enabled maybe"
    # what a server would refuse stands as it is; 'a b' is one argument
    kept = lines_to_check(_whole(text))
    assert kept[0] == kept[1] == kept[2] == ""
    assert kept[3:] == ["logfile a b", "syslog-enabled maybe"]
    assert lines_to_check(_whole("a\nb\nc"), frozenset({1})) == ["a", "", "c"]


# Lines that no server is given, and a part of why they are refused.
WITHHELD = [
    ("include /gone.conf", "can't open config file '/gone.conf'"),
    ('"inc"lude /dev/zero', "Unbalanced quotes"),
    ("include a b", "wrong number of arguments"),
    ('"log"file /srv/l', "Unbalanced quotes"),
    ("rename-command 'config|get' x", "No such command"),
]


@pytest.mark.parametrize(("line", "said"), WITHHELD)
def test_what_could_do_harm_is_given_to_no_server(line: str, said: str) -> None:
    whole = _whole(f"port 1\n{line}\nport 2")
    assert lines_to_check(whole) == ["port 1", f"port {STOP_WORD}", "port 2"]
    assert said in refusal_at(whole, 1, "argument couldn't be parsed into an integer").message


# The file, and the line that clashes with another one (from 1), 0 for none.
CLASHES = [
    ("cluster-enabled yes\nslaveof 127.0.0.1 1", 2),
    ("cluster-enabled yes\nreplicaof no one", 0),
    ("cluster-enabled no\nreplicaof 127.0.0.1 1", 0),
    ("aclfile /a\nuser alice on", 1),
    ("aclfile ''\nuser alice on", 0),
    ('"aclfile" /a\nuser alice on', 1),
    ("port 0\ntls-port 7000", 2),
    ("tls-port 7000\ntls-cert-file a\ntls-key-file b", 0),
    ("port 0", 1),
    ("port 0\nunixsocket /s", 0),
    ("port 7000\nbind ''", 2),
    ("bind ''\nbind 127.0.0.1", 0),
    ("port 60000\ncluster-enabled yes", 1),
    ("port 60000\ncluster-enabled yes\ncluster-port 7001", 0),
    ("port 60000", 0),
    ("user a on +@nothing", 1),
    ("user a on +@read -@DANGEROUS (+@write ~x) >+@pass", 0),
    ("loadmodule /m.so\nuser a on +@itsown", 0),
    ("", 0),
]


@pytest.mark.parametrize(("text", "line"), CLASHES)
def test_lines_that_are_well_alone_may_clash(text: str, line: int) -> None:
    found = conflicts(_whole(text))
    assert (found.line if found else 0) == line


# The file, and what has to be there before a start.
WANTED = [
    ("aclfile /a/users.acl", ["/a/users.acl"]),
    ("aclfile users.acl", []),
    (r'aclfile "/a/\xff"', []),
    ("dir /data\naclfile users.acl\nlogfile l", ["/data/users.acl", "/data"]),
    ("logfile /var/log/redis/r.log\nlogfile ''", []),
    ("unixsocket /run/redis/r.sock", ["/run/redis"]),
    ("loadmodule /m/a.so x y\nloadmodule /m/b.so", ["/m/a.so", "/m/b.so"]),
    ("tls-cert-file /c", []),
    ("tls-port 1\ntls-cert-file /c\ntls-key-file /k", ["/c", "/k"]),
]


@pytest.mark.parametrize(("text", "paths"), WANTED)
def test_what_has_to_be_there_is_known(text: str, paths: list[str]) -> None:
    assert [one.path for one in required_paths(_whole(text))] == paths


KNOWN = frozenset({"port", "bind", "slaveof"})

# The file, the names that the server knows (None: it refuses others itself), the odd line.
STRANGE: list[tuple[str, frozenset[str] | None, int | None]] = [
    ("port 1\nmaxmemry 1", KNOWN, 1),
    ("port 1\nmaxmemry 1", None, None),
    ("PORT 1\nslaveof a 1\n# x y\n\nuser a on\ninclude x", KNOWN, None),
    ("search.limit 3", None, 0),
    ("search.limit 3\nloadmodule /m.so", None, None),
    ("lua-replicate-commands yes\n'port' 1\n'prt' 1", KNOWN, 2),
    ("odd 3\nloadmodule /m.so", KNOWN, None),
]


@pytest.mark.parametrize(("text", "known", "at"), STRANGE)
def test_a_name_that_no_module_brings_is_found(
    text: str, known: frozenset[str] | None, at: int | None
) -> None:
    assert unknown_directive_at(_whole(text), known) == at


@given(st.text(), st.text())
def test_no_file_and_no_words_break_it(text: str, output: str) -> None:
    whole = _whole(text)
    assert len(lines_to_check(whole)) == len(whole.origins)
    at = refused_line(whole, f"{FATAL}line 1\n>>> '{output}'\n{output}")
    assert at is None or at <= len(whole.origins)
    for one in required_paths(whole):
        assert refusal_at(whole, one.at, one.message).text.isprintable()
    conflicts(whole)
