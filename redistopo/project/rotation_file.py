"""The record of a password rotation in progress."""

import json

from redistopo.host.files import read_json, remove, write_private
from redistopo.model.planning.password_rotation import PasswordRotation
from redistopo.model.topology.project_paths import Layout


def begin_rotation(layout: Layout, rotation: PasswordRotation) -> None:
    """Write the rotation to disk, so that the next command can finish it."""
    values = {
        "passwords": dict(rotation.passwords),
        "keep_old": rotation.keep_old,
        "given": rotation.given,
        "previous": rotation.previous,
    }
    write_private(layout.rotation, json.dumps(values) + "\n")


def pending_rotation(layout: Layout) -> PasswordRotation | None:
    """Read the rotation that isn't finished; None for none, or for a damaged file.

    The file is written atomically before anything else; so a damaged one was damaged by another
    program, and can't be used.
    """
    try:
        values = read_json(layout.rotation) or {}
        passwords = {str(user): str(password) for user, password in values["passwords"].items()}
        return PasswordRotation(
            passwords=passwords,
            keep_old=bool(values["keep_old"]),
            given=bool(values["given"]),
            previous=str(values["previous"]),
        )
    except (KeyError, TypeError, AttributeError):
        return None


def end_rotation(layout: Layout) -> None:
    """Remove the record of the rotation."""
    remove(layout.rotation, missing_ok=True)
