"""The machinery of `install`: which package manager gets a server, and running it."""
