"""`export systemd`: its units are accepted by systemd's own tools, and what they start is run here
as they start it; systemd itself isn't booted."""

import os
import shutil
import socket
import ssl
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pytest
from support.engines import BUNDLED, ENGINES, TLS
from support.exported import Units, exported, replicas_of_shards
from support.forms import spread
from support.judge import client, faults
from support.project import Project
from support.waiting import until

from redistopo.host.engine_libraries import links_libsystemd
from redistopo.model.protocol.engine import Engine

needs_analyze = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze isn't on this machine"
)


@pytest.fixture
def units(project: Project) -> Iterator[Units]:
    made = Units(folder=project.root / "out", root=project.root)
    with closing(made):
        yield made


def _analyzed(*words: object) -> str:
    done = subprocess.run(
        ["systemd-analyze", *map(str, words)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    return done.stdout + done.stderr


@needs_analyze
def test_systemd_accepts_every_unit_without_a_word(project: Project) -> None:
    """With a server in a folder whose name is what unit files take for something else."""
    server = project.root / "a %n $HOME {b} ü" / "redis-server"
    server.parent.mkdir()
    server.symlink_to((TLS or BUNDLED).path)
    words = ("--tls",) if TLS else ()
    project.init("cluster", "--name", "a.B_c-1", "--replicas", "0", *words)
    folder = exported(project, "systemd", "--engine", str(server))
    found = sorted((folder / "units").iterdir())
    assert len(found) == 5
    assert _analyzed("verify", *found) == ""
    for unit in (one for one in found if one.name.endswith(("form.service", "node1.service"))):
        _analyzed("security", "--offline=yes", "--threshold=20", unit)


def test_a_server_that_systemd_would_not_run_is_refused(project: Project) -> None:
    server = project.root / 'a "b"' / "redis-server"
    server.parent.mkdir()
    server.symlink_to(BUNDLED.path)
    project.init("standalone")
    refused = project.run("export", "systemd", "out", "--engine", server, check=2)
    assert "quotes" in refused.err
    assert not (project.root / "out").exists()


@pytest.mark.parametrize("engine", spread(list(ENGINES.values()), 1), ids=lambda one: one.name)
def test_the_units_of_a_cluster_start_and_form_it(
    project: Project, units: Units, engine: Engine
) -> None:
    project.init("cluster", "--acl", engine=engine.path)
    exported(project, "systemd")
    for node in units.nodes:
        units.start(node)
    done = units.script("form.sh")
    assert done.returncode == 0, done
    admin = project.secret("admin")
    with client(project.port, admin, user="admin") as node:
        assert str(node.execute_command("CLUSTER INFO")["cluster_state"]) == "ok"
        shards = node.execute_command("CLUSTER SLOTS")
        assert sorted((first, last) for first, last, *_ in shards) == [
            (0, 5460), (5461, 10922), (10923, 16383)
        ]  # fmt: skip
        assert replicas_of_shards(node) == [1, 1, 1]
    with client(project.port, project.password) as node:
        assert node.ping()
    # a formed cluster is left as it is, after a failover too
    with client(project.port + 3, admin, user="admin") as replica:
        until(lambda: replica.info("replication")["master_link_status"] == "up")
        replica.execute_command("CLUSTER FAILOVER")
        until(lambda: replica.info("replication")["role"] == "master")
        assert units.script("form.sh").returncode == 0
        assert replica.info("replication")["role"] == "master"


def test_the_units_of_a_replication_start_replicas_that_follow(
    project: Project, units: Units
) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    exported(project, "systemd")
    for node in units.nodes:
        units.start(node)
    for node, port in zip(units.nodes, project.ports, strict=True):
        ready = partial(units.script, "probe.sh", "ready", str(port), of=node)
        until(lambda probe=ready: probe().returncode == 0)
    until(lambda: faults(project.ports, project.password, cluster=False) == [])


def test_a_unit_waits_for_a_notice_only_from_a_server_that_sends_it(
    project: Project, units: Units
) -> None:
    """The notice of each server itself is the judge."""
    for number, engine in enumerate(spread(list(ENGINES.values()), 2)):
        project.run("init", "standalone", "--port", str(project.port + number), "--force", check=0)
        exported(project, "systemd", "--force", "--engine", engine.path)
        told = units.start("node1")
        assert (b"READY=1" in told) is links_libsystemd(engine.path), engine
        units.close()


def test_files_with_passwords_are_private_and_others_have_none(project: Project) -> None:
    project.env["REDISTOPO_PASSWORD"] = "p %n $HOME \"q' \\x $(id) `id`"
    project.init("cluster", engine=BUNDLED.path)
    folder = exported(project, "systemd")
    for path in (one for one in folder.rglob("*") if one.is_file()):
        mode = stat.S_IMODE(path.stat().st_mode)
        secret = path.name in {"redis.conf", "password"}
        assert (mode == 0o600) is secret, path
        assert ("$(id)" in path.read_text()) is secret, path


def test_a_changed_file_is_replaced_only_by_force(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    folder = exported(project, "systemd")
    exported(project, "systemd")
    (folder / "install.sh").write_text("mine")
    refused = project.run("export", "systemd", "out", check=2)
    assert "install.sh" in refused.err
    assert (folder / "install.sh").read_text() == "mine"
    exported(project, "systemd", "--force")
    assert (folder / "install.sh").read_text() != "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="install.sh is for root")
def test_the_installer_puts_every_file_where_the_units_look_for_it(
    project: Project, tmp_path: Path
) -> None:
    project.init("cluster", "--name", "shop", "--tls")
    folder = exported(project, "systemd")
    root = tmp_path / "root"
    env = {**os.environ, "DESTDIR": str(root)}
    subprocess.run(["sh", folder / "install.sh"], env=env, check=True)
    named = set()
    for unit in (root / "etc/systemd/system").glob("*.service"):
        for word in unit.read_text().replace("=", " ").replace(":", " ").split():
            named |= {word} if word.startswith("/etc/") else set()
    assert len(named) > 24
    for path in named:
        assert (root / path[1:]).is_file(), path


@pytest.mark.skipif(TLS is None, reason="no server with TLS: apt install redis-server")
def test_certificates_are_those_of_the_topology_until_they_are_renewed(
    project: Project, units: Units
) -> None:
    assert TLS is not None
    project.init("replication", "--replicas", "1", "--tls", engine=TLS.path)
    folder = exported(project, "systemd")
    assert not [one for one in folder.rglob("*.pem") if stat.S_IMODE(one.stat().st_mode) != 0o600]
    exported(project, "systemd")  # the same once more: no file differs

    def answers() -> str:
        """The certificate, verified by name, of the primary whose replica is linked."""
        context = ssl.create_default_context(cafile=str(folder / "tls/ca.crt"))
        context.load_cert_chain(folder / "tls/client.pem")
        for node, port in zip(units.nodes, project.ports, strict=True):
            ready = partial(units.script, "probe.sh", "ready", str(port), of=node)
            until(lambda probe=ready: probe().returncode == 0)
        with (
            socket.create_connection(("127.0.0.1", project.port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            login = f"AUTH {project.password}\r\nINFO replication\r\n".encode()
            until(lambda: secure.sendall(login) or b"state=online" in secure.recv(4096))
            return str((secure.getpeercert() or {})["serialNumber"])

    for node in units.nodes:
        units.start(node)
    first = answers()
    units.close()
    project.run("certs", "renew", check=0)
    exported(project, "systemd", "--force")
    for node in units.nodes:
        units.start(node)
    assert answers() != first


@needs_analyze
def test_over_hosts_each_has_its_own_units_and_the_first_one_forms(project: Project) -> None:
    addresses = {f"h{number}": f"127.0.0.{number + 1}" for number in (1, 2, 3)}
    given = ",".join(f"{name}={address}" for name, address in addresses.items())
    project.init("cluster", "--replicas", "0", "--hosts", given)
    path = project.root / "redistopo.toml"
    text = path.read_text()
    path.write_text(text.replace("[hosts]\n", f'[hosts]\nengine = "{BUNDLED.path}"\n', 1))
    folder = exported(project, "systemd")
    assert _analyzed("verify", *(folder / "h1" / "units").iterdir()) == ""
    with ExitStack() as stack:
        of = {}
        for name in addresses:
            (root := project.root / name).mkdir()
            of[name] = stack.enter_context(closing(Units(folder=folder / name, root=root)))
            for node in of[name].nodes:
                of[name].start(node)
        assert [name for name in of if (folder / name / "form.sh").exists()] == ["h1"]
        formed = of["h1"].script("form.sh")
        assert formed.returncode == 0, formed
        for address in addresses.values():
            with client(project.port, project.password, address) as node:
                assert str(node.execute_command("CLUSTER INFO")["cluster_state"]) == "ok"
