"""No secret survives, however a file or a server writes it."""

import base64
import hashlib
import json
import shlex
from collections.abc import Callable
from urllib.parse import quote as percent
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.model.protocol.conf import quote_argument, read_conf
from redistopo.model.protocol.redact import (
    Redactor,
    secrets_in,
    secrets_in_acl,
    secrets_in_topology,
)

NASTY = [
    "plain-secret",
    'ends with a quote"',
    'quo"te\\back',
    'it\'s 100% "x" \\',
    "pässwörd∎ 日本",
    "a b+c&d=e/f",
    "%41$HOME`x`",
]

WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "redis.conf": quote_argument,
    "redis.conf in JSON": lambda text: json.dumps(quote_argument(text)),
    "single quotes": lambda text: "'" + text.replace("'", "\\'") + "'",
    "JSON": json.dumps,
    "JSON, unescaped": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "a URL": lambda text: f"redis://:{percent(text, safe='')}@127.0.0.1:7000/",
    "a URL's path": percent,
    "a form": quote_plus,
    "Python": repr,
    "a shell": shlex.quote,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "an ACL's hash": lambda text: "#" + hashlib.sha256(text.encode()).hexdigest(),
}


@pytest.mark.parametrize("way", WRITTEN)
@pytest.mark.parametrize("secret", NASTY)
def test_a_secret_is_gone_in_every_form(secret: str, way: str) -> None:
    written = WRITTEN[way](secret)
    found = Redactor([secret]).text(f"before {written} after")
    assert secret not in found
    assert written.strip("\"'") not in found
    assert found.startswith("before ")
    assert found.endswith(" after")


@given(
    secret=st.text(st.characters(min_codepoint=33, exclude_categories=["Cs"]), min_size=6),
    way=st.sampled_from(sorted(WRITTEN)),
)
def test_no_generated_secret_survives(secret: str, way: str) -> None:
    assert secret not in Redactor([secret]).text(f"<{WRITTEN[way](secret)}>")


def test_a_secret_that_is_part_of_the_mask_is_gone_too() -> None:
    assert "remove" not in Redactor(["remove"]).text("it says: remove")
    assert "*" not in Redactor(["*", "<removed>"]).text("it says: * and <removed>")


CONF = """\
port 7000
requirepass "a secret \\"here\\""
masterauth unquoted
masteruser replication
tls-key-file-pass phrase-of-the-key
user alice on >her-password #0123456789 ~* +@all
"""


def test_the_secrets_of_a_configuration() -> None:
    assert secrets_in(read_conf(CONF)) == {
        'a secret "here"', "unquoted", "phrase-of-the-key", "her-password", "0123456789",
    }  # fmt: skip


def test_lines_that_set_secrets_lose_their_values() -> None:
    """Also where nobody knows the secret, as in a log that quotes a line of an older file."""
    found = Redactor([]).lines(CONF + ">>> 'requirepass \"in a log\"'\nused_memory:12\n")
    for secret in ("here", "unquoted", "phrase", "her-password", "0123456789", "in a log"):
        assert secret not in found
    assert "port 7000\n" in found
    assert "used_memory:12\n" in found
    toml = Redactor([]).lines('tls-key-file-pass = "x-phrase"\nuser = "bob on >pw"\nuser_x = 1\n')
    assert "x-phrase" not in toml
    assert "pw" not in toml
    assert "user_x = 1" in toml


def test_the_secrets_of_a_topology_file() -> None:
    document = {
        "redis": {"tls-key-file-pass": "a phrase", "user": ["a on >first", "b on >second"]},
        "nodes": {"node1": {"user": "c on >third"}},
    }
    found = secrets_in_topology(document)
    assert {"a phrase", "first", "second", "third"} <= found
    assert secrets_in_topology({"redis": 3, "nodes": []}) == frozenset()


def test_the_secrets_of_an_acl_file() -> None:
    assert secrets_in_acl("user a on >one <two nopass\nuser b #ff\n") == {"one", "two", "ff"}


def test_values_are_scrubbed_by_leaf() -> None:
    told = {"requirepass differs": ["it's secret-1"], "n": 1, "none": None}
    assert Redactor(["secret-1"]).value(told) == {
        "requirepass differs": ["it's <removed>"],
        "n": 1,
        "none": None,
    }
