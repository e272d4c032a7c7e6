"""`env`, `url` and `port`: each format is read back by the program that reads it, and logs in."""

import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import dotenv
import pytest
import redis
from support.editing import edit
from support.engines import BUNDLED, TLS
from support.forms import spread
from support.project import Project

HOSTILE = {
    "all at once": """a'b"c $HOME `id` %41%zz \\n \\\\ ${HOME} é漢 #!;&|<>=:@/?*[]~""",
    "an apostrophe": "it's",
    "quotes and spaces": """ "x" 'y' """.strip(),
    "a backslash at the end": "c:\\",
    "variables": "$HOME ${HOME} ${HOME:-x} $(id) `id`",
    "percent": "100%25%",
    "unicode": "pässwörd 漢字",
}


def _asked(project: Project, password: str, shape: str = "standalone", *words: str) -> None:
    (project.root / "pw").write_text(password + "\n", encoding="utf-8")
    project.init(shape, *words, engine=BUNDLED.path)
    edit(project, "[redis]", 'password_file = "pw"\n\n[redis]')


def _shell(text: str, *argv: str) -> dict[str, str]:
    """The variables that a shell has after it read the text: as `env` prints them, with NUL."""
    kept = {"PATH": os.environ["PATH"], "HOME": "/nowhere", "REDIS_SENTINELS": "of another one"}
    done = subprocess.run(
        argv, input=text.encode(), capture_output=True, env=kept, timeout=30, check=True
    )
    pairs = (one.partition("=") for one in done.stdout.decode().split("\0") if one)
    return {name: value for name, _, value in pairs}


def _bash(text: str) -> dict[str, str]:
    return _shell(text, "bash", "--norc", "-euc", 'eval "$(cat)"; env -0')


def _fish(text: str) -> dict[str, str]:
    if not shutil.which("fish"):
        pytest.skip("no fish on this machine")
    return _shell(text, "fish", "--no-config", "-c", "source -; env -0")


def _python_dotenv(text: str) -> dict[str, str]:
    return {
        name: value or "" for name, value in dotenv.dotenv_values(stream=io.StringIO(text)).items()
    }


def _jq(text: str) -> dict[str, str]:
    if not shutil.which("jq"):
        pytest.skip("no jq on this machine")
    each = ["jq", "-j", r'to_entries[] | "\(.key)=\(.value)\u0000"']
    return _shell(text, *each)


READERS: dict[str, Callable[[str], dict[str, str]]] = {
    "shell": _bash, "fish": _fish, "dotenv": _python_dotenv, "json": _jq,
}  # fmt: skip


def _github(text: str) -> dict[str, str]:
    """A file GITHUB_ENV, by the rules of the runner (actions/runner, FileCommandManager)."""
    blocks = re.findall(r"^([^=\n]+?)<<(.+)\n((?:.*\n)*?)\2\n", text, re.MULTILINE)
    return {name: value.removesuffix("\n") for name, _, value in blocks}


@pytest.mark.parametrize("named", spread(list(HOSTILE), 3))
def test_each_format_is_read_back_with_a_hostile_password(project: Project, named: str) -> None:
    password = HOSTILE[named]
    _asked(project, password)
    project.up()
    for form, read in READERS.items():
        found = read(project.run("env", "--format", form, check=0).out)
        assert found["REDIS_PASSWORD"] == found["REDISCLI_AUTH"] == password, form
        assert found["REDIS_HOST"] == "127.0.0.1"
        assert found["REDIS_PORT"] == str(project.port)
        assert found["REDISTOPO_DIR"] == str(project.root)
        assert "REDIS_SENTINELS" not in found, form  # that of an earlier topology is removed
        with redis.Redis.from_url(found["REDIS_URL"]) as client:
            assert client.ping(), form
    file = project.root / "github env"
    project.env["GITHUB_ENV"] = str(file)
    file.write_text("BEFORE=1\n")
    masks = project.run("env", "--format", "github", check=0).out.splitlines()
    assert file.read_text().startswith("BEFORE=1\n")
    assert _github(file.read_text())["REDIS_PASSWORD"] == password
    # the runner undoes these escapes of a command's data
    assert masks[0].removeprefix("::add-mask::").replace("%25", "%") == password
    assert project.run("url", check=0).out.strip() == found["REDIS_URL"]
    (found,) = json.loads(project.run("env", "--format", "redisinsight", check=0).out)
    assert (found["port"], found["password"], found["tls"]) == (project.port, password, False)


