"""The commands that may lose something, and the least class of a remedy that contains one."""

import re
from functools import cache

from redistopo.model.remedies.remedy import Remedy, RemedyClass, class_of, loses
from redistopo.quick_dataclass import dataclass

SAFE, ASKS, DESTROYS = RemedyClass


@dataclass(frozen=True, slots=True)
class UnsafeCommand:
    """A pattern of a command in a text; `least` is the class of a remedy with it, `asks` whether
    the command itself asks on a terminal before it loses anything."""

    pattern: str
    least: RemedyClass
    asks: bool = False


COMMANDS: tuple[UnsafeCommand, ...] = (
    # of servers
    UnsafeCommand(r"\bCLUSTER FORGET\b", DESTROYS),
    UnsafeCommand(r"\bCLUSTER RESET\b", DESTROYS),
    UnsafeCommand(r"\bCLUSTER (?:DELSLOTS|FLUSHSLOTS)", DESTROYS),
    UnsafeCommand(r"\bCLUSTER FAILOVER (?:TAKEOVER|FORCE)\b", ASKS),
    UnsafeCommand(r"\bFLUSH(?:ALL|DB)\b", DESTROYS),
    UnsafeCommand(r"\b(?:REPLICAOF|SLAVEOF) (?!NO ONE)", ASKS),
    UnsafeCommand(r"\bSHUTDOWN NOSAVE\b", DESTROYS),
    UnsafeCommand(r"\bSHUTDOWN\b", ASKS),
    UnsafeCommand(r"\bSENTINEL (?:RESET|REMOVE)\b", ASKS),
    UnsafeCommand(r"\bACL DELUSER\b", ASKS),
    UnsafeCommand(r"\bCONFIG SET (?:appendonly|save|dir|dbfilename|append\w+name)\b", DESTROYS),
    UnsafeCommand(r"\bCONFIG SET maxmemory [1-9]", ASKS),
    UnsafeCommand(r"\bCONFIG SET maxmemory-policy (?:allkeys|volatile)", ASKS),
    # of redis-cli
    UnsafeCommand(r"--cluster fix\b", ASKS, asks=True),
    UnsafeCommand(r"--cluster del-node\b", DESTROYS),
    UnsafeCommand(r"--cluster (?:reshard|rebalance)\b", SAFE),
    UnsafeCommand(r"check-aof.* --fix\b", DESTROYS),
    # of redistopo
    UnsafeCommand(r"\bdown --wipe\b(?! --yes)", ASKS, asks=True),
    UnsafeCommand(r"\bdown --wipe --yes\b", ASKS),
    UnsafeCommand(r"\bredistopo (?:down|stop|restart)\b[^;,(]* --force\b", ASKS, asks=True),
    UnsafeCommand(r"\bredistopo reset\b(?![^;,(]* --yes)[^;,(]*", ASKS, asks=True),
    UnsafeCommand(r"\bredistopo reset\b[^;,(]* --yes", ASKS),
    UnsafeCommand(r"\bredistopo kill\b", ASKS, asks=True),
    UnsafeCommand(r"--force\b", ASKS),
    UnsafeCommand(r"\bup\b[^;]* --primary\b", ASKS, asks=True),
    UnsafeCommand(r"\bup\b[^;]* --rebuild\b", ASKS, asks=True),
    UnsafeCommand(r"\bsecret rotate\b(?! --keep-old)", ASKS, asks=True),
    UnsafeCommand(r"\bcerts renew --new-ca\b", ASKS, asks=True),
    # of the system
    UnsafeCommand(r"\brm -", DESTROYS),
    UnsafeCommand(r"\bmv /?\S+ \S+", SAFE),
    UnsafeCommand(r"\bkill -(?:9|KILL|SIGKILL)\b", DESTROYS),
    UnsafeCommand(r"(?<!redistopo )\bkill (?!-CONT)-?(?:TERM |\d)", ASKS),
)
"""Of several that match, the highest class counts."""


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], UnsafeCommand], ...]:
    """Compile at the first use: most commands end without a hint."""
    return tuple((re.compile(one.pattern), one) for one in COMMANDS)


def unsafe_commands(text: str) -> tuple[UnsafeCommand, ...]:
    """Return the commands of the table that a text contains."""
    return tuple(one for pattern, one in _compiled() if pattern.search(text))


def classify(text: str) -> RemedyClass:
    """Return the least class that a remedy with this text may have."""
    found = (one.least for one in unsafe_commands(text))
    return max(found, key=lambda one: one.level, default=SAFE)


def warned(hint: str) -> str:
    """Return a hint as it is shown: with what it would lose, in words."""
    kind = class_of(hint)
    if kind is SAFE:
        return str(hint)
    if kind is DESTROYS:
        return f"{hint}   (loses {loses(hint)})"
    rest = str(hint)
    for pattern, one in _compiled():
        rest = pattern.sub("", rest) if one.asks else rest
    asks = "your choice" if rest == hint or classify(rest) is not SAFE else "asks first"
    return f"{hint}   ({asks}; would lose {loses(hint)})"


def of_class(text: str, lost: str = "", *, least: RemedyClass = SAFE) -> Remedy:
    """Return a remedy of the class that its commands have, or at least `least`."""
    kind = max(classify(text), least, key=lambda one: one.level)
    return Remedy(text, kind, lost)
