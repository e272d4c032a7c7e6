"""Collects every secret of a project, so that none of them is shown."""

import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from redistopo.errors import RedistopoError
from redistopo.host.files import absolute, read_text
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.credentials import ENVIRONMENT_VARIABLE, TopologyUser
from redistopo.model.protocol.redact import (
    Redactor,
    secrets_in,
    secrets_in_acl,
    secrets_in_topology,
)
from redistopo.model.remedies.remedy import rewritten
from redistopo.model.topology.project_paths import Layout
from redistopo.project.rotation_file import pending_rotation
from redistopo.project.topology_state_file import node_folder_names

_CONFIGS = ("*.conf", "redis.conf.*", "*.acl")


def secrets_of(layout: Layout) -> frozenset[str]:
    """Collect everything that must not be in a report: passwords supplied, stored or configured.

    Works with whatever exists; a file that can't be read isn't in a report either.
    """
    return frozenset(secret for secret in _secrets(layout) if secret.strip())


def hide(error: RedistopoError, layout: Layout) -> None:
    """Remove all secrets of the project from an error."""
    scrub = Redactor(secrets_of(layout))
    error.message, error.detail = scrub.text(error.message), scrub.text(error.detail)
    error.hint = rewritten(error.hint, scrub.text(error.hint))


def _secrets(layout: Layout) -> Iterator[str]:
    yield os.environ.get(ENVIRONMENT_VARIABLE, "")
    yield _text(layout.password).strip()
    yield from (_text(layout.secret(user)).strip() for user in TopologyUser)
    if (rotation := pending_rotation(layout)) is not None:
        yield from (*rotation.passwords.values(), rotation.previous)
    topology = _text(layout.topology)
    try:
        yield from secrets_in_topology(tomllib.loads(topology))
    except (ValueError, RecursionError):  # ValueError: also numbers of too many digits
        yield from re.findall(r"(?<![^\s\"'\[])>([^\s\"',]+)", topology)
    for named in re.findall(r"(?m)^\s*\"?password_file\"?\s*=\s*[\"'](.+)[\"']", topology):
        with suppress(RedistopoError):  # a path without a home folder has no secrets
            chosen = absolute(Path(named)) if named.startswith("~") else layout.root / named
            yield _text(chosen).split("\n", 1)[0].rstrip("\r")
    places = [layout.state, *(layout.node(name).root for name in node_folder_names(layout))]
    for path in (path for place in places for glob in _CONFIGS for path in place.glob(glob)):
        text = _text(path)
        yield from secrets_in_acl(text) if path.suffix == ".acl" else secrets_in(read_conf(text))


def _text(path: Path) -> str:
    try:
        return read_text(path) or ""
    except RedistopoError:
        return ""
