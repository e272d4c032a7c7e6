"""redistopo: real Redis topologies in seconds, proven to work."""

__version__ = "0.1.0"
