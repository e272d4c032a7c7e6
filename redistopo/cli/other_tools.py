"""Verbs and options that other tools have, and what to type instead."""

from redistopo.model.remedies.of_topology import wipe

_REMOVE = wipe()
_SHELL = "redistopo cli   (redis-cli on a primary; on all nodes: redistopo call COMMAND)"
_LIST = "redistopo ps lists topologies; redistopo status lists the nodes of this one"

ANSWERS = {
    "ls": _LIST,
    "list": _LIST,
    "exec": _SHELL,
    "shell": _SHELL,
    "get": "redistopo cli -- GET KEY",
    "ping": "redistopo call PING",
    "info": "redistopo status; or redistopo call INFO",
    "top": "redistopo watch",
    "create": "redistopo init cluster; then redistopo up",
    "new": "redistopo init cluster; then redistopo up",
    "delete": _REMOVE,
    "rm": _REMOVE,
    "remove": _REMOVE,
    "destroy": _REMOVE,
    "config": "redistopo set DIRECTIVE VALUE; to read: redistopo call CONFIG GET DIRECTIVE",
    "test": "redistopo verify; for a test under load: redistopo drill failover",
    "check": "redistopo verify",
}
"""What to type instead of a verb that other tools have."""

FOREIGN_OPTIONS = {
    ("status", "-w"): "redistopo watch",
    ("status", "--watch"): "redistopo watch",
    ("status", "-f"): "redistopo watch",
    ("down", "-v"): wipe(),
    ("down", "--volumes"): wipe(),
    ("up", "-d"): "redistopo up   (servers always run in the background)",
    ("up", "--detach"): "redistopo up   (servers always run in the background)",
    ("init", "--nodes"): "redistopo init cluster --shards N --replicas N",
}
"""What to type instead of an option that other tools have: (verb, option) -> command."""
