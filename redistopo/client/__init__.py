"""Network access to servers: connections, snapshots, probes and discovery."""
