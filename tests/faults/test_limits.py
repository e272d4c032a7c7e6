"""Limits of the system that are too low for the servers."""

import os
import subprocess

import pytest
from support.apart import apart
from support.engines import BUNDLED, FOR_ALL_USERS, INSTALLED, PACKAGED
from support.project import COMMAND, Project


@pytest.mark.fault(
    "the limit on open files is too low for redistopo, or for the configured `maxclients`",
    "refused before anything starts, with the numbers (exit 4)",
)
@pytest.mark.parametrize(
    ("limit", "extra", "told"),
    [
        (60, (), "needs 76 open files for 6 nodes, the limit is 60"),
        (90, ("--set", "maxclients=5000"), "maxclients 5000 needs 5032 open files"),
        (9000, ("--set", "maxclients=12"), "maxclients 12 is too low, its own topology needs 15"),
    ],
)
def test_too_few_open_files(
    project: Project, limit: int, extra: tuple[str, ...], told: str
) -> None:
    project.init("cluster", "--formation", "instant", *extra, engine=BUNDLED.path)
    done = _limited(project, f"--nofile={limit}")
    assert done.returncode == 4, done
    assert told in done.stderr
    assert "ulimit -n" in done.stderr or "raise maxclients" in done.stderr
    assert project.servers() == []


@pytest.mark.fault(
    "the limit on open files is lower than the default `maxclients` needs",
    "a warning with the numbers before the start; then the server runs with as many clients "
    "as possible",
)
def test_fewer_open_files_than_usual(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    done = _limited(project, "--nofile=1000")
    assert done.returncode == 0, done
    assert "maxclients 10000 needs 10032 open files, the limit is 1000" in done.stderr
    with project.client() as node:
        left = int(node.config_get("maxclients")["maxclients"])
    assert f"lower maxclients to {left}" in done.stderr


def _limited(project: Project, limit: str) -> subprocess.CompletedProcess[str]:
    """`up` under a limit that not even root may raise, as in a container."""
    return apart(project, "prlimit", limit, COMMAND, "up")


@pytest.mark.fault(
    "the limit on processes and threads is lower than the servers need",
    "refused before anything starts, with the numbers (exit 4)",
)
def test_too_few_processes(project: Project) -> None:
    user = ["prlimit", "--nproc=40"]
    if os.getuid() == 0:
        # nothing limits root's processes: here a user without any, and with root's files
        caps = "--bounding-set=-sys_resource,-sys_admin"
        user = ["setpriv", "--ruid=54321", caps, *user]
    project.init("cluster", "--formation", "instant", engine=FOR_ALL_USERS.path)
    done = subprocess.run(
        [*user, COMMAND, "up"],
        cwd=project.root, capture_output=True, text=True, timeout=60, check=False,
        env=project.environment(),
    )  # fmt: skip
    assert done.returncode == 4, done
    assert "need 80 processes and threads" in done.stderr
    assert project.servers() == []


@pytest.mark.fault(
    "Redis 6.2, which binds each bus link to a port, needs more of them than the system gives to "
    "outgoing connections",
    "refused before anything starts, with the numbers and the largest size (exit 4)",
)
@pytest.mark.skipif("redis-6.2.14" not in INSTALLED, reason="no Redis 6.2")
@pytest.mark.parametrize(("version", "code"), [("redis-6.2.14", 4), ("", 0)])
def test_too_few_ports_for_the_bus_links(project: Project, version: str, code: int) -> None:
    engine = INSTALLED[version] if version else PACKAGED
    project.init("cluster", "--formation", "instant", engine=engine.path)
    few = "ip link set lo up && echo 40000 40020 >/proc/sys/net/ipv4/ip_local_port_range"
    script = f"{few} && {COMMAND} up && {COMMAND} down"
    done = apart(project, "--net", "sh", "-c", script)
    assert done.returncode == code, done
    told = "each of their 30 bus links to a port, and the system has 21 for outgoing connections"
    assert (told in done.stderr, "at most 5 nodes" in done.stderr) == (code == 4, code == 4)
    assert project.servers() == []
