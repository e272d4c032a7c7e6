"""Snapshots, recorded state and findings: the values that all other packages share; pure."""
