"""Servers over the network: connections, snapshots, probes, discovery."""
