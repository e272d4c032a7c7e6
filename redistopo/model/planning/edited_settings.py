"""Which settings of a node's configuration differ from those in its file: pure."""

from redistopo.model.protocol.conf import read_conf

_CHANGING = frozenset({"replicaof", "masterauth", "masteruser", "requirepass"})
"""What redistopo changes with roles and passwords, in forms that every server accepts."""


def edited_settings(before: str, after: str) -> frozenset[str]:
    """Return the directives of a rendered configuration that are other, or new, compared with the
    file as it was; a removed one keeps no server from starting."""
    if before == after:
        return frozenset()
    old, new = read_conf(before), read_conf(after)
    return frozenset(name for name in new if old.get(name) != new[name]) - _CHANGING
