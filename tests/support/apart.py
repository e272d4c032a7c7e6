"""Commands in a Linux namespace of their own: mounts, limits and networks that end with them."""

import subprocess
from collections.abc import Mapping

from support.project import Project


def apart(
    project: Project, *words: str, env: Mapping[str, str] | None = None, seconds: float = 60
) -> subprocess.CompletedProcess[str]:
    """The command ran in the project's folder, as the root of a user namespace of its own.

    `words` are further options of `unshare` (--mount, --net), and then the command. What it
    mounts nobody else sees, and no right that it has reaches outside.
    """
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", *words],
        cwd=project.root, capture_output=True, text=True, timeout=seconds, check=False,
        env={**project.environment(), **(env or {})},
    )  # fmt: skip
