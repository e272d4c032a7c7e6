"""Import of keys from other servers and from data files."""
