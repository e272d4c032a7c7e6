"""The load of a drill: users' clients that write and read at a steady pace."""

from redistopo.client.entry_point import PREFIX, Door, LoadRequest, Way
from redistopo.drill.key_cleanup import sweep
from redistopo.drill.load import Load

__all__ = ["PREFIX", "Door", "Load", "LoadRequest", "Way", "sweep"]
