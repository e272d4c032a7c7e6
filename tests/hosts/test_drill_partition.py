"""`drill host --fault partition`: a host is cut off from the others, and never for good."""

import signal
import subprocess
from contextlib import suppress

import psutil
import pytest
from hosts.lab import OPERATOR, Host
from support import judge
from support.forms import FULL
from support.on_hosts import OnHosts
from support.output_schema import document
from support.waiting import until

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_CLUSTER = ('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000")
_WORDS = ("drill", "host", "h2", "--fault", "partition", "--max-downtime", "20s", "--yes", "--json")


def _filtered(host: Host) -> bool:
    """Whether the host's kernel drops packets for us."""
    rules = host.run("iptables", "-S").stdout
    if host.run("sh", "-c", "command -v nft", check=False).returncode == 0:
        rules += host.run("nft", "list", "ruleset").stdout
    return "redistopo_" in rules


def _begun(over_hosts: OnHosts) -> "subprocess.Popen[str]":
    """A drill whose host is cut off now."""
    process = over_hosts.project.begin(*_WORDS)
    until(lambda: _filtered(over_hosts.lab["h2"]), 120, what="the host is cut off")
    return process


def _whole(over_hosts: OnHosts) -> None:
    host = over_hosts.lab["h2"]
    assert not _filtered(host)
    undoing = [_command(one) for one in host.processes("sh", "sleep")]
    assert [one for one in undoing if "redistopo_" in one] == []
    assert len(over_hosts.addresses()) == 6
    until(lambda: over_hosts.faults() == [], what="healthy by the suite's own judge")


def _command(process: psutil.Process) -> str:
    """Its command line; "" once it has ended, as a shell of Ansible's that releases the lock."""
    with suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""


def test_a_partition_of_a_host_is_survived_and_lifted(over_hosts: OnHosts) -> None:
    """Its nodes reply to clients all the time, SSH works, and what it drops is the others'."""
    over_hosts.init(*_CLUSTER)
    over_hosts.project.run("up", check=0, seconds=300)
    cut, other = over_hosts.lab["h2"], over_hosts.lab["h1"]
    before = sorted(over_hosts.servers())
    refused = over_hosts.project.run("drill", "failover", "--node", "node2", "--fault", "partition")
    assert refused.code == 2, refused
    assert "node2 can't be cut off without node4 on host h2" in refused.err
    process = _begun(over_hosts)
    ports = [port for host, port in over_hosts.addresses() if host == cut.address]
    for port in ports:
        with judge.client(port, over_hosts.project.password, cut.address) as node:
            assert node.ping()
        probe = f"timeout 1 bash -c ': < /dev/tcp/{cut.address}/{port}'"
        assert other.run("sh", "-c", probe, check=False).returncode != 0
    assert other.run("bash", "-c", f": < /dev/tcp/{cut.address}/22").returncode == 0
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, (out, err)
    report = document(out)["result"]
    assert report["passed"], report
    assert report["fault"] == "partition"
    assert report["writes"]["acknowledged"] > 0
    assert report["writes"]["unchecked"] == 0
    assert any(one["kind"] == "promoted" for one in report["moments"]), report
    _whole(over_hosts)
    assert sorted(over_hosts.servers()) == before, "a partition ends no process"


def test_ctrl_c_lifts_it(over_hosts: OnHosts) -> None:
    over_hosts.init(*_CLUSTER)
    over_hosts.project.run("up", check=0, seconds=300)
    process = _begun(over_hosts)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, (out, err)
    _whole(over_hosts)


def test_after_sigkill_up_lifts_it(over_hosts: OnHosts) -> None:
    over_hosts.init(*_CLUSTER)
    over_hosts.project.run("up", check=0, seconds=300)
    process = _begun(over_hosts)
    process.kill()
    process.communicate(timeout=30)
    assert _filtered(over_hosts.lab["h2"])
    done = over_hosts.project.up()
    assert "was interrupted" in done.err
    _whole(over_hosts)


def test_after_sigkill_the_host_itself_lifts_it(over_hosts: OnHosts) -> None:
    """Without any command, and though the controller can't reach it any more."""
    over_hosts.init(*_CLUSTER)
    over_hosts.project.run("up", check=0, seconds=300)
    process = _begun(over_hosts)
    process.kill()
    process.communicate(timeout=30)
    until(lambda: not _filtered(over_hosts.lab["h2"]), 90, what="the host ends the partition")
    until(lambda: over_hosts.faults() == [], 60, what="the cluster heals")
    over_hosts.project.run("up", check=0, seconds=300)
    _whole(over_hosts)


def test_without_root_it_is_refused(over_hosts: OnHosts) -> None:
    over_hosts.init(*_CLUSTER)
    file = over_hosts.project.root / "redistopo.toml"
    base = f'base = "/home/{OPERATOR}/demo"'
    text = file.read_text().replace('user = "root"', f'user = "{OPERATOR}"\n{base}')
    file.write_text(text)
    for host in over_hosts.lab.hosts.values():
        host.run("chown", "-R", "65123", f"/home/{OPERATOR}")
    over_hosts.project.run("up", "--trust", check=0, seconds=200)
    before = sorted(over_hosts.servers())
    done = over_hosts.project.run(*_WORDS, check=4)
    assert "filters of packets take root, and this is user 65123" in done.out
    assert sorted(over_hosts.servers()) == before
    assert not _filtered(over_hosts.lab["h2"])
    assert over_hosts.faults() == []
    for host in over_hosts.lab.hosts.values():  # the servers end with the fixture
        host.run("rm", "-rf", f"/home/{OPERATOR}/demo")
