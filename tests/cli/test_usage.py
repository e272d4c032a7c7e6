"""What newcomers type first: other tools' words and forms, --help, folders, formats."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.forked import FORKER
from support.project import COMMAND, Project
from support.terminal import Terminal

from redistopo.cli.other_tools import ANSWERS
from redistopo.cli.verbs import GROUPS, VERBS
from redistopo.model.remedies.commands import warned


@pytest.mark.parametrize("columns", [80, 100])
def test_the_verbs_fit_one_screen_in_groups(project: Project, columns: int) -> None:
    terminal = Terminal(project, "--help", columns=columns, rows=60)
    assert terminal.end() == 0
    lines = terminal.read().rstrip().splitlines()
    assert len(lines) <= 40
    assert all(len(line) <= columns for line in lines)
    assert all(f"\n{group}:" in terminal.read() for group in GROUPS)
    assert all(f" {verb}" in terminal.read() for verb in VERBS)
    listed = project.run("help", check=0).out
    assert listed == project.run("--help", check=0).out
    assert project.run("help", "secret", "rotate", check=0).out == (
        project.run("secret", "rotate", "--help", check=0).out
    )
    assert "has no verb 'secrt'" in project.run("help", "secrt", check=2).err


def test_version_is_a_verb_too(project: Project) -> None:
    told = project.run("--version", check=0).out
    assert project.run("version", check=0).out == told
    version = project.run("version", "--json", check=0).json["result"]["version"]
    assert told == f"redistopo {version}\n"


WRONG = {
    "create": "redistopo init cluster; then redistopo up",
    "ls": "redistopo ps lists topologies",
    "stauts": "redistopo status",
    "stat": "redistopo start or redistopo status",
    "crate": "redistopo --help lists them",
    "drill failovr": "redistopo drill failover",
    "status -w": "redistopo watch",
    "down -v": "redistopo down --wipe",
    "up --tineout 3s": "redistopo up --timeout",
    "set maxmemory": "redistopo set maxmemory VALUE",
    "down --wipe": "redistopo down --wipe --yes",
    "restart --restore-roles": "redistopo restart --rolling --restore-roles",
    "up --timeout soon": "redistopo up --help",
    "status -C redistopo.toml": "name its folder: -C .",
    "export": "redistopo export --help",  # in two lines, without a list of the formats
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_command_line_is_answered_with_the_right_one(project: Project, words: str) -> None:
    if "redistopo.toml" in words:
        project.init("standalone", engine=BUNDLED.path)
    done = project.run(*words.split(), check=2, installed=False)
    error, following = done.err.splitlines()
    assert error.startswith("Error: ")
    assert following.startswith(f"  Next: {WRONG[words]}")
    for form in (["--json"], ["-o", "json"], ["--output=json"]):
        told = project.run(*words.split(), *form, check=2, installed=False).json["error"]
        assert told["hint"].startswith(WRONG[words])


@pytest.mark.parametrize("word", ANSWERS)
def test_a_verb_of_another_tool_has_a_pointed_answer(project: Project, word: str) -> None:
    assert f"  Next: {warned(ANSWERS[word])}\n" in project.run(word, check=2, installed=False).err


def test_forms_of_other_tools_work(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    assert len(project.run("logs", "node1", "-n", "2", check=0).out.splitlines()) == 2
    shown = project.run("status", "shard2", "--json", check=0).json["result"]["nodes"]
    assert {one["shard"] for one in shown} == {2}
    project.run("set", "maxmemory=90mb", check=0)
    with project.client() as node:
        assert node.config_get("maxmemory") == {"maxmemory": str(90 * 2**20)}
    for verb in ("stop", "failover"):
        assert "shard 2 is shard:2, node 2 is node2" in project.run(verb, "2", check=2).err
    stopped = project.run("stop", "shard2", "replica", "--json", check=0).json["result"]["nodes"]
    assert [one["did"] for one in stopped] == ["stopped"]
    killed = project.pid(1)
    assert "node1" in project.run("kill", "-9", "node1", check=0).out
    assert killed not in [one.pid for one in project.servers()]
    paused = project.run("kill", "-STOP", "node3", check=0).out
    assert "node3" in paused
    project.run("kill", "--signal", "CONT", "node3", check=0)


def test_a_folder_above_is_found_and_named(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    below = project.root / "src" / "deep"
    below.mkdir(parents=True)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return FORKER.run([COMMAND, *words], below, project.environment(), 60)

    found = run("status")
    assert found.returncode == 0
    assert found.stderr == f"note: using the topology in {project.root}\n"
    told = json.loads(run("logs", "--json", "-n", "1").stderr)
    assert told == {"event": "note", "text": f"using the topology in {project.root}"}
    assert run("status", "-q").stderr == ""
    elsewhere = run("verify", "--connect", f"127.0.0.1:{project.port}")
    assert "using the topology" not in elsewhere.stderr
    # init makes a topology here, and -C is obeyed, before and after the verb
    assert str(below) in run("init", "standalone").stdout
    assert run("status").stderr == ""
    for words in (("-C", "../..", "status"), ("status", "-C", "../..")):
        assert run(*words).stdout.startswith(f"{project.root.name}: ")
        assert run(*words).stderr == ""
    # what is to be typed next names the folder that -C named, if it is another one
    assert "Data is kept: redistopo -C ../.. up starts" in run("down", "-C", "../..").stdout
    assert "Start it: redistopo -C ../.. up\n" in run("-C", "../..", "status").stdout
    assert "evenly: redistopo -C ../.. rebalance; or to" in run("undo", "-C", "../..").stderr
    assert "redistopo -C 'a b' up\n" in run("init", "standalone", "-C", "a b").stdout
    assert "Start it: redistopo up\n" in project.run("status", "-C", ".").out
    project.env["REDISTOPO_DIR"] = "../.."
    assert "Start it: redistopo up\n" in run("status").stdout


def test_somebody_elses_file_above_is_not_used(project: Project, tmp_path: Path) -> None:
    # it could name any program as the engine
    (tmp_path / "redistopo.toml").write_text('format = 1\nshape = "standalone"\n')
    if (tmp_path / "redistopo.toml").stat().st_uid == 0:
        subprocess.run(["chown", "nobody", str(tmp_path / "redistopo.toml")], check=True)
        assert "there is no redistopo.toml" in project.run("status", check=2).err


def test_without_a_topology_those_of_ps_are_named(project: Project) -> None:
    project.init("standalone", "--name", "known", engine=BUNDLED.path)
    project.up()
    empty = project.root / "empty"
    empty.mkdir()
    for words in (("status",), ("logs",), ("down",), ("stop", "node1")):
        done = project.run(*words, "-C", str(empty), check=2)
        assert f"  known: standalone in {project.root}\n" in done.err
        assert "redistopo init cluster; or use one of these: redistopo -C " in done.err
    (project.root / "redistopo.toml").unlink()  # -C would fail
    assert "known" not in project.run("status", "-C", str(empty), check=2).err


def test_up_again_prints_one_line_and_connect_prints_the_rest(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    first = project.run("up", check=0)
    assert "\nConnect:\n" in first.out
    again = project.run("up", check=0)
    assert again.err == ""
    assert again.out.count("\n") == 1
    assert "is up already: nothing to do, verified: " in again.out
    # a change is told again, with its steps
    project.run("stop", "node2", check=0)
    changed = project.run("up", check=0)
    assert "start node2" in changed.err
    assert "\nConnect:\n" in changed.out
    lines = project.run("connect", check=0).out.splitlines()
    assert all(f"  {line}\n" in first.out for line in lines)
    told = project.run("connect", "--json", check=0).json["result"]
    assert told["connect"] == project.run("up", "--json", check=0).json["result"]["connect"]
    one = project.run("connect", "redis-py", check=0).out
    assert one == project.run("connect", "python", check=0).out
    assert project.password not in first.out + one + "".join(lines)
    # the line is Python
    code = f"import os, redis; print({one.strip().rpartition('; ')[2]}.ping())"
    python = str(Path(COMMAND).parent / "python")
    env = {**project.environment(), "REDISCLI_AUTH": project.password}
    done = subprocess.run([python, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert "clients: shell, url, python" in project.run("connect", "perl", check=2).err
    project.run("down", check=0)
    assert "doesn't run now" in project.run("connect", check=0).err


@pytest.mark.parametrize("streams", ["2>&1 |", "2>&1 >/dev/null |", "|"])
def test_a_reader_that_leaves_early_changes_no_exit_code(project: Project, streams: str) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    command = COMMAND if streams == "|" else project.command
    verbs = (("up", 0), ("up", 0), ("up --timeout x", 2), ("verify --json", 0))
    for words, code in (*verbs, ("--help", 0), ("help up", 0), ("schema", 0), ("secret", 2)):
        script = f"{command} {words} {streams} head -n 1; echo ${{PIPESTATUS[0]}}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=project.root, env=project.environment(),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stdout.splitlines()[-1] == str(code), (words, done)
        assert "Traceback" not in done.stderr + done.stdout
        assert "Broken" not in done.stderr + done.stdout


def test_quiet_leaves_a_requested_value(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    assert project.run("secret", "show", "-q", check=0).out.strip() == project.password
    assert project.run("call", "-q", "ECHO", "hello", check=0).out.split()[-1] == "hello"
    for words in (("connect", "url"), ("version",), ("explain", "slots")):
        told = project.run(*words, check=0).out
        assert project.run(*words, "--quiet", check=0).out == told != ""
    assert project.run("verify", "-q", check=0).out == ""


def test_a_folder_with_an_accent_works_where_the_locale_is_c(project: Project) -> None:
    folder = project.root / "été"
    folder.mkdir()
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    there = replace(project, root=folder, env=plain)
    there.init("standalone", engine=BUNDLED.path)
    there.up()
    with there.client() as node:
        assert node.config_get("dir")["dir"].startswith(str(folder))
    assert "not started" not in there.run("status", check=0).out
    there.run("down", "--wipe", "--yes", check=0)


def test_times_are_local_with_their_offset_in_json(project: Project) -> None:
    project.env["TZ"] = "Asia/Kathmandu"
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    for words in (("events", "--for", "1ms"), ("logs", "-n", "1")):
        told = json.loads(project.run(*words, "--json", check=0).out)
        assert told["at"].endswith("+05:45")
    moment = project.run("events", "--for", "1ms", check=0).out.split()[0]
    assert "+" not in moment
    hour = json.loads(project.run("events", "--for", "1ms", "--json", check=0).out)["at"][:13]
    assert moment[:13] <= hour


def test_output_is_one_option_before_and_after_the_verb(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    wanted = project.run("status", "--json", check=0).json
    for words in (("-o", "json", "status"), ("--json", "status"), ("status", "--output", "json")):
        assert project.run(*words, check=0).json == wanted
    assert "'xml' is not one of" in project.run("status", "-o", "xml", check=2).err
