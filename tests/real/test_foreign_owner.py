"""A node that was added by redis-cli owns slots: no advice costs their keys."""

import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.cluster import RedisCluster
from support.byhand import ByHand
from support.engines import BUNDLED
from support.project import Project
from support.waiting import until


@pytest.fixture
def byhand(tmp_path: Path) -> Iterator[ByHand]:
    made = ByHand(tmp_path)
    yield made
    made.close()


def _cli(project: Project, *words: object) -> str:
    argv = [BUNDLED.cli, "-a", project.password, "--no-auth-warning", *map(str, words)]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout


def test_slots_of_an_added_node_are_moved_back_with_their_keys(
    project: Project, byhand: ByHand
) -> None:
    project.init("cluster", "--replicas", "0", engine=BUNDLED.path)
    project.up()
    with RedisCluster(host="127.0.0.1", port=project.port, password=project.password) as cluster:
        for n in range(300):
            cluster.set(f"k{n}", "kept")
    extra = project.port + 12
    secret = ("--requirepass", project.password, "--masterauth", project.password)
    byhand.start(extra, "--cluster-enabled", "yes", *secret)
    with project.client(extra) as node:
        until(lambda: _answers(node), what="the extra node")
    _cli(project, "--cluster", "add-node", f"127.0.0.1:{extra}", f"127.0.0.1:{project.port}")
    until(lambda: _known(project) == {4}, what="four nodes")
    with project.client(extra) as node:
        until(lambda: "cluster_state:ok" in str(node.execute_command("CLUSTER", "INFO")))
    until(lambda: "[OK] All nodes agree" in _check(project), what="agreement")
    entry = f"127.0.0.1:{project.port}"
    until(lambda: _resharded(project, entry), what="slots on the extra node")
    done = project.run("verify", "--json", "--timeout", "0", "--no-write", check=3)
    found = done.json["result"]["findings"]
    told = str(found)
    assert "FORGET" not in told
    assert "cluster fix" not in told
    hint = next(one["hint"] for one in found if "is not part of this topology" in one["evidence"]
                and one["check"] == "cluster.slots")  # fmt: skip
    command = hint.partition("redistopo ")[2]
    project.run(*shlex.split(command), check=0)
    sizes = 0
    for port in project.ports:
        with project.client(port) as node:
            sizes += int(node.dbsize())
    assert sizes == 300
    # now it owns nothing, and may go
    again = project.run("verify", "--json", "--timeout", "0", "--no-write").json["result"]
    assert "FORGET" in str(again["findings"])


def _answers(node: Any) -> bool:
    try:
        return bool(node.ping())
    except redis.RedisError:  # it isn't up yet
        return False


def _resharded(project: Project, entry: str) -> bool:
    try:
        with project.client() as node, project.client(project.port + 12) as extra:
            ids = [one.execute_command("CLUSTER", "MYID") for one in (node, extra)]
        words = ("--cluster-from", ids[0], "--cluster-to", ids[1], "--cluster-slots", 100)
        _cli(project, "--cluster", "reshard", entry, *words, "--cluster-yes")
    except subprocess.CalledProcessError:  # not all nodes agree yet
        return False
    return True


def _known(project: Project) -> set[int]:
    found = set()
    for port in project.ports:
        with project.client(port) as node:
            text = str(node.execute_command("CLUSTER", "INFO"))
            found.add(int(text.partition("cluster_known_nodes:")[2].split()[0]))
    return found


def _check(project: Project) -> str:
    argv = [BUNDLED.cli, "-a", project.password, "--no-auth-warning", "--cluster", "check"]
    return subprocess.run(
        [*argv, f"127.0.0.1:{project.port}"], check=False, capture_output=True, text=True
    ).stdout
