"""What commands import: start-up takes as long as that, so nothing that they don't use."""

import signal
import subprocess
import sys
from dataclasses import replace

import pytest
from support.engines import BUNDLED
from support.forms import spread
from support.project import Project

from redistopo.cli.verbs import VERBS

_HEAVY = frozenset(
    {
        "asyncio",
        "cryptography",
        "encodings.idna",
        "flask",
        "jinja2",
        "redis",
        "redis.asyncio",
        "rich",
        "ssl",
        "tomlkit",
        "waitress",
    }
)
"""What takes longer to import than most verbs take; psutil, too, but it finds the processes."""

_FILES = {"jinja2"}

_BEFORE = {
    "init": ("init standalone --force", _FILES),
    "plan": ("plan", _FILES),
    "render": ("render", _FILES),
    "export": ("export systemd units", _FILES),
    "up": ("up", _FILES),
}
_QUERIES = {
    "status": ("status", set()),
    "verify": ("verify", set()),
    "wait": ("wait", set()),
    "connect": ("connect", _FILES),
    "call": ("call PING", set()),
    "url": ("url", set()),
    "env": ("env", set()),
    "port": ("port node1", set()),
    "cli": ("cli --json", set()),
    "logs": ("logs", set()),
    "bundle": ("bundle --out report.tar.gz", _FILES),
    "doctor": ("doctor", set()),
    "metrics": ("metrics", set()),
    "engines": ("engines", set()),
    "ps": ("ps", set()),
    "explain": ("explain slots", set()),
    "schema": ("schema", set()),
    "help": ("help status", set()),
    "version": ("version", set()),
    "run": ("run -- true", _FILES),
    "templates": ("templates export ../templates", set()),
}
_CHANGES = {
    "secret": ("secret rotate", set()),
    "set": ("set maxmemory=100mb", {*_FILES, "tomlkit"}),
    "snapshot": ("snapshot one", set()),
    "snapshots": ("snapshots --verify", set()),
    "restore": ("restore one --force", _FILES),
    "clone": ("clone ../second", _FILES),
    "import": ("import --from snapshots/one/shard1.rdb --replace", set()),
    "pause": ("pause node1", set()),
    "resume": ("resume", set()),
    "kill": ("kill node1", set()),
    "start": ("start", _FILES),
    "restart": ("restart node1", _FILES),
    "stop": ("stop node1", set()),
    "down": ("down", set()),
    "move": ("move --dir ../third", set()),
}
_OF_A_CLUSTER = {
    "move-slots": ("move-slots 0-9 --to node2", set()),
    "rebalance": ("rebalance", set()),
    "failover": ("failover node6", set()),
    "upgrade": ("upgrade --check", set()),
    "scale": ("scale --replicas 0 --dry-run", _FILES),
    "reset": ("reset node4 --yes", set()),
}
_ELSEWHERE = {
    "certs": "needs TLS, and so ssl and cryptography",
    "demo": "serves with flask, waitress and redis-py",
    "drill": "its load consists of redis-py's clients",
    "events": "does not end; the same as watch",
    "install": "installs a server",
    "undo": "needs an interrupted change; the same as rebalance",
    "watch": "does not end; draws with rich",
}


