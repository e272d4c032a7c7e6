"""A topology opened once: its files, credentials and connections, guards, waiting for health."""
