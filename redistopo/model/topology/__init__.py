"""The topology file: its keys, defaults, rules and schema; pure."""
