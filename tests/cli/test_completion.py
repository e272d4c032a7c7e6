"""Completion in real shells on a terminal: what TAB offers, from the folder's topology file."""

import os
import shutil
from pathlib import Path

import pytest
from support.engines import BUNDLED
from support.forked import FORKER
from support.project import Project
from support.terminal import Terminal
from support.waiting import until

SHELLS = {
    "bash": (("--norc", "--noprofile"), 'eval "$(redistopo_source)"'),
    "zsh": (("-f",), 'autoload -U compinit; compinit -D; eval "$(redistopo_source)"'),
    # fish wants to control its terminal
    "fish": (("--wait", "--ctty", "fish", "--no-config"), "redistopo_source | source"),
}


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest, project: Project, tmp_path: Path) -> Terminal:
    """An interactive shell that has read our completion."""
    name = str(request.param)
    program = "setsid" if name == "fish" else name
    if not shutil.which(name) or not shutil.which(program):
        pytest.skip(f"no {name} on this machine")
    project.init("cluster", engine=BUNDLED.path)
    words, setup = SHELLS[name]
    FORKER.put_into(tmp_path)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    terminal = Terminal(
        project, *words, program=program, columns=100, rows=24, PATH=path, PS1="> ", HISTFILE=""
    )
    source = f"env _REDISTOPO_COMPLETE={name}_source redistopo"
    terminal.type(f"{setup.replace('redistopo_source', source)}; echo rea''dy\r")
    until(lambda: "ready" in terminal.read(), 60, terminal.read)
    return terminal


def _offered(shell: Terminal, typed: str, *wanted: str) -> str:
    """The screen once TAB after that showed all of these."""
    shell.type(f"\x15clear\r{typed}")  # Ctrl-U: an empty line
    until(lambda: typed.rstrip() in shell.read(), 30, shell.read)
    shell.type("\t\t\t")  # bash lists at the second one that changes nothing
    until(lambda: all(word in shell.read() for word in wanted), 60, shell.read)
    return shell.read()


def test_tab_offers_what_can_be_typed(shell: Terminal) -> None:
    assert "node7" not in _offered(shell, "redistopo stop n", "node1", "node6")
    assert "sentinel" not in _offered(shell, "redistopo call --node ", "primary", "replica")
    _offered(shell, "redistopo stop shard:", "1", "2", "3")
    _offered(shell, "redistopo set maxmemory-", "-policy", "-samples")
    _offered(shell, "redistopo explain ", "cache-aside", "slots")
    _offered(shell, "redistopo sta", "start", "status")
    _offered(shell, "redistopo connect ", "python", "java", "url")
    assert "Traceback" not in _offered(shell, "redistopo call ", "redistopo call")
    shell.type("\x15exit\r")
    shell.end()


def test_bash_gets_only_what_follows_a_colon(project: Project) -> None:
    project.init("cluster", "--shards", "12", engine=BUNDLED.path)
    for words, at, offered in (
        ("redistopo stop shard : 1", 4, ["1", "10", "11", "12"]),
        ("redistopo stop shard :", 3, [str(n) for n in range(1, 13)]),
        ("redistopo stop shard : 2 rep", 5, ["replica"]),
        ("redistopo -C nowhere stop n", 4, []),
        ("redistopo call ", 2, []),
        ("redistopo wait --mas", 2, ["--master"]),
    ):
        env = {"_REDISTOPO_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(at)}
        project.env |= env
        done = project.run(check=0)
        assert [line.partition(",")[2] for line in done.out.split()] == offered, words
        assert done.err == ""
