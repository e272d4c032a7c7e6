"""A temporary server on loopback that loads a file; it has a password, and writes nothing."""

import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import field
from pathlib import Path

from redistopo.errors import MissingPrerequisite
from redistopo.host.local_host import LOCAL
from redistopo.host.ports import any_free
from redistopo.host.server_log import log_tail
from redistopo.host.temporary_folder import temporary_folder
from redistopo.host.tied_program import Streams, tied_program
from redistopo.quick_dataclass import dataclass

_LOOPBACK = "127.0.0.1"
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
    with (
        temporary_folder("redistopo-load-") as folder,
        (folder / "log").open("wb") as log,
        ExitStack() as stack,
    ):
        port, password = any_free(_LOOPBACK), secrets.token_hex(16)
        text = _configuration(port, password, _placed(folder, data))
        # by stdin: the process list shows no password
        streams = Streams(stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            process = stack.enter_context(tied_program([program, "-"], folder, streams))
        except OSError as error:
            raise MissingPrerequisite(f"can't run {program}", detail=str(error)) from error
        if process.stdin is not None:
            with suppress(BrokenPipeError), process.stdin as configuration:  # it ended at once
                configuration.write(text.encode())
        yield LoadingServer(
            host=_LOOPBACK, port=port, password=password, log=Path(log.name), process=process
        )


def _configuration(port: int, password: str, data: Sequence[str]) -> str:
    lines = [
        f"port {port}",
        f"bind {_LOOPBACK}",
        f"requirepass {password}",
        f"databases {_DATABASES}",
        'save ""',
        *data,
        "",
    ]
    return "\n".join(lines)


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
