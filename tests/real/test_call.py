"""`call` and `cli`: commands to nodes, judged by what the servers themselves say."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from support.engines import BUNDLED, ENGINES, TLS
from support.project import COMMAND, Project
from support.waiting import until

_BY_AGE = sorted(ENGINES, key=lambda name: ENGINES[name].version)
EDGES = dict.fromkeys([_BY_AGE[0], _BY_AGE[-1]])

CLUSTER = ("cluster", "--formation", "instant", "--node-timeout", "1000")


def _secret(project: Project, user: str) -> str:
    return (project.root / ".redistopo" / f"password.{user}").read_text().strip()


def test_a_command_on_all_or_some_nodes_of_a_cluster(project: Project) -> None:
    project.init(*CLUSTER, engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.execute_command("SET", "{06S}mine", "yes")  # a slot of the first shard
    done = project.run("call", "GET", "{06S}mine", check=1)
    rows = [line.split(maxsplit=2) for line in done.out.splitlines()[1:]]
    assert rows[0] == ["node1", "primary", "yes"]
    assert rows[1][2].startswith("(error) MOVED ")
    some = project.run("call", "--node", "shard:2 replica", "--json", "CONFIG", "GET", "maxmemory")
    (reply,) = some.json["result"]["replies"]
    assert (reply["name"], reply["role"]) == ("node5", "replica")
    assert reply["reply"] == {"maxmemory": "0"}
    two = project.run("call", "--node", "node1", "--node", "node4", "CLUSTER", "MYID", check=0)
    assert len(two.out.splitlines()) == 3
    assert project.run("call", "--node", "node9", "PING", check=2).err.startswith("Error: ")
    # what was typed for us after the command is asked about, and `--` says for whom it is
    assert "put options before it" in project.run("call", "ECHO", "--json", check=2).out
    assert "  --json\n" in project.run("call", "--", "ECHO", "--json", check=0).out


@pytest.mark.parametrize("engine", EDGES)
def test_nested_and_long_replies_errors_and_patience(project: Project, engine: str) -> None:
    project.init("replication", engine=ENGINES[engine].path)
    project.up()
    one = ("call", "--node", "node1")
    nested = project.run(*one, "EVAL", "return {1,{2,'x'},false}", "0", check=0).out
    assert [line.split("primary  ")[1] for line in nested.splitlines()[1:]] == [
        "1) 1",
        "2) 1) 2",
        "   2) x",
        "3) (nil)",
    ]
    info = project.run("call", "INFO", "memory", check=0).out
    for name in ("node1", "node2", "node3"):
        lines = [line for line in info.splitlines() if line.startswith(name)]
        assert any("used_memory_human:" in line for line in lines)
    wrong = project.run("call", "SET", "a", "1", check=1).out
    assert "node1  primary  OK" in wrong
    assert wrong.count("(error) READONLY ") == 2
    assert "(error) ERR unknown command" in project.run(*one, "NONSENSE", check=1).out
    assert "(error) WRONGTYPE " in project.run(*one, "LPUSH", "a", "1", check=1).out
    late = project.run(*one, "--timeout", "300ms", "BLPOP", "never", "0", check=1)
    assert "(error) no reply within 0.3 s" in late.out


def test_who_does_not_answer_is_shown(project: Project) -> None:
    assert "there is no redistopo.toml" in project.run("call", "PING", check=2).err
    project.init("replication", engine=BUNDLED.path)
    assert "nothing was started" in project.run("call", "PING", check=1).err
    assert "nothing was started" in project.run("cli", check=1).err
    project.up()
    project.run("kill", "node2", check=0)
    project.run("pause", "node3", check=0)
    done = project.run("call", "--json", "PING", check=1).json["result"]["replies"]
    assert [one["reply"] for one in done] == ["PONG", None, None]
    assert [one["error"] for one in done] == [
        "",
        "its process isn't running",
        "its process is paused (SIGSTOP)",
    ]
    assert "redistopo start node2" in project.run("cli", "node2", check=1).err
    assert "redistopo resume node3" in project.run("cli", "node3", check=1).err
    project.run("kill", "node1", check=0)
    assert "no primary answers" in project.run("cli", check=1).err


def test_no_secret_in_any_reply(project: Project) -> None:
    project.init("replication", "--acl", engine=BUNDLED.path)
    project.up()
    secrets = {project.password, _secret(project, "admin"), _secret(project, "replication")}
    strange = "0123456789abcdef" * 4
    project.run("call", "ACL", "SETUSER", "bob", f"#{strange}", check=0)
    asked = (
        ["CONFIG", "GET", "*"],
        ["ACL", "LIST"],
        ["ACL", "GETUSER", "bob"],
        [
            "CONFIG",
            "SET",
            "masteruser",
            "replication",
            "masterauth",
            _secret(project, "replication"),
        ],
        ["ECHO", project.password],
    )
    for number, words in enumerate(asked):
        done = project.run("call", *(["--json"] if number % 2 else []), *words, check=0)
        said = done.out + done.err
        assert not any(secret in said for secret in secrets), words
        assert strange not in said
    # but for the secrets, all is told
    users = project.run("call", "--node", "node1", "ACL", "LIST", check=0).out
    assert "user bob off" in users


@pytest.mark.parametrize("engine", EDGES)
def test_cli_comes_in(project: Project, engine: str) -> None:
    """The oldest has a CLI of its own; for the newest, which has none, another is found."""
    project.init("standalone", engine=ENGINES[engine].path)
    project.up()
    port = project.run("cli", "node1", "--", "CONFIG", "GET", "port", check=0).out
    assert port.split() == ["port", str(project.port)]


def test_cli_finds_its_way_in_a_cluster(project: Project) -> None:
    project.init(*CLUSTER, engine=BUNDLED.path)
    project.up()
    # each primary has its share of the keys: -c finds it
    for key in ("a", "b"):
        assert project.run("cli", "--", "SET", key, "yes", check=0).out == "OK\n"
        assert project.run("cli", "shard:3 primary", "--", "GET", key, check=0).out == "yes\n"
    several = project.run("cli", "replica", "--", "PING", check=2)
    assert "replica matches 3 nodes" in several.err
    without = project.run("cli", "primary", "GET", "a key", check=2).err
    assert "what the CLI is to get follows --: redistopo cli primary -- GET 'a key'\n" in without
    # an option of the CLI's own, its exit code, and an empty password of another's
    project.env["REDISCLI_AUTH"] = ""
    assert project.run("cli", "--", "--no-such-option").code == 1
    assert project.run("cli", "--", "PING", check=0).out == "PONG\n"
    told = project.run("cli", "node2", "--json", "--", "PING", check=0)
    assert told.json["result"]["argv"][1:] == [
        "-h", "127.0.0.1", "-p", str(project.port + 1), "-c", "PING",
    ]  # fmt: skip
    assert project.password not in told.out


def test_cli_is_our_process_and_shows_no_password(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    process = subprocess.Popen(
        [COMMAND, "cli"],
        cwd=project.root,
        env=project.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write("CLIENT SETNAME seen\nBLPOP never 0\n")
    process.stdin.flush()
    until(lambda: Path(BUNDLED.cli).name in psutil.Process(process.pid).exe())
    assert project.password not in " ".join(psutil.Process(process.pid).cmdline())
    process.terminate()
    process.communicate()
    assert process.returncode == -15


def test_without_a_password_none_is_sent(project: Project) -> None:
    project.init("standalone", "--no-auth", engine=BUNDLED.path)
    project.up()
    done = project.run("cli", "--", "PING", check=0)
    assert (done.out, done.err) == ("PONG\n", "")
    assert project.run("cli", "--json", check=0).json["result"]["variables"] == []


@pytest.mark.skipif(TLS is None, reason="no server with TLS: apt install redis-server")
def test_cli_and_call_behind_tls_and_acl(project: Project) -> None:
    assert TLS is not None
    project.init("replication", "--tls", "--acl", engine=TLS.path)
    project.up()
    assert project.run("cli", "--", "ACL", "WHOAMI").out == "default\n"
    refused = project.run("cli", "--", "CONFIG", "GET", "port")
    assert "NOPERM" in refused.out + refused.err
    as_admin = project.run("cli", "node3", "--user", "admin", "--", "ACL", "WHOAMI", check=0)
    assert as_admin.out == "admin\n"
    assert project.run("call", "ACL", "WHOAMI", check=0).out.count("admin") == 3
    assert project.run("cli", "--user", "nobody", check=2).err


def test_no_cli_on_this_machine(project: Project, tmp_path: Path) -> None:
    """The servers run on, and `call` needs none."""
    server = tmp_path / "bin" / "valkey-server"
    server.parent.mkdir()
    shutil.copy(BUNDLED.path, server)
    project.init("standalone", engine=str(server))
    project.up()
    script = (
        "import importlib.util, redistopo.host.engine_search as e; e._BUNDLED.clear()\n"
        "from redistopo.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "cli", "--json"],
        cwd=project.root,
        env={**project.environment(), "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "redistopo call" in json.loads(done.stdout)["error"]["hint"]
