"""Environment variables as text, in the syntax of what reads them."""

import secrets
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple
from urllib.parse import quote

from redistopo.model.protocol.credentials import TlsTexts
from redistopo.model.state.application_access import SECRET_VARIABLES, ApplicationAccess
from redistopo.render.redisinsight import connection, connections_file

Variables = Mapping[str, str]


class _Syntax(NamedTuple):
    """How a reader has a variable set, and removed ("" where it can't be)."""

    set: Callable[[str, str], str]
    unset: str = ""


def _fish(text: str) -> str:
    """Quote for fish, in whose single quotes only these two are special."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _dotenv(text: str) -> str:
    """Quote as every reader of .env files understands it, else as python-dotenv does.

    Single quotes keep all but themselves. Only where that isn't possible the dialects differ:
    python-dotenv knows \\' and \\\\ in single quotes, and expands ${NAME:-default} even there.
    """
    plain = "'" not in text and "\\\\" not in text and "${" not in text
    if plain and not text.endswith("\\"):
        return f"'{text}'"
    if not set(text) & set('"\\$`'):
        return f'"{text}"'
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("${", "${:-$}{")
    return f"'{escaped}'"


_SYNTAXES = {
    "shell": _Syntax(lambda name, value: f"export {name}={shlex.quote(value)}", "unset {}"),
    "fish": _Syntax(lambda name, value: f"set -gx {name} {_fish(value)}", "set -e {}"),
    "dotenv": _Syntax(lambda name, value: f"{name}={_dotenv(value)}"),
}

FORMATS = (*_SYNTAXES, "json", "github", "redisinsight")


def assignments(form: str, variables: Variables, absent: Iterable[str]) -> tuple[str, ...]:
    """Return the lines that set variables, and remove those that are absent, if the reader of
    that format can."""
    syntax = _SYNTAXES[form]
    removed = (syntax.unset.format(name) for name in absent if syntax.unset)
    return (*removed, *(syntax.set(name, value) for name, value in variables.items()))


def json_object(variables: Variables) -> str:
    """Return the variables as a JSON object."""
    import json

    return json.dumps(variables, indent=2, ensure_ascii=False)


def github_file(variables: Variables) -> str:
    """Return what to append to the file GITHUB_ENV; a value can't contain the random delimiter."""
    end = f"redistopo_{secrets.token_hex(16)}"
    return "".join(f"{name}<<{end}\n{value}\n{end}\n" for name, value in variables.items())


def github_masks(variables: Variables, prefix: str) -> tuple[str, ...]:
    """Return the commands by which the runner hides the passwords in its logs, also as they are
    in a URL."""
    values = [variables.get(prefix + name, "") for name in SECRET_VARIABLES[1:]]
    shown = dict.fromkeys(text for one in values if one for text in (one, quote(one, safe="")))
    return tuple(f"::add-mask::{text.replace('%', '%25')}" for text in shown)


def redisinsight_file(access: ApplicationAccess, tls: TlsTexts) -> str:
    """Return the connection as Redis Insight imports it."""
    return connections_file([connection(access.name, access.entry, access.login, tls)])
