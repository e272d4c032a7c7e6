"""Checks on nodes by themselves, each on changed snapshots of real servers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from support.cases import Case, alone, table

from redistopo.model.protocol.credentials import AccessProbe, Certificate
from redistopo.model.state.finding import Status
from redistopo.model.state.observed import ProcessState
from redistopo.model.topology.spec import SAFE_RIGHTS

OK, WARN, FAIL, SKIP = Status.OK, Status.WARN, Status.FAIL, Status.SKIP

_NO = "User has no permissions to run that command"
_OK = "ok"

LOCKED = AccessProbe(
    plain="",
    stranger="",
    certificate=Certificate(left=9e7, expires="2031-05-04", serial="1f", names=("127.0.0.1",)),
    users={
        "default": {
            "GET redistopo:verify:trial": _OK, "INFO server": _OK, "CONFIG GET": _NO,
            "ACL LIST": _NO,
        },
        "replication": {
            "PING": _OK, "REPLCONF capa": _OK, "GET redistopo:verify:trial": _NO, "CONFIG GET": _NO,
        },
        "admin": {"ACL WHOAMI": _OK, "CONFIG GET": _OK},
    },
)  # fmt: skip
"""What a node with TLS and ACL answers when all is well."""


def _certified(**fields: Any) -> AccessProbe:
    assert LOCKED.certificate is not None
    return replace(LOCKED, certificate=replace(LOCKED.certificate, **fields))


def _tried(user: str, command: str, answer: str, *more: str) -> AccessProbe:
    """The same, but that user's trial was answered otherwise."""
    users = dict(LOCKED.users or {})
    return replace(
        LOCKED, users={**users, user: {**users[user], **dict.fromkeys((command, *more), answer)}}
    )


