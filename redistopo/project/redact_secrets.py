"""Every secret of a project, wherever one may lie, so that none of them leaves it."""

import os
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
from redistopo.model.topology.project_paths import Layout
from redistopo.project.rotation_file import pending_rotation
from redistopo.project.topology_state_file import recorded_node_names

_CONFIGS = ("*.conf", "redis.conf.*", "*.acl")


def secrets_of(layout: Layout) -> frozenset[str]:
    """All that must not be in a report: passwords given, kept, configured now or before.

    Works on whatever is there; a file that can't be read has nothing to hide in.
    """
    return frozenset(secret for secret in _secrets(layout) if secret.strip())


@contextmanager
def redacting_errors(layout: Layout) -> Iterator[None]:
    """An error that passes through tells no secret: servers print lines that they don't
    understand, and templates what they stumble over."""
    try:
        yield
    except RedistopoError as error:
        hide(error, layout)
        raise


def hide(error: RedistopoError, layout: Layout) -> None:
    """The error's words hold no secret of the project."""
    scrub = Redactor(secrets_of(layout))
    error.message, error.detail = scrub.text(error.message), scrub.text(error.detail)
    error.hint = scrub.text(error.hint)


def _secrets(layout: Layout) -> Iterator[str]:
    yield os.environ.get(ENVIRONMENT_VARIABLE, "")
    yield _text(layout.password).strip()
    yield from (_text(layout.secret(user)).strip() for user in TopologyUser)
    if (rotation := pending_rotation(layout)) is not None:
        yield from (*rotation.passwords.values(), rotation.previous)
    topology = _text(layout.topology)
    try:
        yield from secrets_in_topology(tomllib.loads(topology))
    except tomllib.TOMLDecodeError:
        yield from re.findall(r"(?<![^\s\"'\[])>([^\s\"',]+)", topology)
    for named in re.findall(r"(?m)^\s*\"?password_file\"?\s*=\s*[\"'](.+)[\"']", topology):
        with suppress(RedistopoError):  # a path of no home folder hides nothing
            chosen = absolute(Path(named)) if named.startswith("~") else layout.root / named
            yield _text(chosen).split("\n", 1)[0].rstrip("\r")
    places = [layout.state, *(layout.node(name).root for name in recorded_node_names(layout))]
    for path in (path for place in places for glob in _CONFIGS for path in place.glob(glob)):
        text = _text(path)
        yield from secrets_in_acl(text) if path.suffix == ".acl" else secrets_in(read_conf(text))


def _text(path: Path) -> str:
    try:
        return read_text(path) or ""
    except RedistopoError:
        return ""
