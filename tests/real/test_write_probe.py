"""The write probe: what `up` and `verify` send to prove that replicas have a write."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from support.engines import BUNDLED
from support.project import Project
from support.waiting import until

from redistopo.client.target import Detail
from redistopo.session.health import with_write_probe
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest


def _unread(port: int) -> bool:
    """Whether a client of this server sent what the server has not read yet."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _number, local, _remote, state, queues, *_rest = line.split()
        if local.endswith(f":{port:04X}") and state == "01" and int(queues.partition(":")[2], 16):
            return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_replica_that_is_late_is_asked_to_acknowledge(project: Project) -> None:
    """A primary that missed its acknowledgement of the full sync streams nothing to it, not even
    WAIT's own request for one, until the replica sends the next, up to a second later."""
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    port = project.ports[1]
    with project.client(port) as raw:
        raw.config_set("slowlog-log-slower-than", 0)
        replica = psutil.Process(project.pid(2))
        with (
            open_session(SessionRequest(root=project.root)) as session,
            ThreadPoolExecutor(1) as pool,
        ):
            seen = session.observe(Detail.FULL)
            replica.send_signal(signal.SIGSTOP)
            try:
                probed = pool.submit(with_write_probe, seen, session.client)
                until(lambda: _unread(port), what="the replica was sent nothing")
            finally:
                replica.send_signal(signal.SIGCONT)
            assert [one.error for one in probed.result().write_probes or ()] == [""]
        logged = raw.execute_command("SLOWLOG", "GET", 100)
    askers = {one[4] for one in logged if one[3] == ["REPLCONF", "GETACK", "*"]}
    assert askers - {f"127.0.0.1:{project.port}"}
