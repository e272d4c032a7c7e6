"""The hosts that other tests use are what they take them for."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hosts.lab import BASE, CONTROLLER, OPERATOR, Host, Lab
from support.forms import FULL
from support.waiting import until

whole = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")


def _ssh(
    lab: Lab, host: Host, command: str, user: str = "root"
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [lab.keys.bin / "ssh", "-o", "ConnectTimeout=5", f"{user}@{host.address}", command],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def _reaches(source: Host | None, address: str) -> bool:
    """Whether a TCP connection from there, or from here, to the SSH daemon opens soon."""
    argv = ["timeout", "0.5", "bash", "-c", f": < /dev/tcp/{address}/22"]
    if source:
        return source.run(*argv, check=False).returncode == 0
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def test_hosts_are_machines_of_their_own(lab: Lab, tmp_path: Path) -> None:
    first, second = lab["h1"], lab["h2"]
    seen = [_ssh(lab, one, "hostname; cat /proc/sys/kernel/random/boot_id; echo $$ > /etc/mine")
            for one in (first, second)]  # fmt: skip
    assert [one.stdout.split()[0] for one in seen] == ["h1", "h2"]
    assert seen[0].stdout.split()[1] != seen[1].stdout.split()[1]
    assert not Path("/etc/mine").exists()
    assert first.path("/etc/mine").read_text() != second.path("/etc/mine").read_text() or (
        first.path("/etc/mine").stat().st_ino != second.path("/etc/mine").stat().st_ino
    )
    assert not first.path(tmp_path).exists()
    assert {one.pid for one in first.processes()}.isdisjoint(one.pid for one in second.processes())
    _ssh(lab, first, "setsid sleep 1000 > /dev/null 2>&1 < /dev/null & echo done")
    (left,) = [one for one in first.processes("sleep") if "1000" in one.cmdline()]
    assert left.ppid() == first.pid
    left.kill()
    until(lambda: not psutil.pid_exists(left.pid), what="process 1 reaps what it is given")
    assert "denied" in _ssh(lab, first, f"mkdir {BASE}/x", OPERATOR).stderr.lower()


def test_cut_hosts_get_no_packet_of_each_other(lab: Lab) -> None:
    first, second, third = lab.hosts.values()
    until(lambda: _reaches(second, first.address) and _reaches(first, second.address))
    with lab.network.cut(["h1"], ["h2"]):
        assert not _reaches(second, first.address)
        assert not _reaches(first, second.address)
        until(lambda: _reaches(third, first.address) and _reaches(None, first.address))
    until(lambda: _reaches(second, first.address))
    with lab.network.cut([CONTROLLER], ["h1"]):
        assert not _reaches(None, first.address)
        until(lambda: _reaches(second, first.address))
    with lab.network.unplugged(first):
        assert not _reaches(None, first.address)
        assert not _reaches(second, first.address)
    until(lambda: _reaches(None, first.address) and _reaches(second, first.address))


@whole
def test_a_crash_ends_every_process_and_keeps_the_disk(lab: Lab) -> None:
    host = lab["h3"]
    before = _ssh(lab, host, f"cat /proc/sys/kernel/random/boot_id; echo kept > {BASE}/file").stdout
    dying = {one.pid for one in host.processes()}
    host.crash()
    until(lambda: not dying & set(psutil.pids()))
    assert not _reaches(None, host.address)
    lab.boot(host)
    after = _ssh(lab, host, f"cat /proc/sys/kernel/random/boot_id {BASE}/file").stdout.split()
    assert after[0] != before.strip()
    assert after[1] == "kept"


@whole
def test_what_can_be_wrong_with_a_host(lab: Lab) -> None:
    host = lab["h2"]
    with host.disk_full():
        assert "No space left" in _ssh(lab, host, f"cp /etc/passwd {BASE}/x").stderr
    assert _ssh(lab, host, f"cp /etc/passwd {BASE}/x").returncode == 0
    with host.ssh_refused():
        assert "refused" in _ssh(lab, host, "true").stderr
    with host.without_python():
        assert _ssh(lab, host, "python3 -V").returncode == 127
    assert _ssh(lab, host, "python3 -V").returncode == 0
    with host.key_changed():
        assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in _ssh(lab, host, "true").stderr
    assert _ssh(lab, host, "true").returncode == 0


@whole
def test_a_killed_owner_leaves_no_process(lab: Lab, tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-m", "hosts.lab", "1", "sh", "-c", "echo $HOSTS && exec sleep 1000"],
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
             "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert owner.stdout
    assert owner.stdout.readline().startswith("h1=10.")
    children = psutil.Process(owner.pid).children(recursive=True)
    assert {"sshd", "unshare"} <= {one.name() for one in children}
    owner.send_signal(signal.SIGKILL)
    owner.wait(30)
    owner.stdout.close()
    for one in children:
        if one.name() == "sleep":  # the command itself, which is nobody's host
            one.kill()
    until(lambda: not any(one.is_running() for one in children), what=str(children))
