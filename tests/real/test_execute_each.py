"""Several servers are asked at once: none is waited for alone, and equal replies are one object."""

import os
import signal
import time

from support.byhand import ByHand, listening
from support.project import Project

from redistopo.client.connection import Connections
from redistopo.client.execute_each import execute_each
from redistopo.errors import Unreachable
from redistopo.model.protocol.credentials import Login, single_credential
from redistopo.model.protocol.endpoint import Endpoint


def test_who_is_silent_or_refuses_delays_no_other(project: Project, by_hand: ByHand) -> None:
    there = [Endpoint("127.0.0.1", project.port + n) for n in range(7)]
    *silent, answering, other, gone = there
    pids = [by_hand.start(one.port) for one in silent]
    for one in (answering, other):
        by_hand.start(one.port)
    for one in there[:-1]:
        listening(one.port)
    asked = {one: [("ECHO", str(one.port)), ("CONFIG", "GET", "databases")] for one in there}
    with Connections(single_credential(Login()), seconds=0.5) as client:
        for _ in range(2):  # the second time over the connections of the first
            found = execute_each(client, asked)
            for one in there[:-1]:
                assert found[one].replies == [str(one.port), ["databases", "16"]]
            assert isinstance(found[gone].error, Unreachable)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        found = execute_each(client, asked)
        took = time.monotonic() - began
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        assert [one for one in there if found[one].error is None] == [answering, other]
        assert all("timed out" in str(found[one].error.detail) for one in silent)
        assert took < 0.5 * len(silent)  # not one after the other
        # the late replies were to connections that are closed
        again = execute_each(client, {one: [("ECHO", "again")] for one in silent})
        assert [again[one].replies for one in silent] == [["again"]] * len(silent)


def test_equal_replies_are_one_object(project: Project, by_hand: ByHand) -> None:
    ends = [Endpoint("127.0.0.1", port) for port in range(project.port, project.port + 3)]
    for number, one in enumerate(ends):
        by_hand.start(one.port, "--databases", "16" if number < 2 else "3")
        listening(one.port)
    same = ("CONFIG", "GET", "databases")
    with Connections(single_credential(Login())) as client:
        asked = {one: [same, ("PING",)] for one in ends}
        found = execute_each(client, asked, alike=[same])
        assert [found[one].replies[0][1] for one in ends] == ["16", "16", "3"]
        asked.pop(ends[2])  # it may have replied between the others
        first, second = (one.replies for one in execute_each(client, asked, alike=[same]).values())
        assert first == second == [["databases", "16"], "PONG"]
        assert first[0] is second[0]