def test_bash_logs_in_by_redis_cli_alone(project: Project) -> None:
    _asked(project, HOSTILE["all at once"])
    project.up()
    cli = shutil.which("redis-cli")
    if not cli:
        pytest.skip("no redis-cli on this machine")
    text = project.run("env", "--prefix", "SHOP_", check=0).out
    assert "SHOP_REDISCLI_AUTH" in _bash(text)
    script = 'eval "$(redistopo env)"; redis-cli -h "$REDIS_HOST" -p "$REDIS_PORT" PING'
    script += '; unset REDISCLI_AUTH; redis-cli -u "$REDIS_URL" PING'
    path = f"{Path(shutil.which('redistopo') or os.sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script], cwd=project.root, capture_output=True, text=True, timeout=60,
        env={**project.environment(), "PATH": path}, check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["PONG", "PONG"], done


def test_a_cluster_names_its_nodes_and_follows_a_failover(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    found = project.run("env", "--json", check=0).json["result"]["variables"]
    assert found["REDIS_CLUSTER_NODES"].split(",") == [f"127.0.0.1:{p}" for p in project.ports]
    owner = {"shard:1": 0, "shard:2": 5461, "shard:3": 10923}
    for shard, slot in owner.items():
        told = int(project.run("port", shard, "primary", check=0).out)
        with project.client(told) as node:
            assert node.role()[0] == "master"
            slots = node.execute_command("CLUSTER SLOTS")
        assert any(told in one[2] and one[0] <= slot <= one[1] for one in slots)
    replica = int(project.run("port", "shard:1", "replica", check=0).out)
    with project.client(replica) as node:
        node.execute_command("CLUSTER", "FAILOVER", "TAKEOVER")
        assert node.role()[0] == "master"
    assert int(project.run("port", "shard:1", "primary", check=0).out) == replica
    assert project.run("port", "shard:9").code == 2
    assert project.run("port", check=2).err


def test_sentinels_and_their_password_are_named(project: Project) -> None:
    project.init("sentinel", engine=BUNDLED.path)
    project.up()
    found = _bash(project.run("env", check=0).out)
    places = [tuple(one.split(":")) for one in found["REDIS_SENTINELS"].split(",")]
    assert len(places) == 3
    sentinel = redis.Sentinel(
        [(host, int(port)) for host, port in places],
        sentinel_kwargs={"password": found["REDIS_SENTINEL_PASSWORD"]},
        password=found["REDIS_PASSWORD"],
    )
    with sentinel.master_for(found["REDIS_SENTINEL_MASTER"]) as client:
        assert client.set("a", "1")
    with redis.Redis.from_url(project.run("url", "sentinel1", check=0).out.strip()) as client:
        assert client.execute_command("SENTINEL", "MYID")
    assert found["REDIS_PORT"] == str(project.port)


@pytest.mark.skipif(TLS is None, reason="no server with TLS on this machine")
def test_tls_is_rediss_with_the_files_that_a_client_needs(project: Project) -> None:
    project.init("standalone", "--tls", engine=TLS.path if TLS else "")
    project.up()
    found = _bash(project.run("env", check=0).out)
    assert found["REDIS_URL"].startswith("rediss://default:")
    files = {"ssl_certfile": found["REDIS_TLS_CERT"], "ssl_keyfile": found["REDIS_TLS_KEY"]}
    with redis.Redis.from_url(
        found["REDIS_URL"], ssl_ca_certs=found["REDIS_TLS_CA"], **files
    ) as client:
        assert client.ping()
    (told,) = json.loads(project.run("env", "--format", "redisinsight", check=0).out)
    assert "PRIVATE KEY" in told["clientCert"]["key"]
    assert told["clientCert"]["certificate"].startswith("-----BEGIN CERTIFICATE")
    assert "PRIVATE KEY" not in told["clientCert"]["certificate"] + told["caCert"]["certificate"]


def test_without_a_password_no_variable_is_empty(project: Project) -> None:
    project.init("standalone", "--no-auth", engine=BUNDLED.path)
    assert "nothing was started" in project.run("env", check=1).err
    project.up()
    found = _bash(project.run("env", check=0).out)
    assert found["REDIS_URL"] == f"redis://127.0.0.1:{project.port}"
    assert {name for name in found if "PASSWORD" in name or name == "REDISCLI_AUTH"} == set()
    project.run("down", check=0)
    done = project.run("env", check=0)
    assert f"REDIS_PORT={project.port}" in done.out
    assert "doesn't run now" in done.err


@pytest.mark.parametrize(
    "words",
    ["--prefix 1x", "--prefix a-b", "--format yaml", "--format github", "--json --format shell"],
)
def test_what_env_cannot_print_is_refused(project: Project, words: str) -> None:
    project.init("standalone", engine=BUNDLED.path)
    done = project.run("env", *words.split())
    assert done.code == 2, done
