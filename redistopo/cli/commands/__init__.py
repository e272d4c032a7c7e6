"""A file for each verb: its options, the operation that it calls, the view of the result."""
