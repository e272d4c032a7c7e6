"""Changed replies of real servers: never an exception, never a wrong "healthy".

What a reply means is read here a second time, by a reader of its own: where all checks find
a topology healthy, the changed reply must mean what the real one meant.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.forms import examples

from redistopo.checks.catalogue import judge
from redistopo.errors import BadReply
from redistopo.model.protocol.replies import parse_info, parse_nodes
from redistopo.model.state.finding import failed_findings
from redistopo.model.state.observed import NodeSeen

EXAMPLES = examples(2000)
"""For each of the five engines: ten thousand in the whole form."""

Sample = Callable[[str, str], Mapping[str, Mapping[str, str]]]

WORDS = [
    *("master", "slave", "myself", "fail", "fail?", "handshake", "noaddr", "noflags", "nofailover"),
    *("connected", "disconnected", "up", "down", "online", "wait_bgsave", "send_bulk", "ok"),
    *("", "-", "0", "1", "2", "-1", "9" * 20, "16383", "16384", "0-16383", "5461", "5461-10922"),
    *("::1", "127.0.0.1:7000@17000", "localhost", "99999", "x", "\u2028", "\x00"),
]  # fmt: skip
IN_INFO = (
    "role", "loading", "master_host", "master_port", "master_link_status", "connected_slaves",
    "slave_read_only", "process_id", "config_file",
)  # fmt: skip
"""The fields of INFO on which the health of a topology hangs, and the list of replicas."""


def _fields(text: str) -> dict[str, str]:
    lines = (line.removesuffix("\r") for line in text.split("\n") if not line.startswith("#"))
    return dict(line.split(":", 1) for line in lines if ":" in line)


def _meaning(command: str, text: str) -> object:
    """What must not change unnoticed; numbers that change by themselves are left out."""
    if command == "CLUSTER NODES":
        return frozenset(_line(line) for line in text.split("\n") if line.strip())
    fields = _fields(text)
    if command == "CLUSTER INFO":
        names = ("cluster_state", "cluster_slots_ok", "cluster_slots_pfail", "cluster_slots_fail")
        return [fields.get(name) for name in names]
    # a primary names no primary, whatever else stands there
    names = IN_INFO if fields.get("role") == "slave" else ("role", "loading", "process_id")
    held = [fields.get(name) for name in names if name != "connected_slaves"]
    return held, frozenset(_listed(fields))


def _line(line: str) -> tuple[object, ...]:
    node, address, flags, primary, _ping, _pong, _epoch, link, *rest = line.split(" ")
    kept = {"master", "slave", "myself", "fail", "fail?", "handshake", "noaddr"}
    slots: set[int] = set()
    for part in rest:
        if part and part[0] != "[":
            first, _, last = part.partition("-")
            slots.update(range(int(first), int(last or first) + 1))
    opened = frozenset(part for part in rest if part.startswith("["))
    known = frozenset(flags.split(",")) & kept
    linked = "myself" in known or link  # nobody has a link to itself
    return node, address.split(",")[0], known, primary, linked, frozenset(slots), opened


def _listed(fields: dict[str, str]) -> Iterator[tuple[str, str]]:
    for number in range(min(int(fields.get("connected_slaves", 0)), 9)):
        pairs = dict(
            part.split("=", 1)
            for part in fields.get(f"slave{number}", "").split(",")
            if "=" in part
        )
        if pairs:
            yield pairs.get("port", ""), pairs.get("state", "")


@dataclass(frozen=True)
class Change:
    """One change of a text; where it is made follows from numbers of any size.

    They are drawn before the text is known: a strategy for each text's own places would cost
    more than all the judging.
    """

    how: int
    at: int
    other: int
    word: str

    def made(self, text: str, only: tuple[str, ...]) -> str:
        """The text, changed in its lines, its words or its letters."""
        lines = text.split("\n")
        places = [n for n, line in enumerate(lines) if line.startswith(only)] or [0]
        at = places[self.at % len(places)]
        line = lines[at]
        if self.how == 0:
            del lines[at]
        elif self.how == 1:
            lines.insert(self.other % (len(lines) + 1), line)
        elif self.how == 2:
            other = places[self.other % len(places)]
            lines[at], lines[other] = lines[other], line
        elif self.how in (3, 4):
            parts = re.split(r"([ :,=@\r-])", line)
            parts[self.other % len(parts)] = self.word
            lines[at] = "".join(parts)
        else:
            cut = self.other % (len(line) + 1)
            lines[at] = line[:cut] + self.word + line[cut + 1 :]
        return "\n".join(lines)


NUMBERS = st.integers(0, 2**20)
CHANGES = st.lists(
    st.builds(Change, st.integers(0, 5), NUMBERS, NUMBERS, st.sampled_from(WORDS)),
    min_size=1,
    max_size=3,
)


COMMANDS = {
    "cluster": ("CLUSTER NODES", "CLUSTER NODES", "CLUSTER INFO", "INFO"),
    "replication": ("INFO",),
}


def _healthy(whole: Any, name: str, command: str, text: str) -> bool:
    """Whether all checks are content when one node answers one command so."""
    real: NodeSeen = whole.named(name)
    if command == "CLUSTER NODES":
        odd = replace(real, members=parse_nodes(text))
    elif command == "CLUSTER INFO":
        odd = replace(real, cluster=parse_info(text))
    else:
        odd = replace(real, info=parse_info(text))
    nodes = tuple(odd if node.name == name else node for node in whole.seen.nodes)
    return not failed_findings(judge(replace(whole.seen, nodes=nodes), whole.expected))


@settings(max_examples=EXAMPLES)
@given(
    shape=st.sampled_from(["cluster", "cluster", "replication"]),
    node=NUMBERS,
    reply=NUMBERS,
    changes=CHANGES,
)
def test_a_changed_reply_is_healthy_only_if_it_means_the_same(
    engine_name: str,
    sample: Sample,
    scene: Callable[[str, str], Any],
    shape: str,
    node: int,
    reply: int,
    changes: list[Change],
) -> None:
    names = sorted(sample(engine_name, shape))
    name = names[node % len(names)]
    command = COMMANDS[shape][reply % len(COMMANDS[shape])]
    replies = sample(engine_name, shape)[name]
    text = replies[command]
    for change in changes:
        text = change.made(text, (*IN_INFO, "slave") if command == "INFO" else ())
    whole = scene(engine_name, shape)
    with suppress(BadReply):
        if _healthy(whole, name, command, text):
            changed = set(text.split("\n")) ^ set(replies[command].split("\n"))
            assert _meaning(command, text) == _meaning(command, replies[command]), changed


def _swap(text: str, pattern: str, new: str) -> str:
    changed = re.sub(pattern, new, text, count=1, flags=re.MULTILINE)
    assert changed != text
    return changed


OTHER = "f" * 40
IN_TABLE = {
    "a slot lost": (r"( connected \d+)-\d+", r"\1"),
    "a slot too many": (r"( connected) (\d+)-(\d+)", r"\1 0-16383"),
    "a failing node": (r"(myself,)?(master|slave) ", r"\1\2,fail "),
    "a node perhaps failing": (r"(myself,)?(master|slave) ", r"\1\2,fail? "),
    "a handshake": (r"(?<!myself,)(master|slave) ", "handshake "),
    "no address": (r"(master|slave) ", r"\1,noaddr "),
    "a link down": (r"^(?!.*myself)(.*) connected", r"\1 disconnected"),
    "a primary turned replica": (r"master - ", f"slave {OTHER} "),
    "a replica turned primary": (r"slave [0-9a-f]{40} ", "master - "),
    "a replica of nobody": (r"slave [0-9a-f]{40} ", f"slave {OTHER} "),
    "another id": (r"^[0-9a-f]{40}", OTHER),
    "another port": (r"^([0-9a-f]{40} [0-9.]+):\d+", r"\1:9"),
    "another bus port": (r"@\d+", "@9"),
    "a line lost": (r"^.*\n", ""),
    "a slot under way": (r"(myself,.* connected)", rf"\1 [93->-{OTHER}]"),
}
IN_STATE = {
    "state fail": ("cluster_state:ok", "cluster_state:fail"),
    "a slot not ok": ("cluster_slots_ok:16384", "cluster_slots_ok:16383"),
    "a slot failing": ("cluster_slots_fail:0", "cluster_slots_fail:1"),
}


@pytest.mark.parametrize("what", [*IN_TABLE, *IN_STATE])
def test_no_single_change_of_meaning_is_healthy(
    engine_name: str,
    sample: Sample,
    scene: Callable[[str, str], Any],
    what: str,
) -> None:
    """Each change, in what each node says."""
    command = "CLUSTER NODES" if what in IN_TABLE else "CLUSTER INFO"
    pattern, new = {**IN_TABLE, **IN_STATE}[what]
    whole = scene(engine_name, "cluster")
    assert not failed_findings(whole.judged)
    for name, replies in sample(engine_name, "cluster").items():
        text = _swap(replies[command], pattern, new)
        with suppress(BadReply):
            assert not _healthy(whole, name, command, text), (name, text)
