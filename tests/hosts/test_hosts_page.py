"""docs/hosts.md: its walk-through is typed on three hosts."""

import re
import shlex
from pathlib import Path

import pytest
from support.forms import FULL
from support.on_hosts import OnHosts

pytestmark = pytest.mark.skipif(not FULL, reason="in the whole form only: make test-hosts")


def test_the_walk_through_works_as_printed(over_hosts: OnHosts) -> None:
    page = (Path(__file__).parents[2] / "docs" / "hosts.md").read_text()
    _, _, rest = page.partition("## From three machines")
    section, _, _ = rest.partition("\n## ")
    *commands, after = re.findall(r"^\$ redistopo (.*)$", section, re.MULTILINE)
    assert len(commands) == 5
    project, lab = over_hosts.project, over_hosts.lab
    project.env.update(lab.env)
    over_hosts.name = project.root.name
    for command in commands:
        typed = re.sub(r"10\.0\.0\.(\d)", lambda one: lab[f"h{one[1]}"].address, command)
        project.run(*shlex.split(typed), check=0, seconds=200)
    assert len(over_hosts.addresses()) == 6
    assert over_hosts.faults() == []
    lab["h3"].crash()
    lost = project.run("verify")
    assert lost.code == 3
    assert "h3" in lost.out + lost.err
    lab.boot(lab["h3"])
    project.run(*shlex.split(after), check=0, seconds=200)
    assert len(over_hosts.addresses()) == 6
    assert over_hosts.faults() == []
