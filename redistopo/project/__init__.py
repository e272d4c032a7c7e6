"""Project files: state folder, lock, passwords and certificates, and the user's registry."""
