"""The cache-aside pattern as a library to copy: redis-py, and no other file of redistopo."""
