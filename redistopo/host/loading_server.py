"""A temporary server on loopback that loads a file; it has a password, and writes nothing."""

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from signal import SIGKILL, SIGTERM

from redistopo.errors import MissingPrerequisite
from redistopo.host.interrupts import interrupts_deferred
from redistopo.host.local_host import LOCAL
from redistopo.host.ports import any_free
from redistopo.host.run_program import clean_environment, end_child
from redistopo.host.server_log import log_tail
from redistopo.quick_dataclass import dataclass

_LOOPBACK = "127.0.0.1"
_END_SECONDS = 5.0
_DATABASES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadingServer:
    """The server's address, password and log."""

    host: str
    port: int
    password: str = field(repr=False)
    log: Path
    process: "subprocess.Popen[bytes]"

    @property
    def ended(self) -> bool:
        """Whether it exited, as one does that can't load its file."""
        return self.process.poll() is not None

    @property
    def last_log_lines(self) -> str:
        """The last lines of its log."""
        return log_tail(LOCAL.files, self.log, 6)


@contextmanager
def loading_server(program: str, data: Path) -> Iterator[LoadingServer]:
    """Start a server on an RDB file, or on a copy of an append-only folder or file; afterwards end
    it and remove its folder. It may still load, or have ended."""
    begun: list[LoadingServer] = []
    with tempfile.TemporaryDirectory(prefix="redistopo-load-") as folder:
        try:
            with interrupts_deferred(later=True):  # otherwise it could run unrecorded
                begun.append(_begin(program, Path(folder), data))
            yield begun[0]
        finally:
            for server in begun:
                end_child(server.process, (SIGTERM, SIGKILL), _END_SECONDS)


def _begin(program: str, folder: Path, data: Path) -> LoadingServer:
    port, password = any_free(_LOOPBACK), secrets.token_hex(16)
    lines = [
        f"port {port}",
        f"bind {_LOOPBACK}",
        f"requirepass {password}",
        f"databases {_DATABASES}",
        'save ""',
        *_placed(folder, data),
    ]
    log = folder / "log"
    try:
        with log.open("wb") as out:
            # the configuration by stdin: the process list shows no password
            process = subprocess.Popen(
                [program, "-"],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                env=clean_environment(),
                start_new_session=True,
            )
    except OSError as error:
        raise MissingPrerequisite(f"can't run {program}", detail=str(error)) from error
    if process.stdin is not None:
        process.stdin.write("\n".join([*lines, ""]).encode())
        process.stdin.close()
    return LoadingServer(host=_LOOPBACK, port=port, password=password, log=log, process=process)


def _placed(folder: Path, data: Path) -> list[str]:
    """Put the data where the server finds it; an append-only file is copied, since the server
    would write to it."""
    if data.is_dir():
        shutil.copytree(data, folder / data.name)
        manifest = next(data.glob("*.manifest"), None)
        name = manifest.name.removesuffix(".manifest") if manifest else "appendonly.aof"
        return ["appendonly yes", f"appenddirname {data.name}", f"appendfilename {name}"]
    if data.suffix == ".aof":
        shutil.copyfile(data, folder / "appendonly.aof")
        return ["appendonly yes", "appendfilename appendonly.aof"]
    (folder / "dump.rdb").symlink_to(data.absolute())
    return ["dbfilename dump.rdb"]
