"""A redis.conf given to real servers to judge, none of which ever starts on it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from redistopo.client.engine_trial import known_directives
from redistopo.doctor.conf_access import ConfWithIncludes
from redistopo.doctor.conf_startup import (
    STOP_WORD,
    EngineTrial,
    StartupRefusal,
    StartupVerdict,
    conflicts,
    lines_to_check,
    refusal_at,
    refused_line,
    unknown_directive,
    unknown_directive_at,
    module_directive_names,
    required_paths,
    refusal_message,
)
from redistopo.errors import RedistopoError
from redistopo.host.files import certainly_missing
from redistopo.host.polling import Deadline
from redistopo.host.run_program import run_unable_to_write
from redistopo.model.protocol.engine import Engine

_SECONDS = 5.0
_FORBIDDEN = "Permission denied"


def try_conf(
    whole: ConfWithIncludes, folder: Path, engines: Sequence[Engine], *, sentinel: bool = False
) -> StartupVerdict:
    """What these servers make of the file, the first one's word first; the others are asked only
    where it refuses. Nothing is started on it, written, or loaded (model/doctor/starting.py)."""
    zero = next((at for at, line in enumerate(whole.text.split("\n")) if "\0" in line), None)
    if zero is not None:
        # a server reads each line to its zero byte and goes on without its end: no file of text
        return StartupVerdict(lacking=refusal_at(whole, zero, "a zero byte: this is no text"))
    tried: list[EngineTrial] = []
    ends = Deadline(_SECONDS)
    for engine in engines:
        tried.append(_try_engine(whole, _TrialContext(folder, ends, sentinel=sentinel), engine))
        if ends.over or (tried[-1].refusal is None and not tried[-1].unsure):
            break
    return StartupVerdict(tried=tuple(tried), lacking=conflicts(whole) or next(_missing_paths(whole), None))


def _missing_paths(whole: ConfWithIncludes) -> Iterator[StartupRefusal]:
    for one in sorted(required_paths(whole), key=lambda want: want.at):
        if certainly_missing(Path(one.path)):
            yield refusal_at(whole, one.at, f"{one.message}: No such file or directory")


@dataclass(frozen=True, slots=True)
class _TrialContext:
    """Where all are asked, as what, and until when."""

    folder: Path
    ends: Deadline
    sentinel: bool


def _try_engine(whole: ConfWithIncludes, bench: _TrialContext, engine: Engine) -> EngineTrial:
    """One server's word. A `dir` that we may not enter, as its server may, is left out."""
    out = ""
    without: set[int] = set()
    while True:
        text = lines_to_check(whole, frozenset(without))
        out = _server_output(engine, text, bench)
        at = refused_line(whole, out)
        if at is None:
            # never the line itself, which may hold a password
            told = [line for line in out.strip().split("\n") if not line.startswith(">>>")]
            why = told[-1] if told and told[-1] else "it said nothing"
            return EngineTrial(title=engine.title, path=engine.path, unsure=why)
        if at >= len(whole.origins) or at in without:
            break
        if _FORBIDDEN not in refusal_message(out) or text[at].lower().split()[:1] != ["dir"]:
            refusal = refusal_at(whole, at, refusal_message(out))
            return EngineTrial(title=engine.title, path=engine.path, refusal=refusal)
        without.add(at)
    odd = _unknown_directive(whole, engine)
    skipped = f"`{whole.text.split(chr(10))[min(without)].strip()}`" if without else ""
    return EngineTrial(title=engine.title, path=engine.path, refusal=odd, skipped=skipped)


def _unknown_directive(whole: ConfWithIncludes, engine: Engine) -> StartupRefusal | None:
    known: frozenset[str] | None = None
    if engine.keeps_unknown_directives and (names := module_directive_names(whole)):
        with suppress(RedistopoError):
            known = known_directives(engine, names)
    at = unknown_directive_at(whole, known)
    return None if at is None else unknown_directive(whole, at)


def _server_output(engine: Engine, lines: list[str], bench: _TrialContext) -> str:
    """What it printed, ended by the line that nothing takes: as an option, after all of the file.

    Sentinels read their own statements only when all else is well, so they are asked twice.
    """
    mode = ["--sentinel"] if bench.sentinel else []
    out = _run([engine.path, "/dev/stdin", *mode, "--port", STOP_WORD], lines, bench)
    if not bench.sentinel or STOP_WORD not in out:
        return out
    return _run([engine.path, "/dev/stdin", *mode], [*lines, f"sentinel {STOP_WORD}"], bench)


def _run(argv: list[str], lines: list[str], bench: _TrialContext) -> str:
    # by a pipe: passwords are in it, and so it never lies on a disk
    text = "\n".join(lines).encode(errors="surrogateescape")
    return run_unable_to_write(argv, text, bench.folder, bench.ends)
