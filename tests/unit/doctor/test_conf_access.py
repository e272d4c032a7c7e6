"""Any redis.conf: what it binds, who may come in, and what it includes."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.doctor.conf_includes import (
    access_settings,
    acl_requires_password,
    expand_includes,
    loopback,
)
from redistopo.model.protocol.engine import Version

# Text, the addresses bound, and those that other machines may reach.
BINDS: list[tuple[str, tuple[str, ...] | None, tuple[str, ...]]] = [
    ("", None, ("every address",)),
    ("bind 127.0.0.1 -::1", ("127.0.0.1", "-::1"), ()),
    ("BIND \"127.0.0.1\"   '::1'", ("127.0.0.1", "::1"), ()),
    ("bind 0.0.0.0", ("0.0.0.0",), ("0.0.0.0",)),
    ("bind * -::*", ("*", "-::*"), ("*", "-::*")),
    ("bind 127.0.0.1 10.0.0.5 -fe80::1%eth0", None, ("10.0.0.5", "-fe80::1%eth0")),
    ("bind 10.0.0.5\nbind 127.0.0.1", ("127.0.0.1",), ()),
    ("bind 127.0.0.1\r", ("127.0.0.1",), ()),
    ("# bind 0.0.0.0\n  bind\t127.5.6.7  ", ("127.5.6.7",), ()),
    ('bind ""', (), ()),
    ("bind localhost", ("localhost",), ()),
    ("bind cache.example.org", None, ("cache.example.org",)),
    ("bind 0.0.0.0\nport 0", ("0.0.0.0",), ()),
    ("bind 0.0.0.0\nport 0\ntls-port 6380", ("0.0.0.0",), ("0.0.0.0",)),
    ("bind ::ffff:127.0.0.1", None, ()),
]


@pytest.mark.parametrize(("text", "bound", "exposed_addresses"), BINDS)
def test_what_it_binds(
    text: str, bound: tuple[str, ...] | None, exposed_addresses: tuple[str, ...]
) -> None:
    conf = access_settings(text)
    assert conf.exposed_addresses == exposed_addresses
    if bound is not None or not text:
        assert conf.addresses == bound


# Text, and whether the default user needs a password; None where a file decides it.
LOCKS: list[tuple[str, bool | None]] = [
    ("", False),
    ("requirepass x", True),
    ('requirepass ""', False),
    ("requirepass a\nrequirepass ''", False),
    ('requirepass "\\x20"', True),
    ("aclfile /etc/users.acl", None),
    ("user default on nopass ~* +@all", False),
    ("user default on >secret ~* +@all", True),
    ("user default off nopass", True),
    ("user default on nopass resetpass", True),
    ("user default on nopass reset", True),
    ("user other on nopass ~* +@all", False),
    ("user default on nopass\nuser default on #abcd", True),
    ("user", False),
    # the user's line alone counts, on either side of requirepass
    ("requirepass x\nuser default on nopass ~* &* +@all", False),
    ("user default on nopass ~* &* +@all\nrequirepass x", False),
    ("requirepass x\nuser default on >y", True),
    ("requirepass x\nuser other on nopass ~* +@all", False),
    ("requirepass x\nuser other on >secret ~* +@all", True),
    ("user default off\nuser bob on nopass ~* +@all", False),
    ("user default off\nuser bob on nopass\nuser bob on #abcd", True),
    ("user default ON NoPass ~* +@all", False),
    ("user default on nopass RESET", True),
]


@pytest.mark.parametrize(("text", "locked"), LOCKS)
def test_whether_a_password_is_asked_for(text: str, locked: bool | None) -> None:
    assert access_settings(text).requires_password is locked


def test_an_aclfile_without_the_default_user_leaves_it_open() -> None:
    assert not acl_requires_password("user app on >x ~* +@all\n")
    assert not acl_requires_password("user default on nopass ~* &* +@all\n")
    assert acl_requires_password("# users\nuser default on #99 ~* +@all\n")
    assert acl_requires_password("user default off\n")


# Text, version, and whether protected mode keeps other machines out.
SHIELDS = [
    ("", Version(6, 2), True),
    ("bind 0.0.0.0", Version(6, 2), False),
    ("bind 0.0.0.0", Version(7, 0), True),
    ("bind 0.0.0.0", None, True),
    ("protected-mode no", Version(7, 2), False),
    ("protected-mode YES", Version(7, 2), True),
    ("sentinel monitor shop 127.0.0.1 6379 2", Version(7, 2), False),
]


@pytest.mark.parametrize(("text", "version", "protected_mode_applies"), SHIELDS)
def test_protected_mode_is_as_the_version_has_it(
    text: str, version: Version | None, protected_mode_applies: bool
) -> None:
    assert access_settings(text).protected_mode_applies(version) is protected_mode_applies


def test_where_it_is_asked_and_its_ports() -> None:
    assert access_settings("").local_address == "127.0.0.1"
    assert access_settings("bind 0.0.0.0").local_address == "127.0.0.1"
    assert access_settings("bind ::*").local_address == "::1"
    assert access_settings("bind -10.1.2.3 127.0.0.1").local_address == "10.1.2.3"
    assert access_settings("sentinel monitor a b 1 2").ports == (26379,)
    assert access_settings("port 7000\ntls-port 7001\ntcp-backlog 99").ports == (7000, 7001)
    assert access_settings("tcp-backlog 99").backlog == 99
    assert access_settings("port seven").ports == ()


FILES: Mapping[str, str] = {
    "base.conf": "bind 0.0.0.0\nrequirepass old",
    "conf.d/a.conf": "port 1",
    "conf.d/b.conf": "include loop.conf\nport 2",
    "loop.conf": "include conf.d/b.conf",
    "/srv/sub.conf": "port 3",
}


def _read(pattern: str, at: str) -> tuple[tuple[str, str], ...] | str:
    pattern = f"{at}/{pattern}" if at else pattern
    if pattern == "conf.d/*.conf":
        return tuple((name, text) for name, text in FILES.items() if name.startswith("conf.d"))
    if pattern == "not/there.conf":
        return ()
    return ((pattern, FILES[pattern]),) if pattern in FILES else "Permission denied"


def test_an_include_stands_where_it_stands() -> None:
    before = expand_includes("main", "include base.conf\nbind 127.0.0.1", _read)
    assert access_settings(before.text).addresses == ("127.0.0.1",)
    after = expand_includes("main", 'bind 127.0.0.1\n  INCLUDE "base.conf"', _read)
    assert access_settings(after.text).addresses == ("0.0.0.0",)
    assert after.files == ("main", "base.conf")


def test_an_include_that_cannot_be_read_is_named_and_a_circle_ends() -> None:
    found = expand_includes(
        "main", "include gone.conf\ninclude gone.conf\ninclude conf.d/*.conf", _read
    )
    assert found.unread == ("gone.conf (Permission denied)",)
    assert len(found.files) == 4
    assert access_settings(found.text).port == 2
    ((at, why),) = found.refused_lines.items()
    assert found.origins[at] == ("loop.conf", 1)
    assert why == "it includes itself recursively"


def test_includes_without_measure_end() -> None:
    chain = expand_includes(
        "0", "include 1\n" * 1000, lambda name, _at: ((f"x{name}", "port 1\n"),)
    )
    assert (len(chain.files), len(chain.unread)) == (64, 1)
    large = expand_includes("0", "include 1\n" * 9, lambda name, _at: ((name, "#" * 3_000_000),))
    assert len(large.files) == 3


# An include as servers know it, whatever it looks like.
@pytest.mark.parametrize(
    "line",
    [
        '"include" base.conf',
        'inc"lude" base.conf',
        r'"\x69nclude" base.conf',
        "\vInclude base.conf",
    ],
)
def test_an_include_is_known_in_any_spelling(line: str) -> None:
    assert expand_includes("main", line, _read).files == ("main", "base.conf")


def test_an_include_that_not_every_server_takes_is_not_followed() -> None:
    for line in ('"inc"lude base.conf', "include base.conf more", 'include "base.conf'):
        found = expand_includes("main", line, _read)
        assert found.files == ("main",)
        assert list(found.refused_lines) == [0]


def test_a_relative_include_counts_from_where_the_server_is() -> None:
    found = expand_includes("main", "include base.conf\ndir /srv\ninclude sub.conf", _read)
    assert found.start_relative == ("base.conf",)
    assert found.files == ("main", "base.conf", "/srv/sub.conf")


def test_each_line_is_known_by_its_file_and_number() -> None:
    text = "port 1\ninclude base.conf\n  include not/there.conf\n# end"
    found = expand_includes("main", text, _read)
    assert list(zip(found.text.split("\n"), found.origins, strict=True)) == [
        ("port 1", ("main", 1)),
        ("bind 0.0.0.0", ("base.conf", 1)),
        ("requirepass old", ("base.conf", 2)),
        ("  include not/there.conf", ("main", 3)),  # a server refuses this one
        ("# end", ("main", 4)),
    ]
    assert found.unread == ()


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    conf = access_settings(expand_includes("main", text, _read).text)
    assert all(0 < port < 100000 for port in conf.ports)
    assert loopback(conf.local_address) or conf.addresses


@given(st.ip_addresses())
def test_an_address_is_outward_unless_it_is_loopback(address: object) -> None:
    word = str(address)
    expected = () if getattr(address, "is_loopback", False) else (f"-{word}",)
    assert access_settings(f"bind -{word}").exposed_addresses == expected
