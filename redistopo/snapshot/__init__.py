"""Snapshots of a topology's data: taken, listed, verified and placed for a start."""