def _imported(project: Project, *words: str) -> set[str]:
    """Every module that a command imported, its packages too, as Python itself reports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "redistopo", *words],
        cwd=project.root, env=project.environment(),
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}


def _packages(names: set[str]) -> set[str]:
    """The rooms of redistopo among them, and what isn't of Python's own library."""
    rooms = {".".join(name.split(".")[:2]) for name in names if name.startswith("redistopo.")}
    roots = {name.partition(".")[0] for name in names}
    return rooms | (roots & {"click", "flask", "jinja2", "psutil", "redis", "rich"})


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_to_list_the_verbs_imports_none(project: Project, flag: str) -> None:
    names = _imported(project, flag)
    assert not [name for name in names if name.startswith("redistopo.cli.commands")]
    assert _packages(names) == {"click", "redistopo.cli", "redistopo.errors"}
    assert names.isdisjoint({"asyncio", "dataclasses", "json", "redistopo.cli.run_verb"})


def test_up_and_status_import_what_it_takes_to_start_and_to_look(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    names = _imported(project, "up")
    assert _packages(names).isdisjoint({"redistopo.doctor", "redistopo.drill"})
    unused = (
        "execute.early_exit",
        "execute.move_slots",
        "execute.rotate_passwords",
        "model.connectivity.report",
        "ops.certs",
        "session.raw_replies",
        "session.slot_job",
    )
    assert names.isdisjoint(f"redistopo.{name}" for name in unused)
    names = _imported(project, "status")
    assert _packages(names).isdisjoint({"jinja2", "rich", "redistopo.render", "redistopo.doctor"})
    verbs = {name for name in names if name.startswith(("redistopo.ops.", "redistopo.cli.views."))}
    assert verbs == {"redistopo.ops.status", "redistopo.cli.views.status"}
    assert not [name for name in names if name.startswith("redistopo.execute")]
    unused = (
        "host.engine_search",
        "host.limits",
        "model.planning.plan",
        "model.planning.reconcile",
        "project.redact_secrets",
    )
    assert names.isdisjoint(f"redistopo.{name}" for name in unused)


@pytest.mark.parametrize(
    "table",
    [_BEFORE, _QUERIES, _CHANGES, _OF_A_CLUSTER],
    ids=["files", "queries", "changes", "clusters"],
)
def test_each_verb_imports_no_heavy_package_that_it_does_not_use(
    project: Project, table: dict[str, tuple[str, set[str]]]
) -> None:
    """A third of the verbs in the short form: each starts a Python of its own."""
    shape = ["standalone"]
    if table is _OF_A_CLUSTER:
        shape = ["cluster", "--replicas", "1", "--formation", "instant"]
    project.init(*shape, engine=BUNDLED.path)
    if table is not _BEFORE:
        project.up()
    measured = spread(list(table), len(table) // 3)
    found = {}
    try:
        for verb, (line, _) in table.items():
            if verb in measured:
                found[verb] = _imported(project, *line.split()) & _HEAVY
            else:  # the next ones may need what it does
                project.run(*line.split(), check=0)
    finally:
        if (cloned := project.root.parent / "second").exists():
            replace(project, root=cloned).run("down", "--wipe", "--yes", check=0)
    assert found == {verb: table[verb][1] for verb in measured}


def test_every_verb_has_a_row() -> None:
    tables = (_BEFORE, _QUERIES, _CHANGES, _OF_A_CLUSTER, _ELSEWHERE)
    named = [verb for table in tables for verb in table]
    assert sorted(named) == sorted(VERBS)


_INTERRUPTED = """
import os, signal, sys

class Importing:
    def find_spec(self, name, *_rest):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Importing())
from redistopo.cli.entry import main
main()
"""


def test_ctrl_c_while_it_is_imported_ends_it_without_a_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


_AT_EXIT = """
import os, sys
from redistopo.cli.main import main

def end(code):
    sys.stderr.write(f"at exit {code}:")
    for number in os.listdir("/proc/self/fd"):
        try:
            sys.stderr.write(f" {os.readlink('/proc/self/fd/' + number)}")
        except OSError:
            pass  # the listing's own
    sys.stderr.flush()
    true_end(code)

true_end, os._exit = os._exit, end
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_files_and_sockets_are_closed_before_the_process_is_ended_at_once(
    project: Project,
) -> None:
    """The system would close them, too, but not write what is buffered."""
    project.init("standalone", engine=BUNDLED.path)
    for line in ("up", "verify", "secret rotate", "logs", "restart node1", "down"):
        done = subprocess.run(
            [sys.executable, "-c", _AT_EXIT, *line.split()],
            cwd=project.root, env=project.environment(), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        opened = done.stderr.rpartition("at exit 0:")[2].split()
        assert sorted(one.partition(":")[0] for one in opened) == ["/dev/null", "pipe", "pipe"], (
            line
        )
        assert done.stdout, line
