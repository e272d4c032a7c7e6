"""Exports: the files by which other programs run, watch or reach the topology of a plan."""
