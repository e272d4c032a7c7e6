"""`run`: a command with a topology; its exit code, its signals, its terminal, and nothing left."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support import judge
from support.engines import BUNDLED
from support.forms import spread
from support.other_user import NEEDS_ROOT, UID, as_user, home_of
from support.project import COMMAND, Project, processes_below
from support.terminal import Terminal
from support.waiting import until

from redistopo.host.all_processes import all_processes

PING = "import os, redis; print(redis.Redis.from_url(os.environ['REDIS_URL']).ping())"


@pytest.fixture
def made(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Its ephemeral topologies are in a temporary folder of its own."""
    folder = tmp_path_factory.mktemp("made")
    project.env |= {"TMPDIR": str(folder), "REDISTOPO_SERVER": BUNDLED.path}
    yield project
    for process in processes_below(folder):
        process.kill()


def _left(project: Project) -> list[str]:
    """What is left of ephemeral topologies: folders and servers."""
    root = Path(project.env["TMPDIR"])
    folders = [str(path) for path in root.glob("redistopo-ephemeral-*/*")]
    return [*folders, *(str(one) for one in processes_below(root))]


def _python(text: str) -> tuple[str, ...]:
    return ("--", sys.executable, "-c", text)


@pytest.mark.parametrize("shape", spread(["cluster", "replication", "standalone", "sentinel"], 2))
def test_a_command_gets_a_verified_topology_that_is_gone_afterwards(
    made: Project, shape: str
) -> None:
    done = made.run("run", shape, "--quiet", *_python(PING), check=0)
    assert (done.out, done.err) == ("True\n", "")
    assert _left(made) == []
    assert not (made.root / "redistopo.toml").exists()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("raise SystemExit(7)", 7),
        ("import os; os.kill(os.getpid(), 9)", 137),
        ("import os; os.kill(os.getpid(), 15)", 143),
    ],
)
def test_the_exit_code_is_that_of_the_command(made: Project, text: str, code: int) -> None:
    assert made.run("run", "standalone", *_python(text)).code == code
    assert _left(made) == []


def test_what_cannot_be_run_starts_no_server(made: Project) -> None:
    done = made.run("run", "standalone", "-q", "--", "no-such-program", "-x", check=127)
    assert "no-such-program is not found" in done.err
    (made.root / "text").write_text("no program")
    assert made.run("run", "standalone", "--", "./text", check=126).err
    assert "needs a command" in made.run("run", "cluster", check=2).err
    assert "needs a command" in made.run("run", "cluster", "--", check=2).err
    refused = made.run("run", "nosuch", "--", "echo", "a b", check=2).err
    assert "shapes are cluster" in refused
    assert "redistopo run cluster -- echo 'a b'" in refused
    assert "did you mean: redistopo run cluster --" in made.run("run", "clust", "--", "true").err
    assert "SHAPE" in made.run("run", "--shards", "3", "--", "true", check=2).err
    other = made.run("run", "standalone", "--engine", "redis 99", "--", "true", check=4).err
    assert f'REDISTOPO_SERVER names {BUNDLED.title}, not "redis 99"' in other  # not in its place
    assert "unset REDISTOPO_SERVER, then run the same command again" in other
    del made.env["REDISTOPO_SERVER"]
    other = made.run("run", "standalone", "--engine", "redis 99", "--", "true", check=4).err
    assert other.count('no server on this machine is "redis 99"') == 1
    assert "ask for one of these" in other  # it has no topology file to change
    assert _left(made) == []


def test_the_options_of_init_and_a_prefix(made: Project) -> None:
    text = (
        "import os, redis, sys; url = os.environ['A_REDIS_URL'];"
        "assert 'REDIS_URL' not in os.environ;"
        "print(redis.Redis.from_url(url).config_get('maxmemory'), url[:10], *sys.argv[1:])"
    )
    words = ("--no-auth", "--set", "maxmemory=5mb", "--env-prefix", "A_", "--port", str(made.port))
    done = made.run("run", "standalone", *words, *_python(text), "--quiet", "--", "-x", check=0)
    assert done.out.endswith("redis://12 --quiet -- -x\n")
    assert "5242880" in done.out


