"""Doctor's checks on facts built by hand: well, doubtful and failing ones of each."""

from dataclasses import replace
from typing import Any

import pytest
from support.exam_cases import AROUND
from support.exam_facts import (
    FAIL,
    HEARD,
    LOST,
    MENDED,
    NEW,
    OK,
    OLD,
    OPEN,
    SKIP,
    WARN,
    WELL,
    WHEEL,
    conf_of,
    engines_of,
    firewall_of,
    tables_of,
    topology_of,
)
from support.exam_starts import STARTS

from redistopo.doctor.doctor_checks import DOCTOR_CHECKS, run_doctor_checks
from redistopo.doctor.facts import DoctorFacts, TopologyPresence
from redistopo.model.protocol.engine import Engine, Version
from redistopo.model.state.finding import Status

CASES: list[tuple[str, Status, str, str, DoctorFacts]] = [
    *AROUND,
    *STARTS,
    ("config.bind", OK, "not reachable from other machines", "", conf_of("bind 127.0.0.1 -::1")),
    ("config.bind", OK, "requires a password", "", conf_of("bind 0.0.0.0\nrequirepass x")),
    ("config.bind", FAIL, "anyone who reaches it has full control", "requirepass", conf_of(OPEN)),
    ("config.bind", FAIL, "every address (no bind)", "bind", conf_of("protected-mode no")),
    ("config.bind", WARN, "protected mode refuses other machines", "", conf_of("")),
    ("config.bind", WARN, "before Redis 7.0", "", conf_of("bind 10.0.0.1")),
    (
        "config.bind",
        FAIL,
        "in Redis 6.2.14 protected mode does not",
        "",
        conf_of("bind 10.0.0.1", replace(HEARD, version=Version(6, 2, 14))),
    ),
    (
        "config.bind",
        WARN,
        "users are in /etc/users.acl, which can't be read",
        "sudo redistopo doctor --config",
        conf_of("bind 0.0.0.0\naclfile /etc/users.acl"),
    ),
    ("config.bind", WARN, "can't read what it includes: x", "", conf_of("", unread=("x",))),
    (
        "config.running",
        OK,
        "replies at 127.0.0.1:6379, held by redis-server (pid 9)",
        "",
        conf_of("", HEARD),
    ),
    (
        "config.running",
        FAIL,
        "without a password, and listens on 0.0.0.0: anyone who reaches it has full control",
        "requirepass",
        conf_of(OPEN, replace(HEARD, listening=("0.0.0.0",))),
    ),
    (
        "config.running",
        FAIL,
        "without a password, and listens on 0.0.0.0: anyone who reaches it has full control",
        "the file requires one: restart it",
        conf_of(f"{OPEN}\nrequirepass x", replace(HEARD, listening=("0.0.0.0",))),
    ),
    (
        "config.running",
        OK,
        "without a password; protected mode refuses other machines",
        "",
        conf_of("", HEARD),
    ),
    (
        "config.running",
        OK,
        ": NOAUTH",
        "",
        conf_of("requirepass x", replace(HEARD, reply="NOAUTH Authentication")),
    ),
    (
        "config.running",
        WARN,
        "asks for a password, the file doesn't",
        "restart it with this file",
        conf_of("", replace(HEARD, reply="NOAUTH Authentication")),
    ),
    (
        "config.running",
        WARN,
        "rejects the file's password",
        "restart it with this file",
        conf_of("requirepass x", replace(HEARD, reply="NOAUTH Authentication", refused=True)),
    ),
    (
        "config.running",
        WARN,
        "nothing runs",
        "redis-server /etc",
        conf_of("", replace(HEARD, reply="", holder="")),
    ),
    (
        "config.running",
        FAIL,
        "no reply at",
        "kill -CONT 9",
        conf_of("", replace(HEARD, reply="")),
    ),
    (
        "config.running",
        WARN,
        "was started with /etc/other.conf",
        "--config /etc/other.conf",
        conf_of("", replace(HEARD, config="/etc/other.conf")),
    ),
    (
        "config.running",
        FAIL,
        "listens on 0.0.0.0, which the file doesn't bind",
        "restart it",
        conf_of("bind 127.0.0.1", replace(HEARD, listening=("0.0.0.0",))),
    ),
    (
        "config.running",
        WARN,
        "listens on 127.0.0.1 only, unlike the file",
        "restart it",
        conf_of("bind 0.0.0.0", replace(HEARD, listening=("127.0.0.1",))),
    ),
    ("config.running", SKIP, "no TCP port", "", conf_of("port 0\nunixsocket /s")),
    ("config.firewall", OK, "no firewall was found", "", conf_of(OPEN)),
    ("config.firewall", SKIP, "no firewall matters", "", conf_of("bind 127.0.0.1")),
    ("config.firewall", OK, "ufw is off", "", firewall_of("ufw", "", active=False)),
    (
        "config.firewall",
        WARN,
        "nftables is installed, and its state can't be read without root",
        "sudo nftables list",
        firewall_of("nftables", "", active=None),
    ),
    (
        "config.firewall",
        WARN,
        "no rule for 6379, default deny",
        "ufw allow from",
        firewall_of("ufw", "Status: active\nDefault: deny (incoming), allow (outgoing)\n"),
    ),
    ("config.firewall", WARN, "by program", "nc -vz", firewall_of("macOS", "State = 1")),
    ("topology.runs", OK, "running", "", WELL),
    (
        "topology.runs",
        WARN,
        "none of its 6 nodes runs: it was stopped",
        "up",
        topology_of(TopologyPresence.STOPPED),
    ),
    (
        "topology.runs",
        FAIL,
        "redistopo did not stop them",
        "redistopo up",
        topology_of(TopologyPresence.ENDED),
    ),
    ("topology.runs", SKIP, "not started yet", "", topology_of(TopologyPresence.NEVER)),
    (
        "topology.runs",
        SKIP,
        "there is no x: only this machine",
        "",
        topology_of(TopologyPresence.NO_FILE, trouble="there is no x"),
    ),
    (
        "topology.runs",
        FAIL,
        "bad",
        "repair it",
        topology_of(TopologyPresence.BROKEN, trouble="bad", hint="repair it"),
    ),
    (
        "topology.runs",
        FAIL,
        "no answer",
        "x",
        topology_of(TopologyPresence.RUNNING, trouble="no answer", hint="x"),
    ),
    (
        "cluster.tables",
        OK,
        "3 nodes.conf on disk are of one cluster",
        "",
        tables_of("abc", "bac", "cab"),
    ),
    (
        "cluster.tables",
        FAIL,
        "its nodes.conf is of another cluster: it has",
        "mv /srv/node3/nodes.conf /srv/node3/nodes.conf.other; redistopo up --rebuild node3",
        tables_of("ab", "ba", "cde"),
    ),
    ("cluster.tables", OK, "3 nodes.conf", "", tables_of("abc", "bac", "cde")),
    (
        "cluster.tables",
        FAIL,
        "its nodes.conf is cut off: /srv/node4/nodes.conf",
        "redistopo up --rebuild node4",
        replace(tables_of("abc", "bac", "cab"), lost=(LOST,)),
    ),
    (
        "cluster.tables",
        FAIL,
        "is cut off",
        "redistopo up --rebuild node4 --rebuild node5",
        replace(tables_of("abc", "bac", "cab"), lost=(LOST, replace(LOST, name="node5"))),
    ),
    ("cluster.tables", FAIL, "is cut off", "down --wipe", replace(WELL, lost=(LOST,))),
]


