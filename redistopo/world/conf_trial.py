"""A redis.conf given to real servers to judge, none of which ever starts on it."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from redistopo.errors import RedistopoError
from redistopo.model.doctor.served_conf import Spliced
from redistopo.model.doctor.starting import (
    STOP,
    Refusal,
    Starting,
    Tried,
    clashes,
    lines_for,
    refusal_at,
    refused_at,
    strange,
    strange_lines,
    unsure_names,
    wanted,
    words,
)
from redistopo.model.engine import Engine
from redistopo.world.files import missing
from redistopo.world.process import clean_environment
from redistopo.world.trial import known_directives

_SECONDS = 5.0
_FORBIDDEN = "Permission denied"


def judged(
    whole: Spliced, folder: Path, engines: Sequence[Engine], *, sentinel: bool = False
) -> Starting:
    """What these servers make of the file, the first one's word first; the others are asked only
    where it refuses. Nothing is started on it, written, or loaded (model/doctor/starting.py)."""
    zero = next((at for at, line in enumerate(whole.text.split("\n")) if "\0" in line), None)
    if zero is not None:
        # a server reads each line to its zero byte and goes on without its end: no file of text
        return Starting(lacking=refusal_at(whole, zero, "a zero byte: this is no text"))
    tried: list[Tried] = []
    for engine in engines:
        tried.append(_tried(whole, folder, engine, sentinel=sentinel))
        if tried[-1].refusal is None and not tried[-1].unsure:
            break
    return Starting(tried=tuple(tried), lacking=clashes(whole) or next(_lacking(whole), None))


def _lacking(whole: Spliced) -> Iterator[Refusal]:
    for one in sorted(wanted(whole), key=lambda want: want.at):
        if missing(Path(one.path)):
            yield refusal_at(whole, one.at, f"{one.said}: No such file or directory")


def _tried(whole: Spliced, folder: Path, engine: Engine, *, sentinel: bool) -> Tried:
    """One server's word. A `dir` that we may not enter, as its server may, is left out."""
    out = ""
    without: set[int] = set()
    while True:
        text = lines_for(whole, frozenset(without))
        out = _said(engine, text, folder, sentinel=sentinel)
        at = refused_at(whole, out)
        if at is None:
            # never the line itself, which may hold a password
            told = [line for line in out.strip().split("\n") if not line.startswith(">>>")]
            why = told[-1] if told and told[-1] else "it said nothing"
            return Tried(title=engine.title, path=engine.path, unsure=why)
        if at >= len(whole.origins) or at in without:
            break
        if _FORBIDDEN not in words(out) or text[at].lower().split()[:1] != ["dir"]:
            refusal = refusal_at(whole, at, words(out))
            return Tried(title=engine.title, path=engine.path, refusal=refusal)
        without.add(at)
    odd = _strange(whole, engine)
    skipped = f"`{whole.text.split(chr(10))[min(without)].strip()}`" if without else ""
    return Tried(title=engine.title, path=engine.path, refusal=odd, skipped=skipped)


def _strange(whole: Spliced, engine: Engine) -> Refusal | None:
    known: frozenset[str] | None = None
    if engine.keeps_unknown_directives and (names := unsure_names(whole)):
        with suppress(RedistopoError):
            known = known_directives(engine, names)
    at = strange_lines(whole, known)
    return None if at is None else strange(whole, at)


def _said(engine: Engine, lines: list[str], folder: Path, *, sentinel: bool) -> str:
    """What it printed, ended by the line that nothing takes: as an option, after all of the file.

    Sentinels read their own statements only when all else is well, so they are asked twice.
    """
    mode = ["--sentinel"] if sentinel else []
    out = _run([engine.path, "/dev/stdin", *mode, "--port", STOP], lines, folder)
    if not sentinel or STOP not in out:
        return out
    return _run([engine.path, "/dev/stdin", *mode], [*lines, f"sentinel {STOP}"], folder)


def _run(argv: list[str], lines: list[str], folder: Path) -> str:
    # by a pipe: passwords are in it, and so it never lies on a disk
    text = "\n".join(lines).encode(errors="surrogateescape")
    try:
        done = subprocess.run(
            argv,
            input=text,
            capture_output=True,
            cwd=folder,
            env=clean_environment(),
            timeout=_SECONDS,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return f"it didn't end within {_SECONDS:g} s"
    except OSError as error:
        return error.strerror or str(error)
    return (done.stderr + b"\n" + done.stdout).decode(errors="replace")
