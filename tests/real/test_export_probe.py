"""The probe of exports: a server that loads its data is alive, and not ready."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from support.byhand import listening
from support.engines import BUNDLED
from support.exported import rendered
from support.judge import client
from support.project import Project
from support.waiting import until

from redistopo.export.systemd import systemd_files

_PASSWORD = "p %n $HOME \"q' \\x é"


def test_a_server_that_loads_is_alive_but_not_ready(project: Project) -> None:
    files = rendered(
        partial(systemd_files, notifies=False),
        engine=BUNDLED, shape="standalone", password=_PASSWORD,
    )  # fmt: skip
    script, secret = project.root / "probe.sh", project.root / "password"
    script.write_text(files["probe.sh"].text)
    secret.write_text(files["nodes/node1/password"].text)

    def probed(kind: str) -> int:
        env = {**os.environ, "PASSWORD_FILE": str(secret)}
        argv = ["sh", str(script), kind, str(project.port)]
        return subprocess.run(argv, env=env, capture_output=True, check=False).returncode

    assert (probed("ready"), probed("alive")) == (1, 1)
    words = (BUNDLED.path, "--port", str(project.port), "--requirepass", _PASSWORD)
    with _server(*words, folder=project.root):
        listening(project.port, _PASSWORD)
        assert (probed("ready"), probed("alive")) == (0, 0)
        with closing(client(project.port, _PASSWORD)) as node:
            node.mset({f"key{number}": "x" * 100 for number in range(500)})
            node.save()
    assert probed("alive") == 1
    slow = ("--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024")
    with _server(*words, *slow, folder=project.root):
        until(lambda: probed("alive") == 0)
        assert probed("ready") == 1


@contextmanager
def _server(*words: str, folder: Path) -> Iterator[None]:
    """A server, killed at the end."""
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL) as started:
        try:
            yield
        finally:
            started.kill()
