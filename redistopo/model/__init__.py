"""Pure: topology and protocol, then state and connectivity, then planning. No I/O here."""
