"""Where SSH connects to by itself, and by which command line."""

import pytest

from redistopo.host.fleet.ssh_probe import direct_endpoint, own_command
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.topology.hosts import Hosts, Machine

_MACHINES = (
    Machine(name="h1", address="10.0.0.1"),
    Machine(name="h2", address="10.0.0.2", ssh="second", port=2222, user="root"),
    Machine(name="h3", address="127.0.0.1", ssh="local"),
)
_HOSTS = Hosts(user="ops", machines=_MACHINES)
_PLAIN = "user ops\nhostname 10.0.0.1\nport 22\nproxyusefdpass no\nidentityfile ~/.ssh/id\n"


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        (_PLAIN, Endpoint("10.0.0.1", 22)),
        (f"{_PLAIN}proxyjump none\nproxycommand none\n", Endpoint("10.0.0.1", 22)),
        (f"{_PLAIN}proxyjump bastion\n", None),
        (f"{_PLAIN}proxycommand nc -X connect %h %p\n", None),
        (f"{_PLAIN}bindaddress 10.9.9.9\n", None),
        ("", None),
        ("hostname h1\n", None),
    ],
)
def test_where_ssh_connects_to_by_itself(printed: str, found: Endpoint | None) -> None:
    assert direct_endpoint(printed) == found


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("h1", "ssh -l ops -- 10.0.0.1"),
        ("h2", "ssh -o Port=2222 -l root -- second"),
        ("h3", ""),
        ("h4", ""),
    ],
)
def test_how_ssh_is_called_for_a_machine_of_the_file(name: str, command: str) -> None:
    assert own_command(_HOSTS, name, {"PATH": "/bin"}) == command.split()
    # what only Ansible knows
    assert own_command(_HOSTS, name, {"ANSIBLE_SSH_COMMON_ARGS": "-J bastion"}) == []
    inventory = Hosts(inventory="hosts.yml", machines=_MACHINES)
    assert own_command(inventory, name, {}) == []