# Check, status, subject, part of the evidence, and what is changed in a healthy cluster.
CASES: list[Case] = [
    ("node.alive", OK, "topology", "6 of 6 nodes: running and replying", lambda s: s),
    (
        "node.alive",
        OK,
        "topology",
        "6 of 6 nodes",
        lambda s: s.every(process=ProcessState.NOT_OURS, pid=0).info("node1", process_id=1),
    ),
    ("node.alive", FAIL, "node2", "its process isn't running", lambda s: s.down("node2")),
    (
        "node.alive",
        FAIL,
        "node3",
        "pid 77 runs, but it doesn't reply",
        lambda s: s.node("node3", pid=77, error="it doesn't reply", info={}),
    ),
    ("node.alive", FAIL, "node1", "still loading", lambda s: s.info("node1", loading=1)),
    (
        "node.alive",
        FAIL,
        "node1",
        "but we started pid",
        lambda s: s.info("node1", process_id=1),
    ),
    (
        "node.alive",
        FAIL,
        "node1",
        "runs with /etc/redis.conf, not with",
        lambda s: s.info("node1", config_file="/etc/redis.conf"),
    ),
    (
        "node.alive",
        WARN,
        "node1",
        "started when this folder was /elsewhere; it still logs there",
        lambda s: s.node("node1", moved_from="/elsewhere"),
    ),
    (
        "access.password",
        OK,
        "topology",
        "6 of 6 nodes: refuse a client without a password",
        lambda s: s,
    ),
    (
        "access.password",
        OK,
        "topology",
        "6 of 6 nodes",
        lambda s: s.every(anonymous="DENIED Redis is running in protected mode"),
    ),
    (
        "access.password",
        FAIL,
        "node4",
        "a client without a password got 'PONG'",
        lambda s: s.node("node4", anonymous="PONG"),
    ),
    (
        "access.password",
        WARN,
        "node4",
        "got 'PONG'",
        lambda s: s.expect(auth=None).node("node4", anonymous="PONG"),
    ),
    ("access.password", SKIP, "topology", "auth = false", lambda s: s.expect(auth=False)),
    ("access.password", SKIP, "topology", "not inspected", lambda s: s.every(anonymous=None)),
    ("access.bind", OK, "topology", "6 of 6 nodes: listen only on 127.0.0.1", lambda s: s),
    (
        "access.bind",
        FAIL,
        "node1",
        "at 0.0.0.0",
        lambda s: s.node("node1", listening=("0.0.0.0",)),
    ),
    (
        "access.bind",
        FAIL,
        "node1",
        "127.0.0.1, 10.0.0.5",
        lambda s: s.node("node1", listening=("127.0.0.1", "10.0.0.5")),
    ),
    ("access.bind", FAIL, "node1", "at no address", lambda s: s.node("node1", listening=())),
    (
        "access.bind",
        OK,
        "topology",
        "bind specific addresses only",
        lambda s: s.expect(host=None).config("node1", bind="10.0.0.5 -::1"),
    ),
    (
        "access.bind",
        WARN,
        "node1",
        "binds 127.0.0.1 -::",
        lambda s: s.expect(host=None).config("node1", bind="127.0.0.1 -::"),
    ),
    (
        "access.bind",
        WARN,
        "node1",
        "binds * -::*",
        lambda s: s.expect(host=None).config("node1", bind="* -::*"),
    ),
    (
        "access.bind",
        WARN,
        "node1",
        "binds all addresses",
        lambda s: s.expect(host=None).config("node1", bind=""),
    ),
    (
        "access.bind",
        SKIP,
        "topology",
        "not inspected",
        lambda s: s.every(config=None, listening=None),
    ),
    (
        "access.tls",
        OK,
        "topology",
        "6 of 6 nodes: refuse plain",
        lambda s: s.every(access_probe=LOCKED),
    ),
    (
        "access.tls",
        FAIL,
        "node2",
        "a client without TLS got '+PONG'",
        lambda s: s.every(access_probe=LOCKED).node(
            "node2", access_probe=replace(LOCKED, plain="+PONG")
        ),
    ),
    (
        "access.tls",
        FAIL,
        "node2",
        "of another CA got '-NOAUTH'",
        lambda s: s.every(access_probe=LOCKED).node(
            "node2", access_probe=replace(LOCKED, stranger="-NOAUTH")
        ),
    ),
    (
        "access.tls",
        WARN,
        "node2",
        "of another CA got '+PONG'",
        lambda s: (
            s.every(access_probe=LOCKED)
            .node("node2", access_probe=replace(LOCKED, stranger="+PONG"))
            .config("node2", tls_auth_clients="no")
        ),
    ),
    (
        "access.certificates",
        OK,
        "topology",
        "6 of 6 nodes: present certificates of our CA, valid until 2031-05-04",
        lambda s: s.every(access_probe=LOCKED),
    ),
    (
        "access.certificates",
        FAIL,
        "node3",
        "presents no certificate of our CA",
        lambda s: s.every(access_probe=LOCKED).node(
            "node3", access_probe=replace(LOCKED, certificate=None)
        ),
    ),
    (
        "access.certificates",
        FAIL,
        "node1",
        "is for 10.0.0.1, not for 127.0.0.1",
        lambda s: s.every(access_probe=LOCKED).node(
            "node1", access_probe=_certified(names=("10.0.0.1",))
        ),
    ),
    (
        "access.certificates",
        WARN,
        "node1",
        "expires on 2031-05-04, in 3 days",
        lambda s: s.every(access_probe=LOCKED).node(
            "node1", access_probe=_certified(left=3 * 86400.0)
        ),
    ),
    (
        "access.certificates",
        WARN,
        "topology",
        "6 certificates expire on 2031-05-04, in 1 day",
        lambda s: s.every(access_probe=_certified(left=1.5 * 86400)),
    ),
    (
        "access.users",
        OK,
        "topology",
        "6 of 6 nodes: 3 users have the permissions they need, no others",
        lambda s: s.expect(rights=SAFE_RIGHTS).every(access_probe=LOCKED),
    ),
    (
        "access.users",
        FAIL,
        "node5",
        "default can run CONFIG GET",
        lambda s: (
            s.expect(rights=SAFE_RIGHTS)
            .every(access_probe=LOCKED)
            .node("node5", access_probe=_tried("default", "CONFIG GET", "ok"))
        ),
    ),
    (
        "access.users",
        OK,
        "topology",
        "3 users",
        lambda s: s.expect(rights="+@all").every(
            access_probe=_tried("default", "CONFIG GET", "ok", "ACL LIST")
        ),
    ),
    (
        "access.users",
        FAIL,
        "node5",
        "replication can't run PING: WRONGPASS",
        lambda s: (
            s.expect(rights=SAFE_RIGHTS)
            .every(access_probe=LOCKED)
            .node("node5", access_probe=_tried("replication", "PING", "WRONGPASS"))
        ),
    ),
    (
        "access.users",
        FAIL,
        "node5",
        "replication can run CONFIG GET: WRONGPASS",
        lambda s: (
            s.expect(rights=SAFE_RIGHTS)
            .every(access_probe=LOCKED)
            .node("node5", access_probe=_tried("replication", "CONFIG GET", "WRONGPASS"))
        ),
    ),
    ("config.drift", OK, "topology", "directives on 6 nodes match the rendered", lambda s: s),
    (
        "config.drift",
        FAIL,
        "node2",
        "maxmemory is 5, rendered: 64mb",
        lambda s: s.config("node2", maxmemory="5"),
    ),
    (
        "config.drift",
        FAIL,
        "node2",
        "save is 3600 1, rendered: empty; appendonly is no",
        lambda s: s.config("node2", appendonly="no", save="3600 1"),
    ),
    (
        "config.drift",
        FAIL,
        "node2",
        "masterauth differs",
        lambda s: s.config("node2", masterauth="another"),
    ),
    ("config.drift", SKIP, "topology", "not inspected", lambda s: s.every(config=None)),
]


@table(CASES)
def test_a_check_says_what_is_wrong_with_a_node(
    engine_name: str, scene: Callable[[str, str], Any], case: Case
) -> None:
    evidence = alone(scene(engine_name, "cluster"), case)
    assert all(word in evidence for word in case[3].split("; "))


def test_drift_is_nothing_to_ask_of_a_stranger(scene: Callable[[str, str], Any]) -> None:
    assert scene("redis-7.0", "cluster").expect(config=None).findings("config.drift") == ()
