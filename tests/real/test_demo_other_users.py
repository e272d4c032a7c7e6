"""The demo serves its own user: another user of the machine gets nothing, and can't fill it."""

import socket
import subprocess
import sys
from contextlib import ExitStack

import pytest
from support.demo import Demo
from support.engines import BUNDLED
from support.other_user import NEEDS_ROOT, OTHER_UID, as_user
from support.ports import leased
from support.project import Project

_ASK = """
import http.client, sys
link = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
try:
    link.request(sys.argv[2], sys.argv[3])
    print("got", link.getresponse().status)
except (OSError, http.client.HTTPException):
    print("nothing")
"""


def _asked(uid: int | None, port: int, method: str, path: str) -> str:
    argv = [sys.executable, "-c", _ASK, str(port), method, path]
    done = subprocess.run(
        as_user(uid, *argv) if uid else argv, capture_output=True, text=True, check=True, timeout=30
    )
    return done.stdout.strip()


@NEEDS_ROOT
@pytest.mark.fault(
    "another user of the machine opens the demo's page, or connects without end",
    "the connection is closed before anything is read or written (Linux)",
)
def test_another_user_gets_nothing_of_the_demo(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with ExitStack() as stack:
        port = stack.enter_context(leased())
        demo = stack.enter_context(Demo(project, port))
        assert _asked(None, demo.port, "GET", "/") == "got 200"
        for method, path in (("GET", "/"), ("POST", "/actions/stop"), ("GET", "/events")):
            assert _asked(OTHER_UID, demo.port, method, path) == "nothing"
        crowd = "import socket,sys,time\n" + (
            "at = '127.0.0.1', int(sys.argv[1])\n"
            "links = [socket.create_connection(at) for _ in range(1100)]\n"
            "print('connected', flush=True)\ntime.sleep(60)\n"
        )
        argv = as_user(OTHER_UID, sys.executable, "-c", crowd, str(demo.port))
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdout.readline() == "connected\n"
            assert _asked(None, demo.port, "GET", "/") == "got 200"
            process.kill()


def test_a_request_that_drips_is_closed(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with ExitStack() as stack:
        port = stack.enter_context(leased())
        demo = stack.enter_context(Demo(project, port))
        link = stack.enter_context(socket.create_connection(("127.0.0.1", demo.port)))
        link.settimeout(0.5)
        for _ in range(40):
            try:
                link.sendall(b"X")
                assert link.recv(10) == b""
                break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("after 20 s the connection was still open")