def test_ours_win_over_variables_that_exist_already(made: Project) -> None:
    made.env |= {"REDIS_URL": "redis://other:1", "REDIS_SENTINELS": "other:2"}
    text = "import os; assert 'REDIS_SENTINELS' not in os.environ; print(os.environ['REDIS_URL'])"
    done = made.run("run", "standalone", *_python(text), check=0)
    assert done.out.startswith("redis://default:")
    assert "set otherwise in this environment: REDIS_URL, REDIS_SENTINELS" in done.err


def test_runs_are_nested_and_stdin_is_passed_on(made: Project) -> None:
    port = "sh -c 'echo $REDIS_PORT; cat'"
    script = f"echo $REDIS_PORT; echo typed | '{COMMAND}' run standalone -q -- {port};"
    script += f" '{COMMAND}' run -q -- {port} < /dev/null"
    lines = made.run("run", "replication", "-q", "--", "sh", "-c", script, check=0).out.split()
    assert len(lines) == 4
    assert lines[0] == lines[3] != lines[1]
    assert lines[2] == "typed"
    assert _left(made) == []


def test_the_folders_topology_is_left_as_it_was_found(made: Project) -> None:
    made.init("replication", engine=BUNDLED.path)
    assert made.run("run", *_python(PING), check=0).out == "True\n"
    assert made.servers() == []
    made.up()
    pids = {one.pid for one in made.servers()}
    assert made.run("run", *_python("raise SystemExit(3)"), check=3)
    assert {one.pid for one in made.servers()} == pids
    made.run("stop", "node3", check=0)
    assert made.run("run", *_python("print(1)"), check=0).out == "1\n"
    assert len(made.servers()) == 2


def test_a_kept_topology_runs_on_and_says_how_to_end_it(made: Project) -> None:
    text = "import os; print(os.environ['REDIS_PORT'], os.environ['REDIS_PASSWORD'])"
    done = made.run("run", "standalone", "--keep", *_python(text), check=0)
    port, password = done.out.split()
    with judge.client(int(port), password) as client:
        assert client.ping()
    words = re.findall(r"redistopo (-C \S+ down --wipe)", done.err)[0].split()
    made.run(*words, "--yes", check=0)
    assert processes_below(Path(made.env["TMPDIR"])) == []


def test_warnings_of_the_servers_are_shown_if_the_command_fails(made: Project) -> None:
    log = "redis.log(redis.LOG_WARNING, 'look here')"
    text = "import os, redis; c = redis.Redis.from_url(os.environ['REDIS_URL']);"
    text += f'c.eval("{log}", 0);' + "raise SystemExit({})"
    done = made.run("run", "standalone", *_python(text.format(1)), check=1)
    assert "node1" in done.err
    assert "look here" in done.err
    assert "look here" not in made.run("run", "standalone", *_python(text.format(0)), check=0).err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
def test_a_signal_is_passed_on_to_the_command(made: Project, number: signal.Signals) -> None:
    text = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(9))\n"
        "print('ready', flush=True)\nsignal.pause()"
    )
    with made.begin("run", "standalone", "-q", *_python(text)) as running:
        assert running.stdout
        assert running.stdout.readline() == "ready\n"
        running.send_signal(number)
        assert running.wait(60) == 9
    assert _left(made) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_if_run_itself_is_ended_while_it_starts(
    made: Project, number: signal.Signals
) -> None:
    with made.begin("run", "cluster", "--", "sleep", "60") as running:
        until(lambda: processes_below(Path(made.env["TMPDIR"])), 60)
        running.send_signal(number)
        running.wait(60)
    until(lambda: not _left(made), 20, lambda: str(_left(made)))


