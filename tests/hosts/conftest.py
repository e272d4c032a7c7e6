"""What tests of several hosts share: three hosts for all tests of a worker."""

from collections.abc import Iterator

import pytest
from hosts.lab import NEEDED, Lab, opened, why_not
from support.on_hosts import OnHosts
from support.project import Project
from support.stand_in_for_systemd import with_systemd


@pytest.fixture(scope="session")
def three_hosts(tmp_path_factory: pytest.TempPathFactory, _own_network: None) -> Iterator[Lab]:
    if reason := why_not():
        assert not NEEDED, reason
        pytest.skip(reason)
    with opened(tmp_path_factory.mktemp("lab"), 3) as lab:
        yield lab


@pytest.fixture
def lab(three_hosts: Lab) -> Lab:
    """Three hosts, h1 to h3, all up: a test that crashes one, or fails, has it started again for
    the next."""
    three_hosts.boot(*(one for one in three_hosts.hosts.values() if not one.pid))
    return three_hosts


@pytest.fixture
def over_hosts(project: Project, lab: Lab) -> Iterator[OnHosts]:
    """A project for a topology over the three hosts; afterwards nothing of it is there."""
    made = OnHosts(project, lab)
    yield made
    made.cleanup()


@pytest.fixture
def by_units(over_hosts: OnHosts, lab: Lab) -> Iterator[OnHosts]:
    """A project over hosts that seem to run systemd."""
    with with_systemd(*lab.hosts.values()):
        yield over_hosts
        over_hosts.cleanup()
