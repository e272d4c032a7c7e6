"""Other addresses in the text of a topology file; its comments are kept."""

import json
import re
from contextlib import suppress

from redistopo.errors import UsageError
from redistopo.model.topology.hosts import Hosts
from redistopo.model.topology.spec import Topology
from redistopo.project.load import read_topology
from redistopo.render.topology_file import topology_file

_KEYS = ("host", "port", "sentinel_port")


def with_addresses(text: str, before: Topology, now: Topology) -> str:
    """Return a topology file with the addresses of `now`, which is otherwise `before`; a file whose
    layout doesn't allow that is written as `init` writes it."""
    changed = text
    for key in _KEYS:
        value = getattr(now, key)
        if value != getattr(before, key):
            line = re.compile(rf"^({key}[ \t]*=[ \t]*)(?:\"[^\"\n]*\"|'[^'\n]*'|\d+)", re.MULTILINE)
            # an address has no backslash
            changed = line.sub(rf"\g<1>{json.dumps(value)}", changed, count=1)
    if before.hosts and now.hosts:
        changed = _with_hosts(changed, before.hosts, now.hosts)
    with suppress(UsageError):  # a line in a table was meant
        if read_topology(changed, "") == now:
            return changed
    return topology_file(now)


def _with_hosts(text: str, before: Hosts, now: Hosts) -> str:
    """Return the file with other places in the table [hosts]; a line that isn't there is added."""
    for key in ("base", "inventory"):
        value = getattr(now, key)
        if value == getattr(before, key):
            continue
        line = f"{key} = {json.dumps(value)}".replace("\\", r"\\")
        text, found = re.subn(rf"^{key}[ \t]*=.*$", line, text, count=1, flags=re.MULTILINE)
        if not found:
            text = re.sub(r"^(\[hosts\].*)$", rf"\1\n{line}", text, count=1, flags=re.MULTILINE)
    return text
