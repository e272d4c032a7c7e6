"""What came of operations on one host, as its worker of Ansible reports it."""

import re
from collections.abc import Mapping
from typing import Any

from redistopo.host.fleet.encoding import decode
from redistopo.quick_dataclass import dataclass

_PREAMBLE = re.compile(
    r"^(?:Failed to connect to the host via ssh"
    r"|Data could not be sent to remote host .* over ssh): "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResults:
    """What came of the operations on one host: their `results`, up to the first that failed; or
    why it wasn't `unreachable`, or why the module `failed` there."""

    results: tuple[Mapping[str, Any], ...] = ()
    unreachable: str = ""
    failed: str = ""


def result_of(values: Mapping[str, str]) -> HostResults:
    """Build it of what a worker, or our callback, reported."""
    match values["event"]:
        case "ok":
            return HostResults(results=tuple(decode(values["text"])))
        case "unreachable":
            return HostResults(unreachable=_plain(values["text"]))
        case _:
            return HostResults(failed=_plain(values["text"]))


def _plain(text: str) -> str:
    """Ansible's reason in one line, with what SSH printed and without its own preamble."""
    last = [line.strip() for line in text.splitlines() if line.strip()]
    found = " ".join(last) if len(last) <= 3 else last[-1]
    return (_PREAMBLE.sub("", found) or found)[:400]
