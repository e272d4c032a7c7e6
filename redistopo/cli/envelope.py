"""The JSON document around each result and each error."""

from typing import Literal, NotRequired, TypedDict

from redistopo.errors import ExitCode
from redistopo.model.remedies.remedy import RemedyFields

ENVELOPE: Literal[1] = 1
"""Version of the envelope and of the results in it; incompatible changes increase it."""


class ErrorFields(TypedDict):
    """Why a command failed: the kind of error, what happened, what was seen, what to type next."""

    kind: str
    message: str
    detail: str
    hint: str
    remedy: NotRequired[RemedyFields]


class Envelope(TypedDict):
    """The document that a command prints with --json; its result, its error, or both are null."""

    envelope: Literal[1]
    redistopo: str
    verb: str
    code: ExitCode
    result: object
    error: ErrorFields | None
