"""What can't work on a host is refused with one message, and nothing is started anywhere."""

import subprocess
from pathlib import Path

import pytest
from hosts.lab import BASE, OPERATOR
from support.engines import INSTALLED
from support.forms import FULL
from support.on_hosts import OnHosts
from support.waiting import until

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_PAIR = ('shape = "replication"', "replicas = 2")


def _edit(over_hosts: OnHosts, before: str, after: str) -> None:
    file = over_hosts.project.root / "redistopo.toml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after, 1))


def _refused(over_hosts: OnHosts, code: int) -> str:
    """What `up` printed; nothing runs, on no host."""
    done = over_hosts.project.run("up", "--trust", check=code, seconds=200)
    assert "Traceback" not in done.err
    assert done.err.count("Error: ") == 1, done
    assert over_hosts.servers() == []
    return done.err


def test_an_old_engine_on_a_host_is_refused(over_hosts: OnHosts) -> None:
    over_hosts.init(*_PAIR)
    _edit(over_hosts, "[hosts]", '[hosts]\nengine = "/opt/redis-server"')
    banner = "Redis server v=5.0.7 sha=00000000:0 malloc=libc bits=64 build=636cde3b5c7a3923"
    for host in over_hosts.lab.hosts.values():
        real = "7.0.15" if host.name != "h2" else "5.0.7"
        path = host.path("/opt/redis-server")
        path.write_text(f"#!/bin/sh\necho '{banner.replace('5.0.7', real)}'\n")
        path.chmod(0o755)
    err = _refused(over_hosts, 4)
    assert "host h2 has no server that fits" in err
    assert "h2: Redis 5.0.7 at /opt/redis-server" in err


def test_a_user_without_sudo_is_refused(over_hosts: OnHosts) -> None:
    over_hosts.init(*_PAIR)
    _edit(over_hosts, 'user = "root"', f'user = "{OPERATOR}"\nbecome = true')
    err = _refused(over_hosts, 4)
    assert "doesn't allow sudo" in err
    assert "become = false" in err


def test_a_base_folder_that_is_read_only_is_refused(over_hosts: OnHosts) -> None:
    over_hosts.init(*_PAIR)
    host = over_hosts.lab["h2"]
    host.run("mount", "-o", "remount,ro", BASE)
    try:
        err = _refused(over_hosts, 4)
    finally:
        host.run("mount", "-o", "remount,rw", BASE)
    assert f"can't write {BASE}/demo on host h2" in err
    assert "Read-only file system" in err
    over_hosts.project.run("up", check=0, seconds=300)
    assert over_hosts.faults(cluster=False) == []


def test_a_port_of_a_host_that_a_stranger_uses_is_named_with_it(over_hosts: OnHosts) -> None:
    over_hosts.init(*_PAIR)
    host = over_hosts.lab["h2"]
    listen = f"socket.create_server(('{host.address}', {over_hosts.project.port}))"
    script = f"import socket, time; one = {listen}; print('on', flush=True); time.sleep(600)"
    stranger = subprocess.Popen(
        ["nsenter", f"--target={host.pid}", "--mount", "--net", "--pid", "--root", "--wd",
         "/usr/bin/python3", "-c", script],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert stranger.stdout
        until(lambda: stranger.stdout and stranger.stdout.readline() == "on\n")
        err = _refused(over_hosts, 4)
        assert f"port {over_hosts.project.port} is in use by python3" in err
        assert stranger.poll() is None, "it was ended"
    finally:
        for one in host.processes("python3"):
            one.kill()
        stranger.communicate(timeout=10)
    over_hosts.project.run("up", check=0, seconds=300)


def test_what_one_host_lacks_is_named_before_a_node_is_stopped(over_hosts: OnHosts) -> None:
    """A module, which is on the other hosts, and a server that knows the directive."""
    old = next(one for one in INSTALLED.values() if one.version.major == 6)
    over_hosts.init(*_PAIR)
    over_hosts.project.run("up", check=0, seconds=300)
    before = sorted(over_hosts.servers())
    for name in ("h1", "h3"):
        over_hosts.lab[name].path("/opt/module.so").touch()
    file = over_hosts.project.root / "redistopo.toml"
    text = file.read_text()
    file.write_text(f'{text}[redis]\ninclude = "/opt/none.conf"\n')
    refused = over_hosts.project.run("up", check=2, seconds=60)
    assert "/opt/none.conf is included for node1 and can't be read on this machine" in refused.err
    file.write_text(f'{text}[redis]\nloadmodule = "/opt/module.so"\n')
    refused = over_hosts.project.run("restart", "--rolling", check=2, seconds=60)
    assert "doesn't start with the configuration of node2 on h2" in refused.err
    assert "Can't load module from /opt/module.so" in refused.err
    server = over_hosts.lab["h2"].path("/usr/bin/redis-server")
    kept = server.resolve().read_bytes()
    server.unlink()
    server.write_bytes(Path(old.path).read_bytes())
    server.chmod(0o755)
    file.write_text(f'{text}[redis]\nmaxmemory-clients = "100mb"\n')
    refused = over_hosts.project.run("restart", "--rolling", check=2, seconds=60)
    server.unlink()
    server.write_bytes(kept)
    server.chmod(0o755)
    assert "doesn't start with the configuration of node2 on h2" in refused.err
    assert "maxmemory-clients 100mb" in refused.err
    assert sorted(over_hosts.servers()) == before
    over_hosts.project.run("restart", "--rolling", check=0, seconds=200)
    assert over_hosts.faults(cluster=False) == []


def test_a_host_with_the_only_copy_is_not_removed(over_hosts: OnHosts) -> None:
    over_hosts.init('shape = "cluster"', "shards = 3", "replicas = 0")
    over_hosts.project.run("up", check=0, seconds=300)
    before = sorted(over_hosts.servers())
    address = over_hosts.lab["h3"].address
    _edit(over_hosts, f'[hosts.h3]\naddress = "{address}"\n', "")
    done = over_hosts.project.run("up", check=2)
    assert "h3" in done.err
    assert "its data is there" in done.err
    assert sorted(over_hosts.servers()) == before
    assert over_hosts.faults() == []
