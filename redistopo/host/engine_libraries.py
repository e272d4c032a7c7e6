"""The libraries that a server's program is linked with."""

from pathlib import Path

from redistopo.host.safe_open import open_to_read


def links_libsystemd(path: str) -> bool:
    """Return whether a server can report to systemd: built with libsystemd (a distribution's own
    servers, mostly), which `--version` doesn't tell. Otherwise `supervised systemd` is ignored."""
    try:
        with open_to_read(Path(path)) as program:
            return b"libsystemd.so" in program.read()
    except OSError:
        return False
