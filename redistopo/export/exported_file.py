"""One file of an export."""

from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """A file by its path below the export's folder; a `secret` one has a password."""

    path: str
    text: str
    secret: bool = False
