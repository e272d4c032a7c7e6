"""`export compose` run without Docker: its scripts, in namespaces where its names resolve."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest
from redis import RedisCluster
from support.exported import Containers, exported, replicas_of_shards
from support.forms import FULL
from support.judge import client
from support.project import Project

pytestmark = pytest.mark.skipif(not FULL, reason="the whole form only")


@pytest.fixture
def containers(project: Project) -> Iterator[Containers]:
    made = Containers(folder=project.root / "out", root=project.root)
    with closing(made):
        yield made


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="mounts as root")
@pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server on PATH")
@pytest.mark.parametrize("words", [(), ("--acl",)], ids=["password", "acl"])
def test_the_services_form_a_cluster_that_clients_outside_reach(
    project: Project, containers: Containers, words: tuple[str, ...]
) -> None:
    project.init("cluster", *words, engine=shutil.which("redis-server") or "")
    exported(project, "compose")
    done = containers.up()
    assert done.returncode == 0, done
    with client(project.port, project.password) as node:
        assert replicas_of_shards(node) == [1, 1, 1]
        shards = node.execute_command("CLUSTER SLOTS")
        assert {member[0] for _, _, *members in shards for member in members} == {"127.0.0.1"}
    with closing(
        RedisCluster(host="127.0.0.1", port=project.port, password=project.password)
    ) as outside:
        for number in range(50):
            assert outside.set(f"key{number}", number)
    if not words:
        project.env["REDISTOPO_PASSWORD"] = project.password
        verdict = project.run("verify", "--connect", f"127.0.0.1:{project.port}", "--follow")
        assert verdict.code == 0, verdict
