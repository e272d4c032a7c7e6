"""How a server is ended, by what it replies."""

from dataclasses import replace

import pytest

from redistopo.model.planning.shutdown_decision import (
    Ending,
    LastReply,
    after_refusal,
    can_be_asked,
    data_is_to_be_kept,
    how_to_end,
    how_to_end_unasked,
)
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.endpoint import Endpoint
from redistopo.model.state.observed import NodeSeen, ProcessState

INFO = {"process_id": "7", "aof_enabled": "1", "aof_last_write_status": "ok"}
FAILED = {"aof_last_bgrewrite_status": "err"}
REWRITING = {"aof_rewrite_in_progress": "1"}
BUSY = LastReply(info=INFO, error="BUSY Redis is busy running a script")


def node(info: dict[str, str] = INFO, error: str = "") -> NodeSeen:
    return NodeSeen(name="node1", endpoint=Endpoint("h", 1), pid=7, info=info, error=error)


def last(damage: str = "", **more: str) -> LastReply:
    return LastReply(info={**INFO, **more}, log_damage=damage)


CASES = [
    ("it keeps data", last(), True, False, Ending.SAVE),
    ("it keeps none", last(), False, False, Ending.NOSAVE),
    ("another server", last(process_id="8"), True, False, Ending.SIGNAL),
    ("a script", BUSY, True, False, Ending.WAIT),
    ("a script, lossy", BUSY, True, True, Ending.NOSAVE),
    ("a full disk", last(aof_last_write_status="err"), True, False, Ending.LEAVE),
    ("a full disk, lossy", last(aof_last_write_status="err"), True, True, Ending.SAVE),
    ("a damaged log", last("cut"), True, False, Ending.REWRITE),
    ("a damaged log, lossy", last("cut"), True, True, Ending.SAVE),
    ("a damaged log of no use", last("cut"), False, False, Ending.NOSAVE),
    ("its rewrite runs", last("cut", **REWRITING), True, False, Ending.WAIT),
    ("its rewrite failed", last("cut", **FAILED), True, False, Ending.LEAVE),
]


@pytest.mark.parametrize(
    ("reply", "keeps", "lossy", "ending"), [one[1:] for one in CASES], ids=[one[0] for one in CASES]
)
def test_the_last_reply_decides(reply: LastReply, keeps: bool, lossy: bool, ending: Ending) -> None:
    assert how_to_end(node(), reply, keeps=keeps, lossy=lossy) is ending


@pytest.mark.parametrize(
    ("reply", "keeps", "lossy", "ending"), [one[1:] for one in CASES], ids=[one[0] for one in CASES]
)
def test_a_log_that_the_next_start_loads_needs_no_snapshot(
    reply: LastReply, keeps: bool, lossy: bool, ending: Ending
) -> None:
    whole = reply == last() and keeps
    found = how_to_end(node(), reply, keeps=keeps, lossy=lossy, loads_log=True)
    assert found is (Ending.LOG if whole else ending)
    no_log = replace(reply, info={**reply.info, "aof_enabled": "0"})
    assert how_to_end(node(), no_log, keeps=keeps, lossy=lossy, loads_log=True) is not Ending.LOG


@pytest.mark.parametrize(
    ("reply", "lossy", "ending"),
    [
        (last(), False, Ending.NOSAVE),  # its log has everything
        (last("cut"), False, Ending.WAIT),
        (last(aof_enabled="0"), False, Ending.WAIT),
        (last(aof_enabled="0"), True, Ending.NOSAVE),
    ],
)
def test_a_server_that_refused_to_save_may_have_it_all_in_its_log(
    reply: LastReply, lossy: bool, ending: Ending
) -> None:
    assert after_refusal(reply, lossy=lossy) is ending


@pytest.mark.parametrize(
    ("seen", "can"),
    [
        (node(), True),
        (node({**INFO, "process_id": "8"}), False),
        (node({}, "BUSY Redis is busy running a script"), True),
        (node({}, "Timeout"), False),
    ],
)
def test_only_the_node_itself_is_asked(seen: NodeSeen, can: bool) -> None:
    assert can_be_asked(seen) is can


@pytest.mark.parametrize(
    ("gone", "lossy", "ending"),
    [
        (True, False, Ending.LEAVE),
        (True, True, Ending.SIGNAL),
        (False, False, Ending.SIGNAL),
    ],
)
def test_what_a_signal_would_save_into_a_removed_folder_is_not_lost(
    gone: bool, lossy: bool, ending: Ending
) -> None:
    seen = replace(node({}, "NOAUTH"), folder_lost=gone, process=ProcessState.RUNNING)
    assert how_to_end_unasked(seen, lossy=lossy) is ending


OFF, LOG = read_conf('save ""'), read_conf("appendonly yes")


@pytest.mark.parametrize(
    ("live", "started", "rendered", "kept"),
    [
        (None, None, None, True),  # nothing is known: nothing is given up
        (None, None, OFF, False),
        (None, None, LOG, True),
        (None, LOG, OFF, True),
        ({"save": ""}, OFF, OFF, False),
        ({"save": "60 1"}, OFF, OFF, True),
        ({"appendonly": "no", "save": ""}, LOG, OFF, True),
    ],
)
def test_data_is_kept_where_any_configuration_keeps_it(
    live: dict[str, str] | None, started: object, rendered: object, kept: bool
) -> None:
    reply = LastReply(info=INFO, config=live) if live is not None else None
    assert data_is_to_be_kept(reply, started, rendered) is kept  # type: ignore[arg-type]
