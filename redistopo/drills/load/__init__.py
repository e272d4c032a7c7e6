"""The load of a drill: users' clients that write and read at a steady pace."""

from redistopo.client.entry_point import PREFIX, Door, LoadRequest, Way
from redistopo.drills.load.load import Load
from redistopo.drills.load.sweep import sweep

__all__ = ["PREFIX", "Door", "Load", "LoadRequest", "Way", "sweep"]
