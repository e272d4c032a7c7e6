"""`--connect` as people write it; no error ever tells the password."""

import pytest

from redistopo.errors import UsageError
from redistopo.model.protocol.connect_url import parse_connect_url
from redistopo.model.protocol.credentials import Login, TlsFiles

_TLS = TlsFiles("ca.crt")


@pytest.mark.parametrize(
    ("text", "place", "user", "password"),
    [
        ("127.0.0.1:7000", "127.0.0.1:7000", "", ""),
        ("7000", "7000", "", ""),
        ("redis://db:7000", "db:7000", "", ""),
        ("redis://db", "db:6379", "", ""),
        ("redis://db:7000/0", "db:7000", "", ""),
        ("redis://:s%3Ae@db:7000/", "db:7000", "", "s:e"),
        ("redis://app:pw@[::1]:7000", "[::1]:7000", "app", "pw"),
    ],
)
def test_an_address(text: str, place: str, user: str, password: str) -> None:
    found, access = parse_connect_url(text, Login())
    assert (found, access.user, access.password) == (place, user, password)


def test_what_the_url_does_not_say_comes_from_the_options() -> None:
    _, access = parse_connect_url("rediss://db:7000", Login(user="app", password="pw", tls=_TLS))
    assert access == Login(user="app", password="pw", tls=_TLS)
    assert "hunter2" not in repr(parse_connect_url("redis://:hunter2@db:7000", Login()))


@pytest.mark.parametrize(
    ("text", "tls"),
    [
        ("http://:hunter2@db", None),
        ("redis://:hunter2@db:port", None),
        ("redis://:hunter2@db:99999", None),
        ("redis://:hunter2@[::1", None),
        ("redis://:hunter2@db/3", None),
        ("redis://:hunter2@", None),
        ("rediss://:hunter2@db", None),
        ("redis://:hunter2@db", _TLS),
        ("redis://:hunter2@db?ssl=1", None),
    ],
)
def test_no_address(text: str, tls: TlsFiles | None) -> None:
    with pytest.raises(UsageError) as raised:
        parse_connect_url(text, Login(tls=tls))
    error = raised.value
    assert "hunter2" not in error.message + error.detail + error.hint
    assert error.hint
