"""One machine: processes, ports, files, limits, programs."""
