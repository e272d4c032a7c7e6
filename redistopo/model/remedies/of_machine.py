"""Remedies that are commands of the system: files and processes."""

import shlex
from pathlib import PurePath

from redistopo.model.remedies.commands import of_class
from redistopo.model.remedies.no_other_copy import NoOtherCopy
from redistopo.model.remedies.remedy import Remedy


def move_aside(path: PurePath, suffix: str) -> Remedy:
    """Keep a file or a folder under another name."""
    return of_class(f"mv {shlex.quote(str(path))} {shlex.quote(f'{path}{suffix}')}")


def remove_folder(path: str, proof: NoOtherCopy | None) -> str:
    """Remove a folder; without the proof that it has no data, the safe way."""
    if proof is None:
        return f"it may have the only copy of its data; to keep it elsewhere: mv {path} NEW_PLACE"
    return of_class(f"rm -r {path}", "that folder, which has no data")


def truncate_log(command: str, folder: str, proof: NoOtherCopy | None) -> str:
    """Truncate a damaged append-only file; without the proof that it is the only copy, "" ."""
    if proof is None:
        return ""
    text = f"back up {folder}, then truncate it at the damage: {command}"
    return of_class(text, "what follows the damage")


def end_process(pids: str, *, before: str = "", after: str = "", lost: str = "") -> Remedy:
    """End a process by SIGTERM, upon which a server saves first."""
    return of_class(f"{before}kill {pids}{after}", lost or "that program's work")
