"""The command line: declares commands, shows Results, sets the exit code; uses click and rich."""
