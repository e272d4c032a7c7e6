"""One acknowledged key, whose loss a test would see."""

from support.project import Project

KEPT = "{06S}kept"  # slot 0, on node1 of a cluster


def keep(project: Project, value: str = "yes", port: int | None = None) -> None:
    """The server at that port, or the first, has acknowledged the key."""
    with project.client(port) as node:
        node.set(KEPT, value)


def kept(project: Project, port: int | None = None) -> str | None:
    """What that server has under the key."""
    with project.client(port) as node:
        found: str | None = node.get(KEPT)
    return found
