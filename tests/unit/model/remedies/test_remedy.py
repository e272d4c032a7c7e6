"""Remedies: their class, what they lose, and what is left of both when they are passed on."""

import copy
import json
import re
from pathlib import Path

import pytest

from redistopo.errors import RedistopoError
from redistopo.model.remedies.commands import COMMANDS, classify, warned
from redistopo.model.remedies.no_other_copy import CopySeen, NoOtherCopy, Place, no_other_copy
from redistopo.model.remedies.of_machine import remove_folder, truncate_log
from redistopo.model.remedies.of_servers import (
    assign_slots,
    forget,
    leave_cluster,
    set_live,
    settle_slots,
)
from redistopo.model.remedies.of_topology import (
    renew_ca,
    replace_file,
    reset_node,
    start_over,
    use_primary,
)
from redistopo.model.remedies.remedy import (
    Remedy,
    RemedyClass,
    class_of,
    joined,
    loses,
    remedy_fields,
    rewritten,
)
from redistopo.model.state.finding import Finding, Status
from redistopo.session.to_json import to_json

SAFE, ASKS, DESTROYS = RemedyClass

CLASSES = {
    "redistopo up": SAFE,
    "redistopo resume node1; redistopo up": SAFE,
    "kill -CONT 17": SAFE,
    "redistopo call CLUSTER MEET 127.0.0.1 7000": SAFE,
    "omit --primary; once all nodes run: redistopo failover node2": SAFE,
    "redistopo up --rebuild node1": ASKS,
    "mv a a.damaged; redistopo up": SAFE,
    "redis-cli --cluster reshard 127.0.0.1:7000": SAFE,
    "redis-cli -p 7001 REPLICAOF NO ONE": SAFE,
    "redistopo call --node node1 CONFIG SET maxmemory 0": SAFE,
    "if it is yours, stop it: kill 17": ASKS,
    "kill -TERM 17": ASKS,
    "redistopo kill node1, then redistopo up": ASKS,
    "redistopo up --primary node1": ASKS,
    "redistopo down --wipe": ASKS,
    "redistopo down --wipe --yes": ASKS,
    "redistopo down --force": ASKS,
    "redistopo reset node2 --hard": ASKS,
    "redistopo reset node2 --hard --yes": ASKS,
    "redistopo secret rotate": ASKS,
    "redistopo cli node1 -- --cluster fix 127.0.0.1:7000": ASKS,
    "redis-cli -p 7001 REPLICAOF 127.0.0.1 7000": ASKS,
    "redis-cli CONFIG SET maxmemory 100mb": ASKS,
    "redistopo call CLUSTER FORGET 07c37df": DESTROYS,
    "redis-cli -p 7001 CLUSTER RESET HARD": DESTROYS,
    "redis-cli FLUSHALL; redis-cli CLUSTER MEET 127.0.0.1 7000": DESTROYS,
    "redis-cli CONFIG SET appendonly no": DESTROYS,
    "redis-cli CONFIG SET save ''": DESTROYS,
    "redis-check-aof --fix a.aof": DESTROYS,
    "redis-cli SHUTDOWN NOSAVE": DESTROYS,
    "redis-cli SHUTDOWN": ASKS,
    "redis-cli CLUSTER DELSLOTSRANGE 0 5": DESTROYS,
    "redis-cli --cluster del-node 127.0.0.1:7000 07c37df": DESTROYS,
    "redistopo call --node node4 CLUSTER FAILOVER TAKEOVER": ASKS,
    "SENTINEL RESET on each Sentinel": ASKS,
    "redistopo call --node node4 ACL DELUSER evil, or redistopo down, then up": ASKS,
    "redis-cli CONFIG SET maxmemory-policy allkeys-lru": ASKS,
    "redistopo restart node1 --force": ASKS,
    "redistopo down, then redistopo certs renew --new-ca": ASKS,
    "write a new file: redistopo init cluster --force": ASKS,
    "rm -r .redistopo/nodes/node9": DESTROYS,
    "kill -9 17": DESTROYS,
}


@pytest.mark.parametrize(("text", "kind"), CLASSES.items(), ids=CLASSES)
def test_a_text_has_the_class_of_its_worst_command(text: str, kind: RemedyClass) -> None:
    assert classify(text) is kind


def test_every_command_of_the_table_has_an_example() -> None:
    for one in COMMANDS:
        assert any(re.search(one.pattern, text) for text in CLASSES), one.pattern


