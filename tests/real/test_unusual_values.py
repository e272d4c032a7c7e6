"""Unusual values of settings, options and files: applied as they are meant, or a plain error."""

import subprocess

import pytest
from support.editing import edit
from support.engines import BUNDLED
from support.judge import client
from support.project import Project


def test_settings_that_the_server_does_not_tell_are_applied_too(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    path = project.root / "redistopo.toml"
    whole = path.read_text()
    path.write_text(whole.replace("[redis]", '[redis]\nnotify-keyspace-events = "KEA"'))
    project.up()
    with project.client() as node:
        assert set(node.config_get("notify-keyspace-events").values()) == {"AKE"}
    path.write_text(whole.replace("[redis]", '[redis]\nrename-command = "KEYS hidden"'))
    for _again in range(2):
        assert "rename-command changes at a restart" in project.up().err
    project.run("down", check=0)
    assert "restart" not in project.up().err


def test_the_printed_line_reads_the_password_files_first_line(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    (project.root / "secret").write_text("first\nsecond\n")
    edit(project, '# password_file = ""', 'password_file = "secret"')
    line = project.up("--json").json["result"]["connect"]["shell"][0]
    said = subprocess.run(
        ["sh", "-c", f'{line}; printf %s "$REDISCLI_AUTH"'],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert said == "first"
    with client(project.port, said) as node:
        assert node.ping()


CARELESS = {
    "nobody's home": ("status", "--dir", "~nobodyatall/x"),
    "nobody's engine": ("up", "--engine", "~nobodyatall/redis-server"),
    "a long engine": ("up", "--engine", "/" + "x" * 5000),
    "an odd port": ("verify", "--connect", "x:²"),
    "an odd host": ("verify", "--connect", "a..b:80"),
    "a long host": ("verify", "--connect", "h" * 300 + ":80"),
}


@pytest.mark.parametrize("case", CARELESS)
def test_careless_words_are_no_traceback(project: Project, case: str) -> None:
    project.init("standalone", engine=BUNDLED.path)
    done = project.run(*CARELESS[case])
    assert done.code in (1, 2, 3, 4)
    assert done.err.startswith("Error: ")
    assert "Traceback" not in done.err
