"""Tries a redis.conf with real servers, none of which ever starts with it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from redistopo.client.engine_smoke_test import known_directives
from redistopo.doctor.conf_includes import ConfWithIncludes
from redistopo.doctor.startup_verdict import (
    STOP_WORD,
    UNKNOWN_DIRECTIVE,
    EngineTrial,
    StartupRefusal,
    StartupVerdict,
    conflicts,
    lines_to_check,
    module_directive_names,
    refusal_at,
    refusal_message,
    refused_line,
    required_paths,
    unknown_directive_at,
)
from redistopo.errors import RedistopoError
from redistopo.host.files import certainly_missing
from redistopo.host.polling import Deadline
from redistopo.host.run_unable_to_write import run_unable_to_write
from redistopo.model.protocol.engine import Engine
from redistopo.quick_dataclass import dataclass

_SECONDS = 5.0
_FORBIDDEN = "Permission denied"


def try_conf(
    whole: ConfWithIncludes, folder: Path, engines: Sequence[Engine], *, sentinel: bool = False
) -> StartupVerdict:
    """Return how these servers judge the file, the first one's result first; the others are tried
    only if it refuses. Nothing is started, written, or loaded (see doctor.startup_verdict)."""
    zero = next((at for at, line in enumerate(whole.text.split("\n")) if "\0" in line), None)
    if zero is not None:
        # a server reads each line up to its zero byte, and continues without the rest
        return StartupVerdict(
            refused_by_all=refusal_at(whole, zero, "a zero byte: not a text file")
        )
    tried: list[EngineTrial] = []
    ends = Deadline(_SECONDS)
    for engine in engines:
        tried.append(_try_engine(whole, _TrialContext(folder, ends, sentinel=sentinel), engine))
        if ends.over or (tried[-1].refusal is None and not tried[-1].unsure):
            break
    return StartupVerdict(
        tried=tuple(tried), refused_by_all=conflicts(whole) or next(_missing_paths(whole), None)
    )


def _missing_paths(whole: ConfWithIncludes) -> Iterator[StartupRefusal]:
    for one in sorted(required_paths(whole), key=lambda want: want.at):
        if certainly_missing(Path(one.path)):
            yield refusal_at(whole, one.at, f"{one.message}: No such file or directory")


@dataclass(frozen=True, slots=True)
class _TrialContext:
    """Where to run the trials, as what, and until when."""

    folder: Path
    ends: Deadline
    sentinel: bool


def _try_engine(whole: ConfWithIncludes, context: _TrialContext, engine: Engine) -> EngineTrial:
    """Try one server. A `dir` that only the server's user can enter is left out."""
    out = ""
    without: set[int] = set()
    while True:
        text = lines_to_check(whole, frozenset(without))
        out = _server_output(engine, text, context)
        at = refused_line(whole, out)
        if at is None:
            # never the line itself, which may hold a password
            lines = [line for line in out.strip().split("\n") if not line.startswith(">>>")]
            why = lines[-1] if lines and lines[-1] else "it printed nothing"
            return EngineTrial(title=engine.title, path=engine.path, unsure=why)
        if at >= len(whole.origins) or at in without:
            break
        if _FORBIDDEN not in refusal_message(out) or text[at].lower().split()[:1] != ["dir"]:
            refusal = refusal_at(whole, at, refusal_message(out))
            return EngineTrial(title=engine.title, path=engine.path, refusal=refusal)
        without.add(at)
    odd = unknown_directive(whole, engine)
    skipped = f"`{whole.text.split(chr(10))[min(without)].strip()}`" if without else ""
    return EngineTrial(title=engine.title, path=engine.path, refusal=odd, skipped=skipped)


def unknown_directive(
    whole: ConfWithIncludes, engine: Engine, known_before: frozenset[str] = frozenset()
) -> StartupRefusal | None:
    """Return the first line whose name an engine knows only with a module, if it would be read.

    A server is started to ask it for names that aren't `known_before`.
    """
    known: frozenset[str] | None = None
    if engine.keeps_unknown_directives and (names := module_directive_names(whole)):
        with suppress(RedistopoError):
            asked = [name for name in names if name not in known_before]
            known = known_before | known_directives(engine, asked)
    at = unknown_directive_at(whole, known)
    if at is None:
        return None
    return refusal_at(whole, at, UNKNOWN_DIRECTIVE)


def _server_output(engine: Engine, lines: list[str], context: _TrialContext) -> str:
    """Return the output, ended by the line that no server accepts: an option, after the file.

    Sentinels read their own statements only if all else is valid, so they are run twice.
    """
    mode = ["--sentinel"] if context.sentinel else []
    out = _run([engine.path, "/dev/stdin", *mode, "--port", STOP_WORD], lines, context)
    if not context.sentinel or STOP_WORD not in out:
        return out
    return _run([engine.path, "/dev/stdin", *mode], [*lines, f"sentinel {STOP_WORD}"], context)


def _run(argv: list[str], lines: list[str], context: _TrialContext) -> str:
    # through a pipe: the text has passwords, and must never be on a disk
    text = "\n".join(lines).encode(errors="surrogateescape")
    return run_unable_to_write(argv, text, context.folder, context.ends)