@pytest.mark.parametrize(("kind", "lost"), [(SAFE, "keys"), (ASKS, ""), (DESTROYS, "")], ids=str)
def test_what_is_lost_is_named_if_anything_is(kind: RemedyClass, lost: str) -> None:
    with pytest.raises(ValueError, match="class"):
        Remedy("x", kind, lost)


def test_a_remedy_is_its_text_and_survives_copies() -> None:
    made = Remedy("redistopo down --wipe", ASKS, "data")
    again = copy.deepcopy(made)
    assert again == "redistopo down --wipe"
    assert (class_of(again), loses(again)) == (ASKS, "data")
    assert class_of("redistopo up") is SAFE
    assert rewritten(made, "other") == "other"
    assert class_of(rewritten(made, "other")) is ASKS


def test_joined_texts_have_the_highest_class_and_all_losses() -> None:
    asks, destroys = Remedy("a", ASKS, "keys"), Remedy("b", DESTROYS, "a node")
    both = joined(asks, "", "then", destroys, asks, by="; ")
    assert both == "a; then; b; a"
    assert remedy_fields(both) == {"class": "destroys", "loses": "keys; a node"}
    assert type(joined("a", "b")) is str


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        ("redistopo up", "redistopo up"),
        (
            reset_node("node1", "3 keys"),
            "redistopo reset node1   (asks first; would lose 3 keys)",
        ),
        (
            renew_ca(),
            "redistopo certs renew --new-ca   (asks first; would lose access of clients that have "
            "only the old CA)",
        ),
        (
            replace_file("", "redistopo init cluster"),
            "redistopo init cluster --force   (your choice; would lose the present file)",
        ),
        (
            use_primary(["node1"], "", "what node2 has"),
            "redistopo up --primary node1   (asks first; would lose what node2 has)",
        ),
        (Remedy("rm -r x", DESTROYS, "its files"), "rm -r x   (loses its files)"),
    ],
    ids=["safe", "asks", "new CA", "choice", "primary", "destroys"],
)
def test_what_would_be_lost_is_shown_in_words(hint: str, shown: str) -> None:
    assert warned(hint) == shown


def test_a_document_has_the_class_only_beside_a_hint() -> None:
    common = {"check": "a.b", "subject": "node1", "status": Status.FAIL, "evidence": "e"}
    told = to_json(Finding(**common, hint=start_over()))  # type: ignore[arg-type]
    assert isinstance(told, dict)
    assert told["hint"] == "to start over without the data: redistopo down --wipe"
    assert told["remedy"]["class"] == "asks"
    assert json.loads(json.dumps(told)) == told
    plain = to_json(Finding(**common, hint="redistopo up"))  # type: ignore[arg-type]
    assert isinstance(plain, dict)
    assert plain["remedy"] == {"class": "safe", "loses": ""}
    none = to_json(Finding(**common))  # type: ignore[arg-type]
    assert isinstance(none, dict)
    assert "remedy" not in none


def test_an_error_keeps_the_class_when_secrets_are_hidden(tmp_path: Path) -> None:
    from redistopo.model.topology.project_paths import Layout
    from redistopo.project.redact_secrets import hide

    error = RedistopoError("m", hint=start_over())
    hide(error, Layout(tmp_path))
    assert class_of(error.hint) is ASKS


GONE = CopySeen(node="node1", place=Place.DISK, may_exist=False)
THERE = CopySeen(node="node2", place=Place.RUNNING, may_exist=True)


def test_no_proof_is_made_where_a_copy_may_exist() -> None:
    assert no_other_copy("keys", [GONE, THERE]) is None
    proof = no_other_copy("keys", [GONE])
    assert proof is not None
    assert proof.looked == (GONE,)
    with pytest.raises(ValueError, match="node2 may have a copy"):
        NoOtherCopy(data="keys", looked=(GONE, THERE))
    with pytest.raises(ValueError, match="not read"):
        CopySeen(node="node3", place=Place.UNREAD, may_exist=False)


def test_without_the_proof_what_is_printed_is_safe() -> None:
    for made in (
        forget("redistopo call", "07c37df", "127.0.0.1:7009", None),
        leave_cluster("redis-cli -p 7009", "node9", None),
        assign_slots("redis-cli", "127.0.0.1:7000", None),
        settle_slots("redis-cli", "127.0.0.1:7000", None),
        remove_folder("nodes/node9", None),
        truncate_log("redis-check-aof --fix a", "a", None),
        set_live("redis-cli", "save", '""'),
    ):
        assert class_of(made) is SAFE
        assert classify(made) is SAFE, made
