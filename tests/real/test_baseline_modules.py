"""What a test loads into a server, and a login that no command replies, are taken back."""

import shutil
import subprocess
from pathlib import Path

import pytest
from support.baselines import tried
from support.waiting import until

CC = shutil.which("cc")

MODULE = """
typedef int (*Get)(const char *name, void *function);

int RedisModule_OnLoad(void *context, void **words, int count) {
    void (*named)(void *context, const char *name, int version, int api);
    if ((*(Get *)context)("RedisModule_SetModuleAttribs", &named)) return 1;
    named(context, "tiny", 1, 1);
    return 0;
}
"""


@pytest.mark.skipif(CC is None, reason="no C compiler")
def test_a_module_is_unloaded(tmp_path: Path) -> None:
    (tmp_path / "tiny.c").write_text(MODULE)
    library = tmp_path / "tiny.so"
    subprocess.run([str(CC), "-shared", "-fPIC", "-o", library, tmp_path / "tiny.c"], check=True)
    folder = tmp_path / "project"
    folder.mkdir()
    words = ("--persistence", "none", "--set", "enable-module-command=yes")
    with tried(folder, "standalone", *words) as made:
        before = made.ask(1, "MODULE", "LIST")  # some servers have modules of their own
        made.ask(1, "MODULE", "LOAD", str(library))
        assert len(made.ask(1, "MODULE", "LIST")) == len(before) + 1
        assert made.restore() == ("node1: module tiny was loaded: unloaded",)
        assert made.ask(1, "MODULE", "LIST") == before
        assert made.restore() == ()


def test_the_login_of_a_sentinel_is_set_back(tmp_path: Path) -> None:
    words = ("--replicas", "1", "--sentinels", "1", "--persistence", "none", "--name", "mymaster")
    with tried(tmp_path, "sentinel", *words) as made:
        file = made.project.folder(1).with_name("sentinel1") / "sentinel.conf"

        def login() -> list[str]:
            lines = file.read_text().splitlines()
            return [one.replace('"', "") for one in lines if "auth-pass" in one]

        before = login()
        assert before == [f"sentinel auth-pass mymaster {made.project.password}"]
        made.sentinel("SENTINEL", "SET", "mymaster", "auth-pass", "hidden-value")
        assert login() != before
        assert made.restore() == ("sentinel1: auth-pass of mymaster was changed: set back",)
        assert login() == before
        # it logs in again with what it has now
        made.ask(1, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        until(lambda: "name=sentinel-" in made.ask(1, "CLIENT", "LIST"))
        assert made.restore() == ()
