"""Who may ask: tables of headers."""

import pytest

from redistopo.demo.request_guard import (
    host_of,
    loopback,
    refuse_host,
    refuse_origin,
    refuse_site,
    refuse_token,
)

HOSTS = [
    # Host header, --host, allowed
    ("localhost:5000", "127.0.0.1", True),
    ("LOCALHOST", "127.0.0.1", True),
    ("demo.localhost:5000", "127.0.0.1", True),
    ("127.0.0.1:8080", "127.0.0.1", True),
    ("127.8.8.8:5000", "127.0.0.1", True),
    ("[::1]:5000", "127.0.0.1", True),
    ("192.0.2.7:5000", "192.0.2.7", True),
    ("box.lan:5000", "box.lan", True),
    ("[2001:db8::1]:5000", "2001:db8::1", True),
    ("192.0.2.7:5000", "0.0.0.0", True),
    ("[2001:db8::1]", "::", True),
    ("[2001:db8::1]:5000", "[2001:db8::1]", True),
    ("", "127.0.0.1", False),
    ("", "", False),
    ("evil.example:5000", "127.0.0.1", False),
    ("evil.example:5000", "0.0.0.0", False),
    ("192.0.2.7:5000", "127.0.0.1", False),
    ("localhost.evil.example", "127.0.0.1", False),
    ("127.0.0.1.evil.example", "127.0.0.1", False),
    ("evil.example]", "127.0.0.1", False),
    ("[::1].evil.example", "127.0.0.1", False),
    ("127.0.0.1@evil.example", "127.0.0.1", False),
    ("evil.example@127.0.0.1", "127.0.0.1", False),
    ("0.0.0.0:5000", "127.0.0.1", False),
]

ORIGINS = [
    ({}, True),
    ({"Origin": "http://localhost:5000"}, True),
    ({"Origin": "HTTP://LOCALHOST:5000"}, True),
    ({"Origin": "http://localhost:5000", "Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Origin": "https://localhost:5000"}, False),
    ({"Origin": "http://localhost:5001"}, False),
    ({"Origin": "http://localhost"}, False),
    ({"Origin": "http://evil.example"}, False),
    ({"Origin": "http://localhost:5000.evil.example"}, False),
    ({"Origin": "http://localhost:5000", "Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "same-site"}, False),
]


@pytest.mark.parametrize(("header", "served", "allowed"), HOSTS)
def test_a_host_is_ours_or_refused(header: str, served: str, allowed: bool) -> None:
    assert (refuse_host(header, served) is None) is allowed


@pytest.mark.parametrize(("headers", "allowed"), ORIGINS)
def test_a_page_from_elsewhere_changes_nothing(headers: dict[str, str], allowed: bool) -> None:
    assert (refuse_origin({"Host": "localhost:5000", **headers}) is None) is allowed


SITES = [
    ({}, True),  # curl, or a browser of old
    ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}, True),
    ({"Sec-Fetch-Site": "none", "Sec-Fetch-Dest": "document"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}, True),  # a link
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"}, False),
    ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "empty"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
]


@pytest.mark.parametrize(("headers", "allowed"), SITES)
def test_a_page_from_elsewhere_loads_nothing(headers: dict[str, str], allowed: bool) -> None:
    assert (refuse_site(headers) is None) is allowed


@pytest.mark.parametrize("given", ["", "tokem", "token ", "TOKEN", "tokené", "token\udce9"])
def test_a_token_is_the_very_one(given: str) -> None:
    assert refuse_token(given, "token") is not None
    assert refuse_token("token", "token") is None


def test_a_name_is_told_from_its_port() -> None:
    assert host_of("[::1]:5000") == "[::1]"
    assert host_of("Name:1") == "name"
    assert not loopback("::2")
    assert not loopback("1")
