"""Compresses and reads streams with the program zstd: Python has it only since 3.14."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, BinaryIO, cast

from redistopo.errors import MissingPrerequisite
from redistopo.host.run_program import clean_environment, search_path


class BadStream(OSError):
    """What zstd refused to read, or could not write."""


@contextmanager
def compressing(out: BinaryIO) -> Iterator[IO[bytes]]:
    """Yield a stream whose bytes are written compressed to an open file; raises BadStream."""
    with _zstd("-3", stdin=subprocess.PIPE, stdout=out) as process:
        stdin = cast(IO[bytes], process.stdin)
        try:
            yield stdin
            stdin.close()
        except BrokenPipeError as error:  # it has ended, and its own error says why
            raise BadStream(_why(process)) from error
        if why := _why(process):
            raise BadStream(why)


@contextmanager
def decompressed(source: BinaryIO) -> Iterator[IO[bytes]]:
    """Yield the bytes of a compressed file, which need not be read to the end."""
    with _zstd("--decompress", stdin=source, stdout=subprocess.PIPE) as process:
        yield cast(IO[bytes], process.stdout)


def require_zstd() -> str:
    """Return the program; raises MissingPrerequisite if it isn't installed."""
    program = shutil.which("zstd", path=search_path())
    if program is None:
        raise MissingPrerequisite(
            "the program zstd isn't installed",
            hint="install zstd; a snapshot by --archive needs no program",
        )
    return program


@contextmanager
def _zstd(
    word: str, stdin: BinaryIO | int, stdout: BinaryIO | int
) -> Iterator["subprocess.Popen[bytes]"]:
    argv = [require_zstd(), "--quiet", "--stdout", word]
    process = subprocess.Popen(
        argv, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, env=clean_environment()
    )
    try:
        yield process
    finally:
        process.kill()  # on an error, or if not everything was read
        for stream in (process.stdin, process.stdout, process.stderr):
            with suppress(OSError):  # of what zstd didn't read
                if stream is not None:
                    stream.close()
        process.wait()


def _why(process: "subprocess.Popen[bytes]") -> str:
    """Wait for its end, and return its error; "" for none."""
    told = cast(IO[bytes], process.stderr).read().decode(errors="replace").strip()
    return told or f"zstd exited with {process.returncode}" if process.wait() else ""
