"""Topologies over several hosts that are all this machine (`ssh = "local"`): what redistopo does
by Ansible, judged by redis-py and by the kernel."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support import judge
from support.engines import INSTALLED
from support.forms import FULL
from support.project import Project

_ADDRESSES = ("127.0.0.2", "127.0.0.3")


def _init(project: Project, base: Path, *lines: str, machine: str = 'ssh = "local"') -> None:
    hosts = [f'[hosts.h{n}]\naddress = "{one}"\n{machine}' for n, one in enumerate(_ADDRESSES, 1)]
    head = ["format = 1", 'name = "demo"', 'shape = "replication"', "replicas = 1"]
    text = [*head, f"port = {project.port}", "[hosts]", f'base = "{base}"', *lines, *hosts]
    (project.root / "redistopo.toml").write_text("\n".join([*text, ""]))


def _servers(base: Path) -> list[int]:
    """The servers that work below a folder."""
    found = []
    for pid in psutil.pids():
        with suppress(psutil.Error):
            if psutil.Process(pid).cwd().startswith(f"{base}/"):
                found.append(pid)
    return found


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Path]:
    """The folder of the hosts' nodes, of which no server is left."""
    yield tmp_path / "base"
    for pid in _servers(tmp_path / "base"):
        psutil.Process(pid).kill()


def test_up_a_lock_of_another_controller_and_down(project: Project, base: Path) -> None:
    _init(project, base, f'engine = "{INSTALLED["redis-8.2.3"].path}"')
    assert "names other hosts: h1 local, h2 local" in project.run("up", check=2).err
    assert not base.exists()
    project.run("up", "--trust", check=0)
    with judge.client(project.port, project.password, _ADDRESSES[0]) as primary:
        replica = primary.info("replication")["slave0"]
        assert (replica["ip"], replica["state"]) == (_ADDRESSES[1], "online")
        assert primary.config_get("dir") == {"dir": f"{base}/nodes/node1"}
    before = _servers(base)
    assert len(before) == 2
    assert (base / "nodes" / "node1" / "redis.conf").stat().st_mode & 0o777 == 0o600
    project.run("verify", check=0)
    assert "2, on hosts" in project.run("ps", check=0).out
    assert "node1" in project.run("logs", check=0).out
    assert not list((project.root / ".redistopo").rglob("*.log"))
    lock = {"token": "another", "once": "1", "who": "alice@ctl", "at": time.time() + 600}
    (base / ".lock").write_text(json.dumps(lock))
    refused = project.run("kill", "node2", check=1)
    assert "is being changed by another controller" in refused.err
    assert "alice@ctl" in refused.err
    assert sorted(_servers(base)) == sorted(before)
    (base / ".lock").unlink()
    file = project.root / "redistopo.toml"
    text = file.read_text()
    # Redis 8 refuses the last one, which a module could define, only at its start
    for words, line in (
        ("restart --rolling", "maxmemory = 'lots'"),
        ("up", "maxmemory = 'lots'"),
        ("restart --rolling", "maxmemory-x = '1'"),
    ):
        file.write_text(f"{text}\n[nodes.node2]\n{line}\n")
        refused = project.run(*words.split(), check=2)
        assert "doesn't start with the configuration of node2 on h2" in refused.err
        assert line.partition(" ")[0] in refused.err
    conf = (base / "nodes" / "node2" / "redis.conf").read_text()
    assert "lots" not in conf
    assert "maxmemory-x" not in conf
    assert sorted(_servers(base)) == sorted(before)
    _a_copy_of_the_folder_does_nothing(project, before)
    with judge.client(project.port, project.password, _ADDRESSES[0]) as primary:
        primary.set("large", os.urandom(17 << 20))
    file.write_text(file.read_text().partition("[nodes.node2]")[0])
    project.run("down", check=0)
    # its log has all: a snapshot of some GB would take minutes, in which the node is away
    logs = (base / "nodes" / "node1").rglob("appendonly.aof*")
    assert sum(one.stat().st_size for one in logs) > 17 << 20
    assert not (base / "nodes" / "node1" / "dump.rdb").exists()
    if FULL:
        project.run("up", check=0)
        with judge.client(project.port, project.password, _ADDRESSES[0]) as primary:
            assert primary.strlen("large") == 17 << 20
    project.run("down", "--wipe", "--yes", check=0)
    assert _servers(base) == []
    assert not base.exists()
    assert not (project.root / ".redistopo").exists()


def _a_copy_of_the_folder_does_nothing(project: Project, servers: list[int]) -> None:
    """Whoever is given the folder with all its files isn't logged in anywhere by them."""
    root, program = project.root, project.root / "inventory.sh"
    program.write_text('#!/bin/sh\ntouch "$0.ran"\n')
    program.chmod(0o755)
    copy = root.with_name(f"{root.name}-copy")
    shutil.copytree(root, copy)
    verbs = ("status", "verify", "logs", "kill node1", "down --wipe --yes")
    for words in map(str.split, verbs):
        refused = project.run("-C", str(copy), *words, check=2)
        assert "names other hosts: h1 local, h2 local" in refused.err
    text = (copy / "redistopo.toml").read_text().partition("[hosts]")[0]
    (copy / "redistopo.toml").write_text(f'{text}[hosts]\ninventory = "{program}"\n')
    shutil.rmtree(copy / ".redistopo")
    for words in (("plan",), ("status",), ("up",), ("verify",)):
        assert project.run("-C", str(copy), *words).code in (1, 2)
    assert "names an inventory" in project.run("-C", str(copy), "up", check=2).err
    assert not list(root.glob("*.ran"))
    assert all(psutil.pid_exists(pid) for pid in servers)


def test_a_folder_of_another_topology_is_left_alone(project: Project, base: Path) -> None:
    base.mkdir()
    (base / "MARKER").write_text("another\n")
    _init(project, base)
    refused = project.run("up", "--trust", check=4)
    assert f"{base} on host h1 (local) belongs to another topology" in refused.err
    assert [one.name for one in base.iterdir()] == ["MARKER"]
    assert _servers(base) == []


@pytest.mark.skipif(not FULL, reason="in the whole form only: make test-full")
def test_a_host_without_the_engine_is_named(project: Project, tmp_path: Path) -> None:
    _init(project, tmp_path / "base", 'engine = "/no/redis-server"')
    refused = project.run("up", "--trust", check=4)
    assert "hosts h1, h2 have no server: /no/redis-server" in refused.err
    assert not (tmp_path / "base").exists()


@pytest.mark.skipif(not FULL, reason="in the whole form only: make test-full")
def test_a_host_that_refuses_ssh_is_named_soon(project: Project, tmp_path: Path) -> None:
    _init(project, tmp_path / "base", machine='ssh = "127.0.0.1"\nport = 1')
    began = time.monotonic()
    refused = project.run("up", "--trust", check=1)
    assert "host h1 (127.0.0.1) can't be reached by SSH" in refused.err
    assert "port 1: Connection refused" in refused.err
    assert time.monotonic() - began < 60  # 15 s on an idle machine
