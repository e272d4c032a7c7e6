"""The pytest plugin where the machine lacks something: users, homes, temporary folders, ports."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.apart import apart
from support.engines import FOR_ALL_USERS
from support.forms import spread
from support.other_user import NEEDS_ROOT, UID, as_user, home_of
from support.ports import leased
from support.project import Project
from support.remedies import type_line
from support.suites import WITHOUT_COROUTINES, Suites, counts

TEST = "def test(redis_replication): assert redis_replication.set('a', 1)"


@pytest.mark.parametrize("home", spread([None, "read-only", "missing"], 1))
def test_no_home_is_needed(suites: Suites, tmp_path: Path, home: str | None) -> None:
    env = {"HOME": str(tmp_path / (home or "")), "XDG_STATE_HOME": ""}
    if home == "read-only":
        (tmp_path / home).mkdir(mode=0o555)
    suites.write(test_it=TEST)
    left_out = () if home else ("HOME", "XDG_STATE_HOME")
    words = [word for name in left_out for word in ("-u", name)]
    done = subprocess.run(
        ["env", *words, *suites.command],
        cwd=suites.folder, capture_output=True, text=True, timeout=60, check=False,
        env={**suites.environment(), **env},
    )  # fmt: skip
    assert counts(done.stdout) == {"passed": 1}, done.stdout
    suites.nothing_left()


@NEEDS_ROOT
@pytest.mark.parametrize("writable", [True, False])
def test_another_user_without_a_home_to_write_runs_tests(writable: bool) -> None:
    with home_of(UID) as folder:
        suites = Suites(folder)
        suites.write(test_it=TEST)
        (folder / "home").mkdir(mode=0o777 if writable else 0o555)
        done = subprocess.run(
            as_user(UID, *suites.command, "suite"),
            cwd=folder, capture_output=True, text=True, timeout=60, check=False,
            env={
                **suites.environment(), "REDISTOPO_SERVER": FOR_ALL_USERS.path,
                "HOME": str(folder / "home"), "XDG_STATE_HOME": "",
            },
        )  # fmt: skip
        assert counts(done.stdout) == {"passed": 1}, done.stdout + done.stderr
        suites.nothing_left()


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root can mount a folder"
)
@pytest.mark.parametrize(
    ("options", "fill", "ends", "text"),
    spread(
        [
            ("size=1m", "head -c 1000k /dev/zero > $TMPDIR/full", {"error": 1}, "disk is full"),
            ("size=64m,noexec", "true", {"passed": 1}, "1 passed"),
            ("ro", "true", {"passed": 1}, "1 passed"),  # Python's next choice is used
        ],
        2,
    ),
)
def test_a_temporary_folder_that_is_full_or_strict(
    suites: Suites, options: str, fill: str, ends: dict[str, int], text: str
) -> None:
    suites.write(test_it=TEST)
    (suites.root / "small").mkdir()
    mount = f"mount -t tmpfs -o {options} tmpfs $TMPDIR"
    script = f"{mount} && {fill} && exec {shlex.join(suites.command)}"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script],
        cwd=suites.folder, capture_output=True, text=True, timeout=100, check=False,
        env={**suites.environment(), "TMPDIR": str(suites.root / "small")},
    )  # fmt: skip
    assert counts(done.stdout) == ends, done.stdout + done.stderr
    assert text in done.stdout
    assert "Traceback" not in done.stdout
    assert suites.servers() == []


EXHAUSTED = """
import resource, socket, subprocess, sys
from support.network import isolate

assert isolate()
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
taken = [socket.create_server(("127.0.0.1", port)) for port in range(10000, 2**16, 20)]
own = ["pytest", "-p", "no:cacheprovider", *sys.argv[1:]]
for command in (own, ["redistopo", "run", "cluster", "--", "id"]):
    print(subprocess.run([sys.executable, "-m", *command], stderr=subprocess.STDOUT).returncode)
"""


def test_where_no_block_of_ports_is_free_the_error_says_what_to_do(
    suites: Suites, project: Project
) -> None:
    suites.write(test_it="def test(redis_cluster): assert False, 'no port is free'")
    done = apart(
        project,
        "--net",
        sys.executable,
        "-u",
        "-c",
        f"import os; os.chdir({str(suites.folder)!r})\n{EXHAUSTED}",
        *WITHOUT_COROUTINES,
        env={"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    if "unshare" in done.stderr:
        pytest.skip("no network of its own is permitted here")
    run_by_pytest, _, run_by_itself = done.stdout.partition("\n1\n")
    assert counts(run_by_pytest) == {"error": 1}, done
    for out in (run_by_pytest, run_by_itself):
        assert re.search(r"no free block of ports from \d+ upwards", out), done
        assert "is busy (and " in out
        assert "redistopo ps lists your topologies, which reserve ports; " in out
    assert run_by_itself.endswith("\n4\n")
    assert "Traceback" not in done.stdout
    suites.nothing_left()
    type_line(project, "redistopo ps")
    project.run("run", "cluster", "--port", str(project.port), "--", "true", check=0)


def test_ports_that_are_in_use_are_named(suites: Suites) -> None:
    with leased() as port:
        suites.write(
            test_it=f"""
from redistopo.pytest_plugin import factories

one = factories.standalone(port={port})
same = factories.replication(port={port})

def test_one(one): pass

def test_same(same): pass
"""
        )
        done = suites.pytest()
    assert counts(done.out) == {"passed": 1, "error": 1}
    assert str(port) in done.out.partition("ERROR at setup of test_same")[2]
    assert "Traceback" not in done.out
    suites.nothing_left()
