"""Remedies that are verbs of redistopo."""

from collections.abc import Collection, Iterable
from pathlib import Path
from shlex import quote

from redistopo.model.remedies.commands import ASKS, of_class
from redistopo.model.remedies.remedy import Remedy, joined

WIPED = "all data, passwords and configuration of the topology"
_OTHERS = "what other nodes have and the new primary lacks"
_OTHER = "the other cluster"
_TABLE = "the present nodes.conf, which is kept under another name"


def wipe(more: str = "", *, command: str = "redistopo") -> Remedy:
    """Remove a topology's data; `command` names its folder where the current one isn't meant."""
    return of_class(f"{command} down --wipe{more}", WIPED)


def start_over(before: str = "", more: str = "") -> str:
    """Start over without the data; `before` is what keeps it."""
    over = joined("start over without the data: ", wipe(more))
    return joined(before, over, by="; or ") if before else joined("to ", over)


def ask_primary(
    names: Iterable[str], before: str = "choose the primary", lost: str = _OTHERS
) -> Remedy:
    """Choose the primary among nodes that all have data."""
    text = f"{before}: redistopo up --primary NODE, one of {', '.join(names)}"
    return of_class(text, lost)


def use_primary(names: Collection[str], before: str, lost: str = _OTHERS) -> Remedy:
    """Use these nodes' data, each in its shard; `before` says what for."""
    options = " ".join(f"--primary {name}" for name in names)
    return of_class(f"{before}redistopo up {options}", lost)


def separate_cluster(names: Collection[str], owners: Collection[str]) -> str:
    """Separate two clusters that CLUSTER MEET merged: `owners`, of the other one, took the slots
    that `names` are to have again."""
    lost = f"here, not there: what {', '.join(owners) or _OTHER} received since taking these slots"
    return use_primary(names, "separate it from the other cluster: redistopo down, then: ", lost)


def rebuild_node(
    names: Iterable[str], before: str = "", primaries: Collection[str] = (), lost: str = _TABLE
) -> Remedy:
    """Write the nodes.conf or manifest of nodes anew; a damaged one is kept under another name, and
    the command asks. `primaries` were chosen as primary before, and are chosen again."""
    chosen = [f"--primary {name}" for name in primaries]
    options = " ".join([*chosen, *(f"--rebuild {name}" for name in names)])
    return of_class(f"{before}redistopo up {options}", f"{_OTHERS}; {lost}" if chosen else lost)


def reset_node(
    name: str, lost: str, *, options: str = "", before: str = "", after: str = ""
) -> Remedy:
    """Reset a node; the command lists what is lost, and asks."""
    return of_class(f"{before}redistopo reset {name}{options}{after}", lost)


def reset_anyway(name: str, lost: str, *, hard: bool = False, before: str = "") -> Remedy:
    """Reset a node that has the only copy of its data."""
    options = " --hard --force" if hard else " --force"
    return reset_node(name, lost, options=options, before=before)


def end_node(name: str, lost: str) -> Remedy:
    """Kill a node of ours."""
    return of_class(f"redistopo kill {name}", lost)


def give_up_unsaved(command: str, names: Iterable[str]) -> Remedy:
    """Stop nodes that can't save; "" as the command is the one that refused."""
    text = f"{command} --force".strip()
    return of_class(text, f"what {', '.join(names)} has not saved")


def rotate_passwords(before: str = "", after: str = "") -> Remedy:
    """Change all passwords."""
    lost = "access of clients that have only the old password"
    return of_class(f"{before}redistopo secret rotate{after}", lost)


def renew_ca(before: str = "", after: str = "") -> Remedy:
    """Make a new CA."""
    lost = "access of clients that have only the old CA"
    return of_class(f"{before}redistopo certs renew --new-ca{after}", lost)


def replace_file(before: str, command: str, after: str = "") -> Remedy:
    """Write a new topology file, or templates, in place of the present one."""
    text = f"{before}{command + ' ' if command else ''}--force{after}"
    return of_class(text, "the present file")


def accept_absence(names: Iterable[str]) -> Remedy:
    """Restart primaries that no replica stands in for."""
    text = "--force accepts that; what it has saved is kept"
    return of_class(text, f"access to {', '.join(names)} while it restarts")


def drill_anyway(before: str, after: str) -> Remedy:
    """Run a drill that the topology does not survive by itself."""
    return of_class(f"{before}--force {after}", "writes while no node is primary")


def restore_over(name: str, into: Path | None = None) -> str:
    """Restore a snapshot over the data of a topology, that of the folder `into` if it was named."""
    command = f"redistopo restore {quote(name)}"
    there = f" --into {quote(str(into))}" if into else ""
    over = of_class(f"{command}{there} --force replaces it", "the present data")
    return joined(over, f"{command} --into DIR", by="; or into another folder: ")


def import_over() -> str:
    """Import keys over those that a topology has."""
    over = of_class(
        "add --replace: keys of the same names are replaced", "their present values", least=ASKS
    )
    return joined(over, "import into an empty one", by="; or ")
