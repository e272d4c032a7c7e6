"""Access to one machine: its processes, ports, files, limits and programs."""
