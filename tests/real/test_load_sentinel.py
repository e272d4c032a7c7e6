"""A drill's load by Sentinels: clients find the new primary as applications do."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import RedisError
from support.engines import BUNDLED
from support.loads import keys, request, way
from support.project import Project
from support.waiting import until

from redistopo.client.app_entry_point import EntryKind
from redistopo.drill.key_cleanup import delete_keys
from redistopo.drill.load_generator import LoadGenerator
from redistopo.drill.load_result import OperationKind
from redistopo.drill.outage import outage
from redistopo.model.protocol.credentials import Login

NAME = "mymaster"


@contextmanager
def _sentinels(project: Project, ports: list[int], *lines: str) -> Iterator[None]:
    """Sentinels that watch the project's first node, a majority being needed."""
    started = []
    try:
        for port in ports:
            conf = project.root / f"sentinel-{port}.conf"
            conf.write_text(
                "\n".join(
                    (
                        f"port {port}",
                        "bind 127.0.0.1",
                        f"dir {project.root}",
                        "requirepass sentinels-own",
                        "sentinel sentinel-pass sentinels-own",
                        f"sentinel monitor {NAME} 127.0.0.1 {project.port} 2",
                        f"sentinel auth-pass {NAME} {project.password}",
                        f"sentinel down-after-milliseconds {NAME} 500",
                        f"sentinel failover-timeout {NAME} 3000",
                        *lines,
                    )
                )
            )
            argv = [BUNDLED.path, str(conf), "--sentinel"]
            started.append(subprocess.Popen(argv, stdout=subprocess.DEVNULL))
        until(lambda: all(_knows(port) for port in ports), what="Sentinels know each other")
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def _knows(port: int) -> bool:
    try:
        with Redis(port=port, password="sentinels-own", protocol=2, decode_responses=True) as one:
            told = one.execute_command("SENTINEL MASTERS")[NAME]
            return bool(told["num-slaves"] == 1 and told["num-other-sentinels"] == 2)
    except RedisError:
        return False


def test_clients_follow_the_sentinels_to_the_new_primary(project: Project) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    project.up()
    ports = [project.port + n for n in (10, 11, 12)]
    by_sentinel = way(
        project,
        kind=EntryKind.SENTINEL,
        entries=tuple(("127.0.0.1", port) for port in ports),
        service=NAME,
        sentinel=Login(password="sentinels-own"),
    )
    with _sentinels(project, ports):
        with LoadGenerator(request(project, way=by_sentinel)) as load:
            assert load.warm(10) == ""
            fault = time.monotonic()
            os.kill(project.pid(1), signal.SIGKILL)
            until(lambda: load.served(fault), 20)
            seen = load.check(10)
            # the replica leads, and has what was acknowledged after the fault
            after = [op for op in seen.ops if op.good and op.started > fault]
            assert len(keys(project, project.port + 1)) >= len(after) / 2 > 0
            load.clean(10)
        assert keys(project, project.port + 1) == set()
        assert delete_keys(by_sentinel, 5) == 0
    away = outage(seen, OperationKind.WRITE, hurt=True)
    assert 0.5 < away.milliseconds / 1000 < 8
    assert away.gaps[-1].first_good is not None
    errors = {op.error for op in seen.ops if op.error}
    assert errors & {"ConnectionError", "NoPrimaryKnown", "READONLY"}


def test_without_any_sentinel_the_load_says_so(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    alone = way(project, kind=EntryKind.SENTINEL, entries=(("127.0.0.1", project.port + 19),))
    with LoadGenerator(request(project, way=alone)) as load:
        until(lambda: "NoPrimaryKnown" in load.warm(0.1))
        seen = load.check(0.1)
    assert seen.acknowledged == 0
    assert outage(seen, OperationKind.WRITE, hurt=True).gaps[-1].first_good is None
