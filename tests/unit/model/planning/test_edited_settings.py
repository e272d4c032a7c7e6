"""Which settings of a configuration are other than in the node's file."""

import pytest

from redistopo.model.planning.edited_settings import edited_settings

_FILE = 'port 1\nsave "900 1"\nreplicaof 127.0.0.1 7000\nrequirepass a\n'


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (_FILE, set()),
        (_FILE.replace("7000", "7001").replace("requirepass a", "requirepass b"), set()),
        (_FILE + "maxmemory 10mb\n", {"maxmemory"}),
        (_FILE.replace("port 1", "port 2"), {"port"}),
        (_FILE.replace('save "900 1"\n', ""), set()),  # none is refused for what it lacks
        (_FILE + "loadmodule /a.so\nloadmodule /b.so\n", {"loadmodule"}),
    ],
)
def test_other_and_new_directives_are_edits(after: str, found: set[str]) -> None:
    assert edited_settings(_FILE, after) == found
