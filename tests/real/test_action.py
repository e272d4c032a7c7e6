"""action.yml: its steps as GitHub's runner runs them, and what later steps of the job see."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import yaml
from support.engines import BUNDLED, TLS
from support.forked import FORKER, read_at_start
from support.forms import FULL
from support.pages import ROOT
from support.project import Project, processes_below
from support.runner import Job

LOGS = ROOT / "action" / "logs"


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Job]:
    """A job whose environment of redistopo is there already, as after a first use."""
    own = tmp_path / "temp" / "redistopo" / "bin"
    own.mkdir(parents=True)
    FORKER.put_into(own)
    made = tmp_path / "made"
    made.mkdir()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMPDIR": str(made),
        "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"],
        "REDISTOPO_SERVER": BUNDLED.path,
        **read_at_start(os.environ),
    }
    yield Job(temp=tmp_path / "temp", env=env)
    for process in processes_below(made):
        process.kill()


def _ping(job: Job, variable: str = "REDIS_URL") -> str:
    text = f"import os, redis; print(redis.Redis.from_url(os.environ['{variable}']).ping())"
    done = job.step(f"'{sys.executable}' -c \"{text}\"")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_later_steps_have_a_cluster_and_the_logs_hide_its_password(job: Job) -> None:
    found = job.use(ROOT, shards="3", replicas="0", args="--set maxmemory=7mb")
    assert found is not None, job.log
    assert len(found["nodes"].split(",")) == 3
    with redis.RedisCluster.from_url(found["url"]) as client:
        assert client.set("a", "b")
        assert client.get("a") == b"b"
        assert client.config_get("maxmemory")["maxmemory"] == "7340032"
    assert _ping(job) == "True"
    assert job.env["REDIS_CLUSTER_NODES"] == found["nodes"]
    assert job.env["REDIS_PASSWORD"] == found["password"]
    assert found["password"] not in job.masked()
    assert job.step('redistopo verify --dir "$REDISTOPO_DIR"').returncode == 0
    assert job.step("command -v python").stdout == subprocess.run(
        ["sh", "-c", "command -v python"], capture_output=True, text=True, check=False
    ).stdout  # fmt: skip


def test_two_topologies_in_a_job_have_variables_of_their_own(job: Job) -> None:
    first = job.use(ROOT, shape="standalone")
    second = job.use(ROOT, shape="replication", replicas="1", acl="true", env_prefix="B_")
    assert first
    assert second
    assert _ping(job) == _ping(job, "B_REDIS_URL") == "True"
    ports = [int(one.rpartition(":")[2]) for one in second["nodes"].split(",")]
    assert len(ports) == 2
    with redis.Redis(port=ports[1], password=second["password"]) as replica:
        assert replica.role()[0] in (b"slave", "slave")


@pytest.mark.skipif(TLS is None, reason="no server with TLS")
def test_a_topology_with_tls(job: Job) -> None:
    assert TLS is not None
    job.env["REDISTOPO_SERVER"] = TLS.path
    found = job.use(ROOT, shape="standalone", tls="true")
    assert found, job.log
    assert found["url"].startswith("rediss://")
    files = {"ca_certs": "REDIS_TLS_CA", "certfile": "REDIS_TLS_CERT", "keyfile": "REDIS_TLS_KEY"}
    options = {f"ssl_{name}": job.env[variable] for name, variable in files.items()}
    with redis.Redis.from_url(found["url"], **options) as client:
        assert client.ping()


@pytest.mark.parametrize(
    "inputs",
    [
        {"shape": "cluster; touch {0}"},
        {"shape": "--help"},
        {"shape": "standalone", "args": "--set $(touch${{IFS}}{0})=1"},
        {"shape": "standalone", "args": "; touch {0}"},
        {"shape": "standalone", "args": "it's"},
        {"shape": "standalone", "engine": "`touch {0}`"},
        {"shape": "standalone", "tls": "yes"},
        {"shape": "standalone", "shards": "1 --keep"},
        {"shape": "standalone", "env_prefix": "$(touch {0})"},
    ],
    ids=lambda one: list(one)[-1] + " " + str(len(one)),
)
def test_no_input_is_run(job: Job, tmp_path: Path, inputs: dict[str, str]) -> None:
    mark = tmp_path / "mark"
    given = {name: text.replace("{0}", str(mark)) for name, text in inputs.items()}
    assert job.use(ROOT, **given) is None
    assert "rror" in job.log
    assert not mark.exists()
    assert processes_below(tmp_path / "made") == []


def test_the_logs_of_the_servers_are_shown(job: Job) -> None:
    assert job.use(LOGS) == {}
    assert "No topology was started" in job.log
    found = job.use(ROOT, shape="replication", replicas="1")
    assert found
    with redis.Redis.from_url(found["url"]) as client:
        client.eval("redis.log(redis.LOG_WARNING, '::error::look here')", 0)
    job.log = ""
    assert job.use(LOGS) == {}
    assert "::error::look here" in job.log
    inside = re.search(
        r"::stop-commands::(\S+)\n(.*?)::\1::", job.log.partition("servers' logs")[2], re.S
    )
    assert inside is not None
    assert "look here" in inside[2]
    assert found["password"] not in job.log
    replica = int(found["nodes"].rpartition(":")[2])
    with redis.Redis(port=replica, password=found["password"]) as client:
        client.shutdown(nosave=True)
    job.log = ""
    assert job.use(LOGS, dir=found["dir"], tail="5") == {}
    assert "node.alive" in job.log


def test_a_server_that_is_missing_is_installed(job: Job) -> None:
    """A stand-in for the installer says what is asked of it; test_install.py installs."""
    asked = job.temp / "asked"
    del job.env["REDISTOPO_SERVER"]  # it would be taken for any version
    stub = job.temp / "redistopo" / "bin" / "redistopo"
    forked = stub.rename(job.temp / "forked")
    stub.write_text(
        f'#!/bin/sh\nif [ "$1" = install ]; then echo "$@" >> "{asked}"; exit 0; fi\n'
        f'exec "{forked}" "$@"\n'
    )
    stub.chmod(0o755)
    assert job.use(ROOT, shape="standalone", engine="redis 99.1") is None
    assert asked.read_text() == "install --engine redis 99.1 --yes\n"


@pytest.mark.skipif(not FULL, reason="it builds and installs the package: in the whole form only")
@pytest.mark.skipif(not shutil.which("git"), reason="no git")
@pytest.mark.usefixtures("internet")
def test_the_action_installs_itself(job: Job) -> None:
    shutil.rmtree(job.temp / "redistopo")
    found = job.use(ROOT, shape="standalone", args="--set maxmemory=3mb")
    if found is None and re.search("No matching distribution|onnection|resolution", job.log):
        pytest.skip("no way to PyPI")
    assert found, job.log
    with redis.Redis.from_url(found["url"]) as client:
        assert client.config_get("maxmemory")["maxmemory"] == "3145728"


def test_the_job_for_gitlab_has_a_topology_and_shows_its_logs(project: Project) -> None:
    text = (ROOT / "docs" / "ci.md").read_text("utf-8")
    made = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[1])["test"]
    (project.root / "pip").symlink_to("/bin/true")
    FORKER.put_into(project.root)
    ping = "import os, redis; assert redis.RedisCluster.from_url(os.environ['REDIS_URL']).ping()"
    (project.root / "pytest").write_text(f"#!{sys.executable}\n{ping}\nprint('tested')\n")
    (project.root / "pytest").chmod(0o755)
    env = {**os.environ, "PATH": f"{project.root}:{os.environ['PATH']}", "CI_JOB_STATUS": "failed"}

    def run(lines: list[str]) -> str:
        words = ["bash", "-e", "-c", "\n".join(lines)]
        done = subprocess.run(
            words, env=env, cwd=project.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "tested" in run([*made["before_script"], *made["script"]])
    assert "Ready to accept connections" in run(made["after_script"])
    assert project.servers() == []
