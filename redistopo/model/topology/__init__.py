"""The topology file: its keys, defaults, validation and schema; pure."""
