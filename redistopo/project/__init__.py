"""The files beside redistopo.toml and of this user: state folder, lock, passwords, registry."""
