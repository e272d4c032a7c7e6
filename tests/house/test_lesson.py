"""What the workshop's test lets vary, and what it doesn't."""

import pytest
from support.lesson import alike

_SAME = {
    "a node in status has another pid and load": (
        "    1  node1  primary  7000  5651  ok     0-5460           2M        1     22    -  3s",
        "    1  node1  primary  7000    81  ok     0-5460           3M        2      8    -  12s",
    ),
    "a slow read is told in seconds": (
        "miss        database     303.3 ms            2.9 s  node4",
        "miss        database     1.42 s              2.8 s  node2",
    ),
    "Sentinels choose": ("7001", "7002"),
    "a late moment of a drill has a capital letter": (
        "m    +3.811 s  node4        wins the election and becomes primary",
        "C   +11.811 s  node6        wins the election and becomes primary",
    ),
    "a kill may cost a write": (
        "1083 writes acknowledged, none lost",
        "998 writes acknowledged, 1 lost",
    ),
    "a replica may be behind at a look": (
        "          ok      replication.lag        behind the primary: node6 0 bytes",
        "          ok      replication.lag        behind the primary: node5 14 bytes",
    ),
    "a connection may be refused or closed": (
        '"node":"","degraded":"ConnectionError: Error 111 connecting to 127.0.0.1:7000.","milli',
        '"node":"","degraded":"ConnectionError: Connection closed by server.","milli',
    ),
}

_OTHER = {
    "another node's slots in status": (
        "    1  node1  primary  7000  5651  ok     0-5460           2M        1     22    -  3s",
        "    1  node1  primary  7000  5651  ok     0-5461           2M        1     22    -  3s",
    ),
    "a node that isn't ok in status": (
        "    1  node1  primary  7000  5651  ok     0-5460           2M        1     22    -  3s",
        "    1  node1  primary  7000  5651  fail   0-5460           2M        1     22    -  3s",
    ),
    "another source": ("hit   cache  0.3 ms  2.9 s  node4", "hit   database  0.3 ms  2.9 s  node4"),
    "no time left": ("hit   cache  0.3 ms  2.9 s  node4", "hit   cache  0.3 ms  -  node4"),
    "the dead primary still named": ("7002", "7000"),
    "a reply that isn't an address": ("7002", ""),
    "not read back": (
        "1083 writes acknowledged, none lost",
        "1083 writes acknowledged, none lost, 3 could not be read back",
    ),
    "a lag that isn't known": ("node6 0 bytes", "node6 unknown"),
    "served after all": ('"degraded":"ConnectionError: x"', '"degraded":""'),
    "away for another reason": ('"degraded":"ConnectionError: x"', '"degraded":"NoAuth: x"'),
    "another unit elsewhere": ("writes waited 4.5 ms", "writes waited 4.5 s"),
}


@pytest.mark.parametrize(("told", "seen"), _SAME.values(), ids=_SAME)
def test_what_a_busy_machine_changes_is_alike(told: str, seen: str) -> None:
    assert alike(told, seen)


@pytest.mark.parametrize(("told", "seen"), _OTHER.values(), ids=_OTHER)
def test_what_is_wrong_is_not(told: str, seen: str) -> None:
    assert not alike(told, seen)
