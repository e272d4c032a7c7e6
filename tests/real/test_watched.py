"""A day's verbs where Sentinels watch, judged by what the servers themselves say."""

import json

import psutil
import pytest
from support.engines import BUNDLED
from support.forms import FULL
from support.judge import roles
from support.project import Done, Project
from support.telling import Telling
from support.waiting import until

QUICK = ("--down-after", "1000")


def _up(project: Project, *words: str) -> None:
    project.init("sentinel", *QUICK, *words, engine=BUNDLED.path)
    project.up()


def _did(done: Done) -> dict[str, str]:
    return {one["name"]: one["did"] for one in done.json["result"]["nodes"]}


def _named(project: Project, number: int = 1) -> int:
    """The port of the primary that a Sentinel names."""
    with project.sentinel(number) as node:
        return int(node.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "project")[1])


def _conf(project: Project, number: int) -> str:
    path = project.root / ".redistopo" / "nodes" / f"sentinel{number}" / "sentinel.conf"
    return path.read_text()


def _ids(text: str) -> set[str]:
    return {line for line in text.splitlines() if "myid" in line or "known-sentinel" in line}


def test_stop_and_start_of_sentinels_and_of_their_primary(project: Project) -> None:
    _up(project)
    before = _ids(_conf(project, 2))
    stopped = project.run("stop", "sentinel2", "sentinel3", check=0)
    assert "1 of 3 Sentinels is left: no failover until 2 run" in stopped.err
    lost = project.run("pause", "primary", "--json", check=0).json["result"]["losses"]
    assert lost == ["node1 is the primary, without failover: 1 of 3 Sentinels is no majority"]
    project.run("resume", check=0)
    tail = project.run("logs", "sentinel", "--grep", "bye bye", check=0).out
    # both at once: either may be the first
    assert sorted(line.split()[0] for line in tail.splitlines()) == ["sentinel2", "sentinel3"]
    assert ":X " in tail
    started = project.run("start", "sentinel", "--json", check=0)
    assert _did(started) == {
        "sentinel1": "runs already",
        "sentinel2": "started",
        "sentinel3": "started",
    }
    assert _ids(_conf(project, 2)) == before  # its own file, as it left it
    project.run("wait", "--timeout", "20s", check=0)
    # the primary: Sentinels choose another one, and it comes back as a replica
    stopped = project.run("stop", "primary", check=0)
    assert "the Sentinels promote one of node2, node3 after 1 s" in stopped.err
    refused = project.run("start", "node1", check=2)
    assert "redistopo up inspects all nodes" in refused.err
    until(lambda: all(_named(project, n) != project.port for n in (1, 2, 3)))
    project.run("start", "node1", check=0)
    found = roles(project.ports, project.password)
    assert [port for port, role in found.items() if role == "master"] == [_named(project)]
    # a Sentinel whose file was lost is known to the others by the id that it had
    project.run("kill", "sentinel2", check=0)
    (project.root / ".redistopo" / "nodes" / "sentinel2" / "sentinel.conf").unlink()
    project.run("start", "sentinel2", check=0)
    project.run("wait", "--timeout", "20s", check=0)
    assert {line for line in before if "myid" in line} <= _ids(_conf(project, 2))


def test_a_frozen_primary_that_goes_on_does_not_lead_beside_another(project: Project) -> None:
    _up(project)
    first, second = (f"127.0.0.1:{project.port + n}" for n in (0, 1))
    project.env["REDISTOPO_PASSWORD"] = project.password
    project.env["REDISTOPO_SENTINEL_PASSWORD"] = project.secret("sentinel")
    at = f"127.0.0.1:{project.port + 10}"
    with (
        Telling(project, "events", "--json") as own,
        Telling(project, "events", "--json", "--connect", at) as elsewhere,
        Telling(project, "watch", "--interval", "300ms", "--connect", second) as watching,
    ):
        until(lambda: len(own.lines) >= 6 and len(elsewhere.lines) >= 6)
        assert own.await_told(node="sentinel1", kind="now")["words"] == "sentinel, names node1"
        elsewhere.await_told(node=at, kind="now", words=f"sentinel, names {first}")
        until(lambda: any("3 nodes: 3 ok" in line for line in watching.lines))
        project.run("pause", "primary", check=0)
        own.await_told(node="node1", kind="odown")
        named = own.await_told(kind="named", was="node1")["now"]
        port = project.port + int(named.removeprefix("node")) - 1
        elsewhere.await_told(kind="named", was=first, now=f"127.0.0.1:{port}")
        until(lambda: roles([port], project.password)[port] == "master")
        done = project.run("resume", check=0)
        assert f"make node1 follow the primary {named}" in done.err
        assert roles(project.ports, project.password)[project.port] == "slave"
        own.await_told(node="node1", kind="cleared")
        # two Sentinels of three
        project.run("kill", "sentinel2", "sentinel3", check=0)
        own.await_told(node="sentinel3", kind="gone")
        own.await_told(node="", kind="quorum-lost")
        elsewhere.await_told(node="", kind="quorum-lost")
        assert project.run("wait", "--for", "started", "--timeout", "0s").code == 3
        assert project.run("wait", "--for", "replicated", "--connect", at, "--timeout", "0s").code
        project.run("start", check=0)
        own.await_told(node="", kind="quorum-back")
    project.run("wait", "--for", "replicated", check=0)
    project.run("wait", "--for", "started", "--connect", at, check=0)
    project.run("wait", "--timeout", "30s", "--connect", at, check=0)


