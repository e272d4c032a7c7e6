"""The lock on the machines of a topology, for a verb that changes it."""

import getpass
import os
import secrets

from redistopo.host.fleet.conversation import Op
from redistopo.host.fleet.fleet_file import FleetFile, save_fleet_file
from redistopo.model.topology.project_paths import Layout


class ControllerLock:
    """What the machines are locked for: `verb`, "" for none; with `partly`, those that aren't
    reached are left out. `held` is whether they are locked by now, and `locked` are those that are,
    also if others refused."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._once = secrets.token_hex(8)
        self.verb, self.partly, self.held = "", False, False
        self.locked: set[str] = set()

    @property
    def due(self) -> bool:
        """Whether the next operation on the machines locks them."""
        return bool(self.verb) and not self.held

    def claim(self, verb: str, *, partly: bool) -> None:
        """Lock the machines with the next operation there."""
        self.verb, self.partly = verb, partly

    def taken(self) -> None:
        """Note that the machines are locked, if they were to be."""
        self.held = bool(self.verb)

    def dropped(self) -> None:
        """Note that the lock is released, or gone with the folder that it was in."""
        self.verb, self.held, self._once = "", False, secrets.token_hex(8)
        self.locked.clear()

    def first(self, file: FleetFile) -> list[Op]:
        """Return what comes first on every machine: nothing is touched there but under our marker.

        Saves the topology's machines: from now on, something of it may be there.
        """
        if not self.verb:
            return []
        who = f"{getpass.getuser()}@{os.uname().nodename}:{self._layout.root} ({self.verb})"
        save_fleet_file(self._layout, file)
        mine = {"token": self._token(file), "once": self._once, "who": who}
        return [
            {"op": "claim", "base": file.base, "id": file.id},
            {"op": "lock", "base": file.base, **mine},
        ]

    def unlock(self, file: FleetFile) -> Op:
        """Return the operation that releases the lock on a machine."""
        return {"op": "unlock", "base": file.base, "once": self._once}

    def wipe(self, file: FleetFile) -> Op:
        """Return the operation that removes the topology's folder, if no other controller is at
        work there."""
        return {"op": "wipe", "base": file.base, "id": file.id, "token": self._token(file)}

    def _token(self, file: FleetFile) -> str:
        """What distinguishes this project's folder from other controllers' ones."""
        return f"{file.id}:{os.uname().nodename}:{self._layout.root}"
