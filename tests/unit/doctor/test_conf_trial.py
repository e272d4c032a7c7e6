"""A redis.conf judged by the real servers of this machine, which do nothing but say no."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.engines import ENGINES, INSTALLED

from redistopo.doctor.conf_reader import read_conf_file
from redistopo.doctor.startup_verdict import STOP_WORD, StartupVerdict
from redistopo.model.protocol.engine import Engine


def _starting(folder: Path, text: str | bytes, *engines: Engine) -> StartupVerdict:
    conf = folder / "redis.conf"
    conf.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_conf_file(conf, engines).starting


# The file, the line that is refused, and part of the reason, whatever the release.
BROKEN: list[tuple[str, int, str]] = [
    ("port 1\nmaxmemry 3mb", 2, "irective"),
    ("maxmemory lots", 1, "memory value"),
    ("appendonly maybe", 1, "must be 'yes' or 'no'"),
    ('bind "127.0.0.1', 1, "Unbalanced quotes"),
    ("dir /no/such/folder", 1, "No such file or directory"),
    ("port 1\r\ninclude gone.conf\r\nfoo", 2, "can't open config file"),
    ("user alice on hush-hush", 1, "Error in user declaration '...'"),
    ("requirepas hush-hush", 1, "irective"),
    ("search.limit 3", 1, "irective"),
    ("sentinel monitor m 127.0.0.1 1 1\nsentinel bogus m 1", 2, "Unrecognized sentinel"),
]


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_the_first_line_that_a_server_refuses_is_told_in_its_words(
    engine: Engine, tmp_path: Path
) -> None:
    for text, line, reason in BROKEN:
        found = _starting(tmp_path, text, engine).tried[0]
        assert found.refusal is not None, (text, found)
        assert (found.refusal.line, found.refusal.path) == (line, str(tmp_path / "redis.conf"))
        assert reason.lower() in found.refusal.message.lower()
        assert "hush-hush" not in repr(found)


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_a_trial_ends_however_early_its_text_does(engine: Engine) -> None:
    # as it does when redistopo is killed: a server would run on with what it has read
    argv = [engine.path, "/dev/stdin", "--port", STOP_WORD]
    pipe = subprocess.PIPE
    with subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, cwd="/") as child:
        child.communicate(b"port 1\nsave 3600", 5)
    assert child.returncode == 1


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_a_well_file_is_taken_and_nothing_of_it_is_done(engine: Engine, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "dump.rdb").write_text("kept as it is")
    (data / "users.acl").write_text("user alice on")
    mark = tmp_path / "loaded"
    (tmp_path / "module.so").write_text("no module")
    port = 7001  # nobody listens there for this
    text = f"""
        port {port}
        dir {data}
        logfile log
        pidfile {tmp_path}/pid
        unixsocket {tmp_path}/sock
        daemonize yes
        supervised auto
        appendonly yes
        aclfile users.acl
        cluster-enabled yes
        cluster-config-file table.conf
        loadmodule {tmp_path}/module.so {mark}
        requirepass hush-hush
    """
    # taken in a file, though CONFIG GET * has none of them
    text += '"list-max-ziplist-entries" 512\nlua-replicate-commands yes\nkey-load-delay 0\n'
    found = _starting(tmp_path, text.replace("loadmodule", "#"), engine)
    assert [one.refusal for one in found.tried] == [None]
    found = _starting(tmp_path, text, engine)
    assert [one.refusal for one in found.tried] == [None]
    assert found.tried[0].unsure == ""
    assert found.refused_by_all is None
    assert sorted(one.name for one in data.iterdir()) == ["dump.rdb", "users.acl"]
    assert (data / "dump.rdb").read_text() == "kept as it is"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["data", "module.so", "redis.conf"]

    watching = f"dir {data}\nlogfile log\nport {port}\nsentinel monitor m 127.0.0.1 {port} 1\n"
    before = (tmp_path / "redis.conf").stat().st_ino
    assert _starting(tmp_path, watching, engine).accepting is not None
    assert not (data / "log").exists()
    assert (tmp_path / "redis.conf").read_text() == watching  # Sentinels rewrite theirs
    assert (tmp_path / "redis.conf").stat().st_ino == before


def test_one_release_may_take_what_another_refuses(tmp_path: Path) -> None:
    old, new = INSTALLED["redis-6.2.14"], INSTALLED["valkey-9.1.2"]
    found = _starting(tmp_path, "replica-announced no\nenable-debug-command no", old, new)
    assert [one.refusal is None for one in found.tried] == [False, True]
    assert found.accepting is not None
    assert found.accepting.title == "Valkey 9.1.2"


def test_what_cannot_be_asked_says_no_line_of_the_file(tmp_path: Path) -> None:
    odd = tmp_path / "odd-server"
    odd.write_text("#!/bin/sh\ncat >/dev/null\necho 'some trouble'\necho \">>> 'hush-hush'\"\n")
    odd.chmod(0o755)
    engine = next(iter(ENGINES.values()))
    found = _starting(tmp_path, "requirepass hush-hush", replace(engine, path=str(odd)), engine)
    assert [one.unsure for one in found.tried] == ["some trouble", ""]
    assert found.accepting is found.tried[1]
    gone = _starting(tmp_path, "port 0", replace(engine, path=str(tmp_path / "gone")))
    assert gone.tried[0].unsure == "No such file or directory"


def test_what_is_no_text_or_lacks_a_file_starts_nowhere(tmp_path: Path) -> None:
    engine = next(iter(ENGINES.values()))
    # after a zero byte a server glues lines together, the closing one too: it would start
    binary = _starting(tmp_path, b"port 0\n#\0", engine)
    assert binary.tried == ()
    assert binary.refused_by_all is not None
    assert (binary.refused_by_all.line, binary.refused_by_all.message) == (
        2,
        "a zero byte: not a text file",
    )
    latin = _starting(tmp_path, "proc-title-template caf\xe9".encode("latin-1"), engine)
    assert latin.accepting or latin.tried[0].refusal
    lacks = _starting(tmp_path, f"port 7000\naclfile {tmp_path}/users.acl", engine)
    assert lacks.accepting is None
    assert lacks.refused_by_all is not None
    assert lacks.refused_by_all.line == 2
    assert lacks.refused_by_all.message.endswith("No such file or directory")
    (tmp_path / "a").write_text("port 7000\n")
    zero = _starting(tmp_path, r'include "a\x00b"', engine)  # to a server the name ends there
    assert zero.accepting is not None
    empty = _starting(tmp_path, "", engine)
    assert empty.accepting is not None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may enter any folder")
def test_a_folder_that_only_its_server_may_enter_is_left_out(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0)
    found = _starting(tmp_path, f"dir {shut}\nport 0", next(iter(ENGINES.values())))
    assert found.accepting is not None
    assert str(shut) in found.accepting.skipped
