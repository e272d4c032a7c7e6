"""Redaction: removes secrets from text in every form in which files and servers write them."""

import base64
import hashlib
import html
import json
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote as percent
from urllib.parse import quote_plus

from redistopo.model.protocol.conf import (
    SECRET_DIRECTIVES,
    Directives,
    canonical_directive,
    quote_argument,
    read_conf,
)

_MASKS = ("<removed>", "***", "#", "")
"""The first mask that contains no secret itself replaces each of them."""

_NAMES = SECRET_DIRECTIVES - {"masteruser", "primaryuser"}
"""Directives whose value is always a secret; user names are not."""

_ENCODERS: tuple[Callable[[str], str], ...] = (
    lambda text: _inside(
        quote_argument(text)
    ),  # redis.conf, and Redis's own logs (sds.c, sdscatrepr)
    lambda text: text.replace("\\", "\\\\").replace('"', '\\"'),
    lambda text: text.replace("'", "\\'"),
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: percent(text, safe=""),
    percent,
    lambda text: re.sub("%..", lambda code: code[0].lower(), percent(text, safe="")),
    quote_plus,
    lambda text: repr(text)[1:-1],
    shlex.quote,
    html.escape,
    lambda text: base64.b64encode(text.encode(errors="surrogateescape")).decode(),
    lambda text: hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest(),  # users.acl
)

_ANY_SECRET = "|".join(sorted(map(re.escape, SECRET_DIRECTIVES)))
_LINE = re.compile(rf"(?im)\b({_ANY_SECRET})\b([\"']?[ \t]*[=: \t][ \t]*)\S.*$")
_SENTINEL = re.compile(
    r"(?im)\b(sentinel set \S+ .*?\bauth-pass[ \t]+|set master .*\bauth-pass[ \t]+"
    r"|auth-pass[\"']?[ \t]+\S+[ \t]+|sentinel-pass[\"']?[ \t]+)\S.*$"
)
_USER = re.compile(r"(?im)^([ \t]*\"?user\"?(?:[ \t]*=[ \t]*|[ \t]+))\S.*$")
_MAY_MATCH = re.compile(r"(?i)auth|user|pass")
"""Matches every line that the patterns above could change."""


def _inside(quoted: str) -> str:
    return quoted[1:-1] if quoted.startswith('"') else quoted


def forms(secret: str) -> frozenset[str]:
    """List the forms of a secret in files: plain, quoted, escaped, percent-encoded, hashed,
    and each of these inside another one."""
    once = {secret, *_encoded(secret)}
    return frozenset(form for one in once for form in (one, *_encoded(one)) if form)


def _encoded(text: str) -> Iterable[str]:
    for encode in _ENCODERS:
        try:
            yield encode(text)
        except UnicodeError:
            continue  # bytes of an environment variable that aren't text have no such form


def secrets_in(conf: Directives) -> frozenset[str]:
    """Collect the secrets in a configuration: passwords, key phrases and users' passwords."""
    found = {value for name in _NAMES for value in conf.get(name, ())}
    for line in conf.get("sentinel", ()):
        words = line.split(" ")
        past = {"auth-pass": 2, "sentinel-pass": 1}.get(words[0].lower())
        found |= {" ".join(words[past:])} if past else set()
    return frozenset(found | _of_users(conf.get("user", ()))) - {""}


def secrets_in_acl(text: str) -> frozenset[str]:
    """Collect the passwords and password hashes in the text of a users.acl."""
    return frozenset(_of_users(text.splitlines())) - {""}


def secrets_in_topology(document: Mapping[str, object]) -> frozenset[str]:
    """Collect the secrets that a topology file sets under [redis] and [nodes.*]."""
    nodes = document.get("nodes")
    tables = [document.get("redis"), *(nodes.values() if isinstance(nodes, dict) else ())]
    lines = [
        f"{name} {value}"
        for table in tables
        if isinstance(table, dict)
        for name, values in table.items()
        for value in (values if isinstance(values, list) else [values])
    ]
    return secrets_in(read_conf("\n".join(lines))) | {
        line.partition(" ")[2]
        for line in lines
        if canonical_directive(line.partition(" ")[0]) in _NAMES
    }


def _of_users(lines: Iterable[str]) -> set[str]:
    """Passwords and hashes in ``user alice on >password #hash`` (acl.c)."""
    words = (word for line in lines for word in line.split())
    return {word[1:] for word in words if word[:1] in "><#!" and len(word) > 1}


class Redactor:
    """Removes secrets from text; longest forms first, so that no part of one remains."""

    def __init__(self, secrets: Iterable[str]) -> None:
        every = {form for secret in secrets if secret for form in forms(secret)}
        self._forms = sorted(every, key=len, reverse=True)
        fit = (mask for mask in _MASKS if not any(form in mask for form in self._forms))
        self._mask = next(fit, "")

    def text(self, text: str) -> str:
        """Remove every form of every secret."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, self._mask)
        return text

    def lines(self, text: str) -> str:
        """Redact configuration and logs: also removes the values of secret directives."""
        cut = self.text(text)
        if not _MAY_MATCH.search(cut):
            return cut  # most log lines; the patterns below take ten times as long
        cut = _USER.sub(rf"\g<1>{self._mask}", cut)
        cut = _SENTINEL.sub(rf"\g<1>{self._mask}", cut)
        return _LINE.sub(rf"\g<1>\g<2>{self._mask}", cut)

    def value(self, value: object) -> object:
        """Redact every text in a JSON value."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value
