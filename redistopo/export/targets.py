"""The programs for which a topology can be exported."""

TARGETS = {
    "systemd": "units that run the servers on this machine",
}
"""Target -> what its export is."""
