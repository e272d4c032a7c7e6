"""Connectivity between nodes: which links fail, their probable causes, the report; pure."""
