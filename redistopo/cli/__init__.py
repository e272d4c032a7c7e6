"""The door: declares commands, shows Results, sets the exit code. click and rich live here."""
