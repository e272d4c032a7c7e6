"""Finds and renders templates: the user's own, or those that are shipped."""

import json
import shlex
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from redistopo.errors import TimedOut, UsageError
from redistopo.host.files import read_text
from redistopo.host.time_limit import time_limit
from redistopo.model.protocol.conf import quote_argument

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE = Path(__file__).resolve().parent.parent

PLAIN = (".css", ".js", ".svg")
"""Static files of a page, which aren't templates because they contain braces."""

_MOST_SECONDS = 5.0
"""For one of a user's templates; ours take milliseconds."""


def shipped() -> Path:
    """Return the folder of the shipped templates: in the package, or in a checkout."""
    inside = _PACKAGE / "_templates"
    return inside if inside.is_dir() else _PACKAGE.parent / "templates"


def sources() -> Iterator[tuple[str, str]]:
    """Yield each shipped template as (path below the templates folder, text)."""
    root = shipped()
    for path in sorted(root.rglob("*.j2")):
        yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def plain_files() -> Iterator[tuple[str, str]]:
    """Yield the static files that are shipped with the templates, in the same form."""
    root = shipped()
    for path in sorted(root.rglob("*")):
        if path.is_file() and path.suffix in PLAIN:
            yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def plain_file(name: str, *, own: str = "") -> str | None:
    """Return the text of a static file, preferably from the folder `own`, or None."""
    found = _source(name, own)
    return found[0] if found else None


def _source(name: str, own: str) -> tuple[str, str, Callable[[], bool]] | None:
    """A file's text and path in the form that Jinja wants, or None; not above the folders."""
    if ".." in Path(name).parts or Path(name).is_absolute():
        return None
    for folder in (own, str(shipped())):
        # the user's folder may have a device or a FIFO there, whose reading never ends
        if folder and (text := read_text(path := Path(folder, name))) is not None:
            return text, str(path), lambda: True
    return None


@lru_cache(maxsize=4)
def _environment(own: str, markup: bool) -> "Environment":
    from jinja2 import FunctionLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    from redistopo.render.template_bytecode import TemplateBytecode

    # sandboxed: a user's template folder may come from another person
    environment = SandboxedEnvironment(
        loader=FunctionLoader(lambda name: _source(name, own)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=markup,  # redis.conf and TOML must not be HTML-escaped
        bytecode_cache=None if own else TemplateBytecode(markup=markup),
    )
    environment.filters["quote"] = quote_argument
    environment.filters["shell"] = shlex.quote
    environment.filters["text"] = _string_literal
    return environment


def render_template(
    name: str, values: Mapping[str, object], *, own: str = "", markup: bool = False
) -> str:
    """Render a template; templates in the folder `own` take precedence over those that are shipped.

    With `markup` every value is escaped for HTML and XML.
    Raises UsageError with template and line if a user's template is broken.
    """
    from jinja2 import TemplateError

    errors = (
        TemplateError, ArithmeticError, LookupError, TypeError, ValueError, OSError,
        RecursionError, MemoryError,
    )  # fmt: skip
    if own and not _is_folder(own):
        raise UsageError(
            f"the templates folder {own} doesn't exist",
            hint=f"redistopo templates export {own}; or remove `templates` from the file",
        )
    try:
        with time_limit(_MOST_SECONDS, f"the template {name}") if own else nullcontext():
            return _environment(own, markup).get_template(name).render(values)
    except TimedOut as error:
        raise UsageError(error.message, hint="correct its loops") from error
    # what expressions in a user's template may raise, besides Jinja's own errors
    except errors as error:
        raise UsageError(
            f"the template {_where(error, name)} can't be rendered",
            detail=str(error),
            hint="correct it; or remove `templates` from the topology file to use the defaults",
        ) from error


def _string_literal(value: str) -> str:
    """A string as Python, JavaScript, Go and Java write it."""
    return json.dumps(value, ensure_ascii=False)


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # a name too long for any file system
        return False


def _where(error: BaseException, name: str) -> str:
    """The template and line of an error: from Jinja, otherwise the innermost frame."""
    if line := getattr(error, "lineno", None):
        return f"{getattr(error, 'name', None) or name}, line {line}"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if frame.filename.endswith(".j2")]
    return f"{Path(inside[-1].filename).name}, line {inside[-1].lineno}" if inside else name
