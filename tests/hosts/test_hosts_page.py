"""docs/hosts.md: its walk-throughs are typed on the hosts of a lab."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts.lab import NEEDED, opened, why_not
from support.forms import FULL
from support.on_hosts import OnHosts
from support.project import Project
from support.waiting import until

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")


def _commands(title: str) -> list[str]:
    """What a section of the page has to type."""
    page = (Path(__file__).parents[2] / "docs" / "hosts.md").read_text()
    _, _, rest = page.partition(f"## {title}")
    section, _, _ = rest.partition("\n## ")
    found = re.findall(r"^\$ redistopo (.*)$", section, re.MULTILINE)
    assert found, title
    return found


def _type(project: Project, commands: list[str]) -> None:
    for command in commands:
        project.run(*shlex.split(command), check=0, seconds=200)


@pytest.fixture
def own_lab(project: Project, tmp_path: Path, _own_network: None) -> Iterator[OnHosts]:
    """A project over three hosts of its own, to which hosts are added."""
    if reason := why_not():
        assert not NEEDED, reason
        pytest.skip(reason)
    with opened(tmp_path / "lab", 3) as lab:
        made = OnHosts(project, lab)
        made.init('shape = "cluster"', "shards = 3", "replicas = 1", "node_timeout = 2000")
        yield made
        made.cleanup()


def test_the_walk_through_works_as_printed(over_hosts: OnHosts) -> None:
    *commands, after = _commands("From three machines")
    assert len(commands) == 5
    project, lab = over_hosts.project, over_hosts.lab
    project.env.update(lab.env)
    over_hosts.name = project.root.name
    typed = [
        re.sub(r"10\.0\.0\.(\d)", lambda one: lab[f"h{one[1]}"].address, command)
        for command in commands
    ]
    _type(project, typed)
    assert len(over_hosts.addresses()) == 6
    assert over_hosts.faults() == []
    lab["h3"].crash()
    lost = project.run("verify")
    assert lost.code == 3
    assert "h3" in lost.out + lost.err
    lab.boot(lab["h3"])
    _type(project, [after])
    assert len(over_hosts.addresses()) == 6
    assert over_hosts.faults() == []


def _table(over: OnHosts, name: str, old: str = "") -> None:
    """The file has a host of that name of the lab, or the one of another name at its address."""
    path, address = over.project.root / "redistopo.toml", over.lab[name].address
    text = path.read_text()
    if old:
        path.write_text(text.replace(f'"{over.lab[old].address}"', f'"{address}"'))
    else:
        path.write_text(f'{text}[hosts.{name}]\naddress = "{address}"\n')


def test_hosts_are_added_and_one_is_removed(own_lab: OnHosts) -> None:
    project, lab = own_lab.project, own_lab.lab
    project.up()
    lab.add(2)
    _table(own_lab, "h4")
    _table(own_lab, "h5")
    _type(project, _commands("Adding two hosts"))
    assert (own_lab.colocated(), own_lab.faults(), len(own_lab.addresses())) == ([], [], 10)
    path = project.root / "redistopo.toml"
    path.write_text(path.read_text().replace("[hosts.h3]\n", "[hosts.h3]\ndrain = true\n"))
    *commands, after = _commands("Removing a host")
    _type(project, commands)
    assert lab["h3"].processes("redis-server", "valkey-server") == []
    table = f'[hosts.h3]\ndrain = true\naddress = "{lab["h3"].address}"\n'
    assert table in path.read_text()
    path.write_text(path.read_text().replace(table, ""))
    lab["h3"].crash()
    _type(project, [after, "verify"])
    assert (own_lab.colocated(), own_lab.faults(), len(own_lab.addresses())) == ([], [], 10)


def test_a_lost_host_is_replaced(own_lab: OnHosts) -> None:
    project, lab = own_lab.project, own_lab.lab
    project.up()
    lab["h2"].crash()

    def failed_over() -> bool:
        nodes = [one for one in own_lab.addresses() if one[0] != lab["h2"].address]
        with own_lab.client(nodes[0]) as node:
            node.response_callbacks.clear()
            known = node.execute_command("CLUSTER NODES")
            return "cluster_state:ok" in node.execute_command("CLUSTER INFO") and (
                len([one for one in known.splitlines() if ",fail " in one]) == 2
            )

    until(failed_over, 30, what="the others go on")
    lab.add(1)
    _table(own_lab, "h4", old="h2")
    _type(project, [*_commands("Replacing a lost host"), "verify"])
    assert (own_lab.colocated(), own_lab.faults(), len(own_lab.addresses())) == ([], [], 6)
    assert len(lab["h4"].processes("redis-server", "valkey-server")) == 2
