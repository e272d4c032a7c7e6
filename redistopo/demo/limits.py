"""What may be asked of the demo, on its command line and from its page; times in seconds."""

SHORTEST_TTL = 0.1

LONGEST_TTL = 86400.0

LONGEST_DELAY = 60.0

MOST_RATE = 500
"""Requests a second, of the load generator."""
