"""`export compose` run by Docker: a daemon of the tests' own, judged from outside of it."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.docker import Docker, docker, why_no_docker
from support.exported import exported
from support.forked import COMMAND
from support.forms import FULL
from support.project import Project
from support.waiting import until

pytestmark = [
    pytest.mark.skipif(not FULL, reason="the whole form only: make test-compose"),
    pytest.mark.skipif(bool(why_no_docker()), reason=why_no_docker() or "a daemon can run"),
]

_RESTARTS = int(os.environ.get("TESTS_RESTARTS", "2"))
"""How often a cluster goes down and up."""


@dataclass
class Composed:
    """An export, run by Compose."""

    daemon: Docker
    folder: Path
    compose: Callable[..., str]
    port: int
    words: tuple[str, ...] = ()

    def cli(self, *words: str, port: int = 0) -> str:
        """What Redis's own client prints, outside of the containers."""
        at = ("-p", str(port or self.port), "--no-auth-warning", *self.words)
        argv = self.daemon.outside("redis-cli", *at, *words)
        done = subprocess.run(
            argv, cwd=self.folder, capture_output=True, text=True, timeout=20, check=False
        )
        return done.stdout.strip()

    def states(self) -> str:
        """How the services and the forming one are."""
        return self.compose("ps", "--all") + self.compose("logs", "form")

    def readme_says(self) -> str:
        """What the last command of the README's first block prints; it succeeded."""
        block = (self.folder / "README.md").read_text().split("```")[1]
        typed = block.strip().splitlines()[-1].replace("redistopo ", f"{COMMAND} ", 1)
        assert COMMAND in typed
        done = subprocess.run(
            self.daemon.outside("sh", "-c", typed),
            cwd=self.folder, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done
        return done.stdout


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    with docker(tmp_path_factory.mktemp("docker")) as running:
        yield running


@contextmanager
def _composed(daemon: Docker, project: Project, *words: str) -> Iterator[Composed]:
    project.init(*words, engine=shutil.which("redis-server") or "")
    folder = exported(project, "compose")
    found = re.search('image: "(.+)"', (folder / "compose.yaml").read_text())
    assert found
    daemon.build(found[1])
    with daemon.project(folder) as compose:
        compose("up", "--detach", "--wait", *_nodes(folder))
        compose("up", "--detach")
        login = ("-a", (folder / "password").read_text())
        yield Composed(daemon, folder, compose, project.port, login)


def _nodes(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "nodes").iterdir())


def test_a_cluster_with_certificates_serves_clients_outside_and_keeps_its_data(
    project: Project, daemon: Docker
) -> None:
    with _composed(daemon, project, "cluster", "--tls", "--acl") as made:
        pem = "tls/client.pem"
        made.words += ("--user", "admin", "--tls", "--cacert", "tls/ca.crt")
        made.words += ("--cert", pem, "--key", pem, "-c")
        until(lambda: "formed: 6 nodes" in made.compose("logs", "form"), 150, made.states)
        assert "6 of 6 nodes: refuse plain connections" in made.readme_says()
        assert re.findall(r"^127\.0\.0\.1$", made.cli("CLUSTER", "SLOTS"), re.MULTILINE)
        for number in range(20):
            assert made.cli("SET", f"key{number}", str(number)) == "OK"
        wanted = [str(number) for number in range(20)]
        assert [made.cli("GET", f"key{number}") for number in range(20)] == wanted
        assert made.compose("exec", "node1", "id", "-u").strip() == "0"
        owners = made.compose("exec", "node1", "sh", "-c", "find /data ! -user redis")
        assert owners == ""

        nodes = _nodes(made.folder)
        for number in range(_RESTARTS):
            made.compose("down")
            assert made.cli("PING") != "PONG"
            if number % 2:  # the containers' network begins elsewhere: all addresses change
                (made.folder / ".env").write_text(f"SUBNET=10.99.{number}\n")
            # the order in which containers start is the one in which Docker gives addresses
            for node in nodes[number % 6 :] + nodes[: number % 6] if number % 3 else ():
                made.compose("up", "--detach", node)
            made.compose("up", "--detach")
            until(lambda: "formed: 6 nodes" in made.compose("logs", "form"), 150, made.states)
            assert made.cli("CLUSTER", "INFO").startswith("cluster_state:ok")
            assert [made.cli("GET", f"key{number}") for number in range(20)] == wanted


@pytest.mark.parametrize("words", [(), ("--tls",)], ids=["plain", "tls"])
def test_sentinels_fail_over_and_the_former_primary_follows(
    project: Project, daemon: Docker, words: tuple[str, ...]
) -> None:
    with _composed(daemon, project, "sentinel", "--replicas", "1", *words) as made:
        if words:
            pem = "tls/client.pem"
            made.words += ("--tls", "--cacert", "tls/ca.crt", "--cert", pem, "--key", pem)
        replica = project.port + 1
        until(lambda: "master_link_status:up" in made.cli("INFO", "replication", port=replica), 30)
        assert "would take over: 3 Sentinels reply" in made.readme_says()
        assert made.cli("SET", "key", "value") == "OK"
        assert made.cli("WAIT", "1", "5000") == "1"
        made.compose("stop", "node1")
        until(lambda: "role:master" in made.cli("INFO", "replication", port=replica), 60)
        assert made.cli("GET", "key", port=replica) == "value"
        made.compose("start", "node1")
        until(lambda: "role:slave" in made.cli("INFO", "replication"), 60)
        until(lambda: "master_link_status:up" in made.cli("INFO", "replication"), 60)


def test_a_replication_is_reached_with_a_password_of_any_characters(
    project: Project, daemon: Docker
) -> None:
    project.env["REDISTOPO_PASSWORD"] = "p ${HOME} $x %n \"q' \\ {{ 7*7 }} #: é"
    with _composed(daemon, project, "replication", "--replicas", "1") as made:
        made.readme_says()
        replica = made.cli("INFO", "replication", port=project.port + 1)
        assert "master_host:node1" in replica
        until(lambda: made.cli("WAIT", "1", "2000") == "1")
