"""The only room with processes, sockets and files."""
