"""Other addresses in a topology file: its comments are kept wherever that is possible."""

from dataclasses import replace

import pytest

from redistopo.project.load import read_topology
from redistopo.session.readdress_file import with_addresses

TEXT = """# my file
format = 1
shape = "sentinel"
port = 6379   # usual
host = '127.0.0.1'
sentinel_port = 26379

[redis]
port-like = "6379"
"""


@pytest.mark.parametrize(
    "now", [{"port": 7000}, {"host": "127.0.0.2"}, {"port": 7000, "sentinel_port": 27000}]
)
def test_only_the_addresses_change(now: dict[str, object]) -> None:
    before = read_topology(TEXT, "")
    changed = with_addresses(TEXT, before, replace(before, **now))
    assert read_topology(changed, "") == replace(before, **now)
    pairs = zip(TEXT.splitlines(), changed.splitlines(), strict=True)
    differing = [one for one, two in pairs if one != two]
    assert len(differing) == len(now)
    assert "# usual" in changed


def test_a_key_that_is_not_there_is_written_all_the_same() -> None:
    text = 'format = 1\nshape = "standalone"\n'
    before = read_topology(text, "")
    now = replace(before, port=7000)
    assert read_topology(with_addresses(text, before, now), "") == now


@pytest.mark.parametrize("line", ["", 'base = "/srv/one"  # theirs\n'])
def test_a_second_topology_on_the_same_hosts(line: str) -> None:
    text = f'{TEXT}[hosts]\n{line}[hosts.h1]\naddress = "10.0.0.1"\n'.replace(
        "host = '127", "# '127"
    )
    before = read_topology(text, "")
    assert before.hosts is not None
    now = replace(before, port=7000, hosts=replace(before.hosts, base="/srv/two \\ é"))
    changed = with_addresses(text, before, now)
    assert read_topology(changed, "") == now
    assert "# usual" in changed
