"""Lines as the servers wrote them in real failovers, one of each wording and version."""

from datetime import datetime

import pytest

from redistopo.drill.drill_report import TimelineKind
from redistopo.drill.server_log_events import parse_log_events

VICTIM, HEIR = (
    "3870f132f120f1bc32c8de9b7dbec57e5d671c2c",
    "a2f556334665dccc3fdf8bf07bd2f3268c7f1509",
)
_NAMES = {VICTIM: "node1", HEIR: "node4"}
_AT = "22127:M 23 Nov 2026 09:16:17.102 "


@pytest.mark.parametrize(
    ("line", "kind", "text"),
    [
        # Valkey 8.1, and 9.1 with the address
        (
            f"* NODE {VICTIM} () possibly failing.",
            "suspected",
            "flags node1 as possibly failing (PFAIL)",
        ),
        (
            f"* NODE {VICTIM} (127.0.0.1:23540) possibly failing.",
            "suspected",
            "flags node1 as possibly failing (PFAIL)",
        ),
        # Redis 6.2, 7.0; 7.2 and later
        (
            f"* Marking node {VICTIM} as failing (quorum reached).",
            "failed",
            "flags node1 as failing, the majority agrees (FAIL)",
        ),
        (
            f"* Marking node {VICTIM} () as failing (quorum reached).",
            "failed",
            "flags node1 as failing, the majority agrees (FAIL)",
        ),
        (
            "# Start of election delayed for 909 milliseconds (rank #0, offset 214).",
            "election",
            "delays its election by 909 ms",
        ),
        (
            "* Start of election delayed for 0 milliseconds (rank #0, primary rank #0, offset 7).",
            "election",
            "delays its election by 0 ms",
        ),
        ("# Starting a failover election for epoch 7.", "election", "requests votes (epoch 7)"),
        (
            "* Starting a failover election for epoch 7, node config epoch is 4",
            "election",
            "requests votes (epoch 7)",
        ),
        (f"# Failover auth granted to {HEIR} for epoch 7", "election", "votes for node4"),
        (
            f"* Failover auth granted to {HEIR} (127.0.0.1:23543) for epoch 7",
            "election",
            "votes for node4",
        ),
        (
            "# Failover election won: I'm the new master.",
            "promoted",
            "wins the election and becomes primary",
        ),
        (
            "* Failover election won: I'm the new primary.",
            "promoted",
            "wins the election and becomes primary",
        ),
        (
            f"# Configuration change detected. Reconfiguring myself as a replica of {HEIR}",
            "mended",
            "becomes a replica of node4",
        ),
        (
            "* Configuration change detected. Reconfiguring myself as a replica of node "
            f"{HEIR} () in shard 8c9b97fa6e81513ce6fb4ce0e2f646f184aa7859",
            "mended",
            "becomes a replica of node4",
        ),
        (
            "# Currently unable to failover: Disconnected from master for longer than allowed. "
            "Please check the 'cluster-replica-validity-factor' configuration option.",
            "note",
            "can't take over yet: Disconnected from master for longer than allowed. "
            "Please check the 'cluster-replica-validity-factor' configuration option.",
        ),
    ],
)
def test_each_wording(line: str, kind: str, text: str) -> None:
    (found,) = parse_log_events(f"{_AT}{line}\n", _NAMES)
    assert (found.kind, found.text) == (TimelineKind(kind), text)
    assert found.at == datetime(2026, 11, 23, 9, 16, 17, 102000).timestamp()


@pytest.mark.parametrize(
    "line",
    [
        f"{_AT}* Connecting to MASTER 127.0.0.1:23524",
        f"{_AT}* Currently unable to failover: Waiting for votes, but majority still not reached.",
        f"{_AT}* Currently unable to failover: Waiting the delay before I can start a new one.",
        "# Failover election won: I'm the new master.",  # without a time it is nothing
        "",
    ],
)
def test_other_lines_tell_nothing(line: str) -> None:
    assert list(parse_log_events(line, _NAMES)) == []


def test_a_node_without_a_name_is_told_by_its_id() -> None:
    (found,) = parse_log_events(
        f"{_AT}* Marking node {'b' * 40} as failing (quorum reached).", _NAMES
    )
    assert found.text.startswith("flags bbbbbbbb as")


@pytest.mark.parametrize(
    "head",
    [
        "1:M 23 Nov 2026 09:16:17.102 * ",
        "1:M 2026-11-23T09:16:17.102 * ",
        # Valkey 8.1, log-format logfmt
        'pid=1 role=primary timestamp="23 Nov 2026 09:16:17.102" level=notice message="',
    ],
)
def test_the_time_of_a_line_in_each_format(head: str) -> None:
    (found,) = parse_log_events(f"{head}Failover election won: I'm the new primary.", _NAMES)
    assert found.at == datetime(2026, 11, 23, 9, 16, 17, 102000).timestamp()


@pytest.mark.parametrize("time", ["2026-11-23T09:16:17.102+00:00", "1795425377102"])
def test_a_time_with_its_zone_and_one_in_milliseconds(time: str) -> None:
    (found,) = parse_log_events(f"1:M {time} * Failover election won", _NAMES)
    assert found.at == 1795425377.102