@pytest.mark.skipif(not shutil.which("setsid"), reason="no setsid gives it a terminal")
def test_the_command_has_the_terminal_and_ctrl_c_reaches_it_once(made: Project) -> None:
    text = (
        "import os, signal, sys, time\n"
        "came = []\n"
        "signal.signal(signal.SIGINT, lambda *_: came.append(1))\n"
        "print('tty', os.isatty(0), os.isatty(1), os.tcgetpgrp(0) == os.getpgrp(), flush=True)\n"
        "while not came: time.sleep(0.01)\n"
        "time.sleep(0.3)\n"
        "print('came', len(came), flush=True)\n"
        "sys.exit(5)"
    )
    (made.root / "program.py").write_text(text)
    words = ("--wait", "--ctty", COMMAND, "run", "standalone", "-q", "--", sys.executable)
    terminal = Terminal(made, *words, "program.py", program="setsid", columns=100, rows=24)
    until(lambda: "tty True True True" in terminal.read(), 60, terminal.read)
    terminal.type("\x03")
    until(lambda: "came 1" in terminal.read(), 30, terminal.read)
    assert terminal.end() == 5
    assert _left(made) == []


def test_a_command_that_leaves_the_foreground_does_not_keep_servers(made: Project) -> None:
    text = (
        "import os, sys, time\n"
        "if os.fork(): sys.exit(0)\n"
        "os.setsid(); os.closerange(0, 3); time.sleep(20)"
    )
    made.run("run", "standalone", "-q", *_python(text), check=0)
    assert _left(made) == []
    for one in all_processes():
        with suppress(psutil.Error):
            if text in one.cmdline():
                one.kill()


@pytest.mark.parametrize("while_it_runs", [False, True], ids=["while it starts", "while it runs"])
def test_ctrl_c_twice_leaves_nothing(made: Project, while_it_runs: bool) -> None:
    text = (
        "import signal\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})\n"
        "print('ready', flush=True)\n"
        "for _ in range(2): signal.sigwait({signal.SIGINT}); print('came', flush=True)"
    )
    with made.begin("run", "cluster", "-q", *_python(text)) as running:
        assert running.stdout
        if while_it_runs:
            assert running.stdout.readline() == "ready\n"
        else:
            until(lambda: processes_below(Path(made.env["TMPDIR"])), 60)
        running.send_signal(signal.SIGINT)
        if while_it_runs:
            assert running.stdout.readline() == "came\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == (0 if while_it_runs else 130)
    until(lambda: not _left(made), 20, lambda: str(_left(made)))


_WRITE = "import os, redis; print(redis.Redis.from_url(os.environ['REDIS_URL']).set('a', 'b'))"


@NEEDS_ROOT
@pytest.mark.parametrize("home", spread([None, "/nowhere", "/proc"], 2))
def test_a_user_without_a_home(home: str | None) -> None:
    """As in containers whose user has no account: neither state nor cache can be kept."""
    env = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env |= {"REDISTOPO_SERVER": BUNDLED.path} | ({"HOME": home} if home else {})
    with home_of(UID) as folder:
        client = ("sh", "-c", f"exec '{sys.executable}' -c \"{_WRITE}\"")
        words = [sys.executable, COMMAND, "run", "replication", "-q", "--", *client]
        done = subprocess.run(
            as_user(UID, *words), cwd=folder, env={**env, "TMPDIR": str(folder)},
            text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=60,
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
        assert list(folder.glob("redistopo-ephemeral-*/*")) == []
        assert processes_below(folder) == []


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("unshare"),
    reason="only root can mount a file system",
)
@pytest.mark.parametrize("options", spread(["noexec", "ro", "size=64k"], 2))
def test_a_temporary_folder_that_is_restricted(made: Project, options: str) -> None:
    """Nothing is executed there; where it can't be written, the system's other one serves."""
    folder = made.env["TMPDIR"]
    fill = f"head -c 1m /dev/zero > {folder}/full; " if "size" in options else ""
    own = f"'{COMMAND}' run standalone -q -- '{sys.executable}' -c \"{_WRITE}\""
    script = f"mount -t tmpfs -o {options} tmpfs {folder} && {{ {fill}{own}; }}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], cwd=made.root, env=made.environment(),
        text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    if "permission denied" in done.stderr.lower():
        pytest.skip("no file system can be mounted here")
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
