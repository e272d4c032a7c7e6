"""What Redis replies, logs and writes to its files, parsed and composed; pure."""
