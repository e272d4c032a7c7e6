"""A file for each command: its options, the operation that it calls, the view of the result."""
