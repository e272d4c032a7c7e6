"""What errors print is typed as it is printed, in the situation that prints it: the verb that was
refused works then, by what the servers reply."""

import re
import shlex
import signal
from collections.abc import Callable

import psutil
import pytest
from support.engines import BUNDLED, TLS
from support.project import Project
from support.remedies import type_hint
from support.waiting import until


def _answers(project: Project, *numbers: int) -> list[bool]:
    found = []
    for number in numbers:
        with project.client(project.port + number - 1) as client:
            found.append(bool(client.ping()))
    return found


def test_verbs_before_the_first_up_name_what_makes_them_work(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    type_hint(project, 2, "secret", "show")
    assert _answers(project, 1, 2) == [True, True]
    assert project.run("secret", "show", check=0).out.strip() == project.password
    project.run("down", "--wipe", "--yes", check=0)
    type_hint(project, 1, "secret", "rotate", "--yes")
    before = project.password
    project.run("secret", "rotate", "--yes", check=0)
    assert project.password != before
    assert _answers(project, 1, 2) == [True, True]


def test_verbs_for_stopped_and_paused_nodes_name_what_starts_them(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    with project.client() as client:
        client.set("a", "1")
    project.run("stop", "node1", "node2", "--yes", check=0)
    type_hint(project, 1, "cli", "--", "GET", "a")
    assert project.run("cli", "--", "GET", "a", check=0).out == "1\n"
    project.crash(2)
    type_hint(project, 2, "drill", "failover", "--node", "node2", "--yes", "--force")
    assert _answers(project, 1, 2) == [True, True]
    project.run("stop", "node2", "--yes", check=0)
    type_hint(project, 1, "cli", "node2", "--", "PING")
    assert _answers(project, 2) == [True]

    frozen = psutil.Process(project.pid(2))
    frozen.send_signal(signal.SIGSTOP)
    type_hint(project, 1, "cli", "node2", "--", "PING")
    until(lambda: frozen.status() != psutil.STATUS_STOPPED)
    assert _answers(project, 2) == [True]


def test_names_that_do_not_exist_lead_to_a_list_of_those_that_do(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    type_hint(project, 2, "connect", "cobol")
    type_hint(project, 2, "explain", "quantum")
    assert _answers(project, 1) == [True]


@pytest.mark.skipif(TLS is None, reason="no server with TLS: apt install redis-server")
def test_a_topology_with_tls_is_made_in_another_folder_by_what_certs_prints(
    projects: Callable[[str], Project],
) -> None:
    plain, other = projects("plain"), projects("other")
    plain.init("standalone", engine=BUNDLED.path)
    hint = plain.run("certs", "renew", "--json", check=2).json["error"]["hint"]
    words = hint.partition("in another folder: redistopo ")[2]
    other.run(*shlex.split(words), check=0)
    other.size = 1
    path = other.root / "redistopo.toml"
    path.write_text(re.sub(r"(?m)^port = .*$", f"port = {other.port}", path.read_text()))
    type_hint(other, 1, "certs", "renew")
    assert TLS is not None
    done = other.run("call", "--", "CONFIG", "GET", "tls-port", check=0)
    assert str(other.port) in done.out
    with other.client() as client, pytest.raises(Exception, match="Connection"):
        client.ping()
