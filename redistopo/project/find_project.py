"""Find the project folder from the current one, as git finds its repository."""

import os
from pathlib import Path

from redistopo.model.topology.project_paths import Layout


def project_above() -> Path | None:
    """Return the nearest folder above the current one that has a topology file of this user.

    None where the current folder is a project itself, or no folder above it is one. Another
    user's file isn't used: it could name any program as the engine.
    """
    try:
        here = Path.cwd()
    except OSError:  # it was removed
        return None
    current = Layout(here)
    if os.path.lexists(current.topology) or current.state.is_dir():
        return None
    for folder in here.parents:
        try:
            if Layout(folder).topology.stat().st_uid == os.geteuid():
                return folder
        except OSError:
            continue
    return None
