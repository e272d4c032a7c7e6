"""`package` in [hosts]: `up` installs the server by apt where it is missing, and nothing else of
the package runs there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts.lab import NEEDED, Host, opened, why_not
from support.apt_source import offer, packed, without_package
from support.forms import FULL
from support.on_hosts import OnHosts
from support.project import Project

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")
_POLICY = "/usr/sbin/policy-rc.d"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if reason := why_not():
        assert not NEEDED, reason
        pytest.skip(reason)
    made = packed(tmp_path_factory.mktemp("package"))
    if made is None:
        pytest.skip("this machine has no redis-server of Debian's")
    return made


@pytest.fixture
def bare(project: Project, tmp_path: Path, package: Path) -> Iterator[OnHosts]:
    """A replication over three hosts; h2 and h3 have no server, and h2 a source of one."""
    with opened(tmp_path / "lab", 3) as lab:
        without_package(lab["h2"])
        without_package(lab["h3"])
        offer(lab["h2"], package)
        made = OnHosts(project, lab)
        made.init('shape = "replication"', "replicas = 2")
        file = project.root / "redistopo.toml"
        text = file.read_text().replace("[hosts]\n", '[hosts]\npackage = "apt:redis-server"\n')
        file.write_text(text)
        yield made
        made.cleanup()


def _enabled(host: Host) -> list[str]:
    """What of the package is started with the host: by systemd, and by its predecessor."""
    wants = [*host.path("/etc/systemd/system").glob("*/redis*.service")]
    return [one.name for one in (*wants, *host.path("/etc/rc2.d").glob("S*redis*"))]


def test_up_installs_the_server_where_it_is_missing(bare: OnHosts, package: Path) -> None:
    """It is shown before; a host where it can't be is named, and a later `up` goes on."""
    project, lab = bare.project, bare.lab
    planned = project.run("plan", check=0)
    assert "First: install apt:redis-server on h1, h2, h3 if no server" in planned.out
    ahead = project.run("up", "--dry-run", check=0, seconds=60)
    assert "First: install apt:redis-server on h2, h3.\n" in ahead.out
    assert not lab["h2"].path("/usr/bin/redis-server").exists()

    refused = project.run("up", check=4, seconds=120)
    assert "apt can't install redis-server on host h3" in refused.err
    assert "no installation candidate" in refused.err
    assert bare.servers() == []
    assert lab["h2"].path("/usr/bin/redis-server").exists()
    theirs = lab["h3"].path(_POLICY)
    theirs.write_text("#!/bin/sh\nexit 0\n")
    theirs.chmod(0o755)
    offer(lab["h3"], package)
    done = project.run("up", check=0, seconds=120)
    assert "install apt:redis-server on h3" in done.err
    assert len(bare.servers()) == 3, "the package's own service was started"
    assert bare.faults(cluster=False) == []
    assert theirs.read_text() == "#!/bin/sh\nexit 0\n"
    assert not lab["h2"].path(_POLICY).exists()
    assert [_enabled(lab[name]) for name in ("h2", "h3")] == [[], []]
    again = project.run("up", check=0, seconds=60)
    assert "install" not in again.out + again.err
    assert "First:" not in project.run("plan", check=0).out
    _a_new_host_gets_it_as_printed(bare, package)


def _a_new_host_gets_it_as_printed(bare: OnHosts, package: Path) -> None:
    """By the command that `scale` prints, which itself installs nothing."""
    project, (host,) = bare.project, bare.lab.add(1)
    without_package(host)
    offer(host, package)
    file = project.root / "redistopo.toml"
    file.write_text(f'{file.read_text()}\n[hosts.{host.name}]\naddress = "{host.address}"\n')
    refused = project.run("scale", "--replicas", "3", check=4, seconds=60)
    assert f"host {host.name} has no server" in refused.err
    assert "Next: redistopo up installs apt:redis-server there, then the same" in refused.err
    project.run("up", check=0, seconds=120)
    project.run("scale", "--replicas", "3", check=0, seconds=120)
    assert len(host.processes("redis-server")) == 1
    assert bare.faults(cluster=False) == []


def test_what_is_in_the_way_of_apt_is_named(bare: OnHosts) -> None:
    project, lab = bare.project, bare.lab
    file = project.root / "redistopo.toml"
    root = file.read_text()
    file.write_text(root.replace('user = "root"', 'user = "operator"'))
    refused = project.run("up", check=4, seconds=60)
    assert "installing redis-server on host h2" in refused.err
    assert "set become = true" in refused.err
    file.write_text(root)
    lab["h2"].path("/usr/bin/apt-get").unlink()
    refused = project.run("up", check=4, seconds=60)
    assert "host h2 (" in refused.err
    assert "has no apt-get" in refused.err
    assert bare.servers() == []
