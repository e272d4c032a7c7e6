"""`env`: the environment variables of an application that uses the topology, with its password."""

import os
import re
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from redistopo.client.target import Detail
from redistopo.errors import ExitCode, UsageError
from redistopo.host.files import append_text, read_exactly
from redistopo.model.protocol.credentials import Login, TlsTexts
from redistopo.model.state.application_access import (
    ApplicationAccess,
    absent_variables,
    environment_of,
)
from redistopo.model.topology.spec import Shape
from redistopo.progress import Progress, note
from redistopo.quick_dataclass import dataclass
from redistopo.render.environment import (
    FORMATS,
    assignments,
    github_file,
    github_masks,
    json_object,
    redisinsight_file,
)
from redistopo.session.application_login import application_access
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest

GITHUB_FILE = "GITHUB_ENV"
"""The variable with the path of the file that sets variables for later steps of a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvRequest:
    """The folder, the format ("" for none) and the prefix of each variable's name."""

    root: Path
    form: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvResult:
    """The variables, with the password; `lines` are those of the selected format, if any. `absent`
    are variables that other topologies have."""

    name: str
    variables: Mapping[str, str]
    absent: tuple[str, ...]
    lines: tuple[str, ...] = ()
    code: ExitCode = field(default=ExitCode.DONE)


def env(request: EnvRequest, progress: Progress) -> EnvResult:
    """Return the variables of the topology as it is now; it doesn't have to run.

    Format `github` also appends them to the file that GITHUB_ENV names. Raises UsageError for an
    invalid prefix or format, and if the password isn't known here.
    """
    _refuse(request)
    access = read_access(request.root, progress)
    variables = environment_of(access, request.prefix)
    absent = absent_variables(variables, request.prefix)
    return EnvResult(
        name=access.name,
        variables=variables,
        absent=absent,
        lines=_lines(request, access, variables, absent) if request.form else (),
    )


def read_access(root: Path, progress: Progress, *, roles: bool = True) -> ApplicationAccess:
    """Return how an application reaches the folder's topology as it is now.

    Without `roles`, no server is asked if clients find the primaries themselves: then `entry` may
    be a replica.
    """
    with open_session(SessionRequest(root=root)) as session:
        found_by_clients = session.shape is not Shape.REPLICATION
        depth = Detail.PROCESS if found_by_clients and not roles else Detail.HEALTH
        seen = session.observe(depth)
        if roles and not seen.answering:
            note(progress, f"{session.topology.name} doesn't run now; start it: redistopo up")
        return application_access(session, seen)


def _refuse(request: EnvRequest) -> None:
    if request.prefix and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", request.prefix):
        raise UsageError(
            f"{request.prefix!r} can't begin the name of a variable",
            hint="use letters, digits and _: --prefix SHOP_",
        )
    if request.form not in ("", *FORMATS):
        raise UsageError(f"there is no format {request.form!r}", detail=", ".join(FORMATS))
    if request.form == "github" and not os.environ.get(GITHUB_FILE):
        raise UsageError(
            f"{GITHUB_FILE} is not set: this is no step of a GitHub job",
            hint="elsewhere: redistopo env --format shell",
        )
    if request.form == "redisinsight" and request.prefix:
        raise UsageError("format redisinsight has no variables", hint="leave out --prefix")


def tls_texts(login: Login) -> TlsTexts:
    """Read the TLS files of a login; raises MissingPrerequisite if one isn't there."""
    if login.tls is None:
        return TlsTexts()
    authority, client = (read_exactly(Path(path)) for path in (login.tls.ca, login.tls.pem))
    return TlsTexts(authority=authority, client=client)


def _lines(
    request: EnvRequest,
    access: ApplicationAccess,
    variables: Mapping[str, str],
    absent: tuple[str, ...],
) -> tuple[str, ...]:
    match request.form:
        case "json":
            return (json_object(variables),)
        case "github":
            append_text(Path(os.environ[GITHUB_FILE]), github_file(variables))
            return github_masks(variables, request.prefix)
        case "redisinsight":
            return (redisinsight_file(access, tls_texts(access.login)),)
        case form:
            return assignments(form, variables, absent)
