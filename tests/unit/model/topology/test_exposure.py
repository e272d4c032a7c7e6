"""Who could reach a server, and what is said about it."""

import pytest

from redistopo.errors import UsageError
from redistopo.model.topology.exposure import plaintext_warning, refuse_exposed
from redistopo.model.topology.parse import parse_topology
from redistopo.model.topology.spec import Topology

LOCKED = {
    "loopback needs no lock": {"bind": ("127.0.0.1 -::1",)},
    "another loopback address": {"bind": ("127.8.9.10",)},
    "a password": {"bind": ("0.0.0.0",), "requirepass": ("secret",)},
    "users": {"bind": ("192.0.2.1",), "aclfile": ("/srv/users.acl",)},
    "a default user with a password": {"bind": ("*",), "user": ("default on >secret ~* +@all",)},
    "a default user that is off": {"bind": ("*",), "user": ("default nopass ~* +@all",)},
    "nopass taken back": {"bind": ("*",), "user": ("default on nopass resetpass",)},
}
OPEN = {
    "everywhere": {"bind": ("0.0.0.0",)},
    "by a star": {"bind": ("* -::*",)},
    "no bind at all": {},
    "one of two": {"bind": ("127.0.0.1 192.0.2.1",)},
    "a host name": {"bind": ("example.com",)},
    "an empty password": {"bind": ("192.0.2.1",), "requirepass": ("",)},
    "another user only": {"bind": ("*",), "user": ("bob on >secret ~* +@all",)},
    "a default user without a password": {
        "bind": ("*",),
        "requirepass": ("secret",),
        "user": ("default on nopass ~* +@all",),
    },
    "another user without a password": {
        "bind": ("*",),
        "requirepass": ("secret",),
        "user": ("bob ON NOPASS",),
    },
}


@pytest.mark.parametrize("case", LOCKED)
def test_what_is_locked_is_let_pass(case: str) -> None:
    refuse_exposed("node1", LOCKED[case])


@pytest.mark.parametrize("case", OPEN)
def test_what_is_open_is_refused(case: str) -> None:
    with pytest.raises(UsageError, match="would accept any client"):
        refuse_exposed("node1", OPEN[case])


def _topology(**keys: object) -> Topology:
    made, problems = parse_topology({"format": 1, "shape": "standalone", **keys})
    assert made is not None, problems
    return made


@pytest.mark.parametrize(
    ("keys", "warned"),
    [
        ({"host": "192.0.2.1"}, True),
        ({"host": "2001:db8::1"}, True),
        ({"host": "192.0.2.1", "tls": True}, False),
        ({"host": "127.0.0.2"}, False),
        ({"host": "::1"}, False),
    ],
)
def test_an_address_that_others_reach_is_warned_of_without_tls(
    keys: dict[str, object], warned: bool
) -> None:
    assert bool(plaintext_warning(_topology(**keys))) is warned