@pytest.mark.parametrize(("check", "status", "evidence", "hint", "facts"), CASES)
def test_an_exam_says_what_it_saw_and_what_to_type(
    check: str, status: Status, evidence: str, hint: str, facts: DoctorFacts
) -> None:
    found = [one for one in run_doctor_checks(facts) if one.check == check]
    said = [one for one in found if one.status is status and evidence in one.evidence]
    assert said, found
    assert any(hint in one.hint for one in said), said
    assert all(one.hint for one in found if one.status in (WARN, FAIL))


def test_a_release_that_was_found_twice_is_told_once() -> None:
    def told(*found: Engine, **fields: Any) -> list[tuple[Status, str]]:
        seen = run_doctor_checks(engines_of(*found, **fields))
        return [(one.status, one.evidence) for one in seen if one.check == "machine.vulnerable"]

    link = replace(WHEEL, path="/usr/bin/valkey-server", source="valkey-server on PATH")
    other = told(NEW, WHEEL, link)
    assert [status for status, _evidence in other] == [OK, WARN]
    assert other[1][1].count("Valkey 8.1.8") == 1
    twin = replace(OLD, path="/opt/redis-server", package="redis-embedded 1")
    assert [status for status, _evidence in told(OLD, twin)] == [WARN]
    # the package of the one that `up` takes has it mended, which says nothing of the other
    mended = told(OLD, twin, fixed_cves={OLD.path: frozenset(MENDED.split())})
    assert [status for status, _evidence in mended] == [OK, WARN]


def test_a_lost_table_leaves_no_word_of_others_being_well() -> None:
    found = run_doctor_checks(replace(tables_of("abc", "bac", "cab"), lost=(LOST,)))
    assert [one.status for one in found if one.check == "cluster.tables"] == [FAIL]


def test_a_well_machine_has_no_fault() -> None:
    assert {one.status for one in run_doctor_checks(WELL)} == {OK}
    assert (
        len(run_doctor_checks(WELL)) == len(DOCTOR_CHECKS) - 5
    )  # no --config, and no tables of a cluster
