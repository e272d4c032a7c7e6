"""The files beside redistopo.toml and what this user has: state folder, lock, passwords, registry."""