def test_commands_go_to_each_node_with_its_own_key(project: Project) -> None:
    _up(project, "--replicas", "1")
    secrets = {project.password, project.secret("sentinel")}
    said = project.run("cli", "sentinel1", "--", "SENTINEL", "CKQUORUM", "project", check=0)
    assert said.out.startswith("OK 3 usable Sentinels")
    assert "master" in project.run("cli", "--", "ROLE", check=0).out
    assert "no user admin" in project.run("cli", "sentinel1", "--user", "admin", check=2).err
    every = project.run("call", "--json", "INFO", "server", check=0)
    told = {one["name"]: "redis_mode:sentinel" in one["reply"] or "server_mode:sentinel"
            in one["reply"] for one in every.json["result"]["replies"]}  # fmt: skip
    assert told == {name: name.startswith("sent") for name in told}
    assert len(told) == 5
    ask = ("call", "--json", "--node", "sentinel")
    (reply, *_) = project.run(*ask, "SENTINEL", "MASTERS", check=0).json["result"]["replies"]
    assert json.dumps(reply["reply"]).count("num-other-sentinels") == 1
    stranger = "hunter-of-nobody"
    asked = (
        ("SENTINEL", "CONFIG", "GET", "*"),
        ("SENTINEL", "SET", "project", "auth-pass", stranger),
        ("SENTINEL", "SET", "project", "auth-pass", project.password),
        ("ACL", "LIST"),
    )
    for words in asked:
        done = project.run(*ask, *words)
        assert not any(one in done.out + done.err for one in (*secrets, stranger)), words
    written = project.run("logs", "sentinel", check=0).out
    assert not any(one in written for one in (*secrets, stranger))
    assert "+set" in written
    project.run("kill", "primary", check=0)
    assert "no primary answers" in project.run("cli", check=1).err


@pytest.mark.skipif(not FULL, reason="test_drill_all has them one by one, in short")
def test_all_faults_of_the_built_in_scenario(project: Project) -> None:
    _up(project)
    result = project.run("drill", "all", "--json", check=0).json["result"]
    assert [one["nodes"] for one in result["drills"]][0::2] == [["node1"], ["sentinel1"]]
    assert all(one["report"]["passed"] for one in result["drills"])
    assert result["drills"][2]["report"]["traffic"]
    project.run("verify", check=0)
    found = roles(project.ports, project.password)
    assert list(found.values()).count("master") == 1
    assert all(_named(project, n) == _named(project) for n in (1, 2, 3))


def test_a_sentinel_that_stood_still_has_no_say_for_a_while(project: Project) -> None:
    """It is in TILT then; a drill that needs it would fail, and isn't done."""
    _up(project)
    for one in [one for one in project.servers() if "/nodes/sentinel" in one.cwd()][:2]:
        psutil.Process(one.pid).suspend()
    assert project.run("wait", "--for", "healthy", "--timeout", "2500ms").code == 3
    done = project.run("resume", check=0)
    assert "in TILT, and takes part in no failover for 30 s" in done.err
    states = [one["state"] for one in project.run("status", "--json").json["result"]["nodes"]]
    assert states.count("tilt") == 2
    checked = project.run("demo", "--check", "--ttl", "1s", "--db-delay", "20ms", check=3).out
    assert (
        "FAIL  no primary was stopped, because no replica can take over from node1: 1 of 3"
        in checked
    )
    assert "PASS" not in checked
    warned = project.run("stop", "primary", check=0).err
    assert "without failover: 1 of 3 Sentinels is no majority" in warned
