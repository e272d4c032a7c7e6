"""The recipe: what people do by hand, as the documentation of Redis tells them.

Servers with the usual configuration and nothing clever, then `redis-cli --cluster create`,
or `replicaof` in the replicas' files. Where a choice had to be made it favours the recipe:
its files are written before the clock starts, it waits for its servers by PING instead of
by `sleep`, it has no password, and its end is the begin of the first look that found it
healthy.
"""

import subprocess
import time
from pathlib import Path

from benchmarks.judge import Judge, Wanted
from benchmarks.stage import Stage, end_servers_in

_PATIENCE = 120.0


def cluster(stage: Stage, shards: int, replicas: int) -> float:
    """Seconds from the first process's start until the cluster is strictly healthy."""
    ports = stage.ports(shards * (1 + replicas))
    folder = stage.folder("recipe-cluster")
    lines = (
        "cluster-enabled yes",
        "cluster-config-file nodes.conf",
        "cluster-node-timeout 5000",
        "appendonly yes",
    )
    configs = [_config(folder, port, *lines) for port in ports]
    create = [
        *(stage.cli, "--cluster", "create", *(f"127.0.0.1:{port}" for port in ports)),
        *("--cluster-replicas", str(replicas), "--cluster-yes"),
    ]
    return _timed(stage, configs, Wanted(ports=ports, shards=shards, clustered=True), create)


def replication(stage: Stage, replicas: int) -> float:
    """Seconds from the first process's start until all replicas are online."""
    ports = stage.ports(1 + replicas)
    folder = stage.folder("recipe-replication")
    follows = f"replicaof 127.0.0.1 {ports[0]}"
    configs = [_config(folder, ports[0], "appendonly yes")]
    configs += [_config(folder, port, "appendonly yes", follows) for port in ports[1:]]
    return _timed(stage, configs, Wanted(ports=ports, shards=1, clustered=False), [])


def _config(folder: Path, port: int, *lines: str) -> Path:
    own = folder / str(port)
    own.mkdir()
    # bind: the benchmark opens nothing to the outside; it costs no time
    text = "\n".join((f"port {port}", "bind 127.0.0.1", f"dir {own}", *lines))
    path = own / "redis.conf"
    path.write_text(text + "\n")
    return path


def _timed(stage: Stage, configs: list[Path], wanted: Wanted, create: list[str]) -> float:
    judge = Judge(wanted=wanted)
    servers: list[subprocess.Popen[bytes]] = []
    try:
        began = time.perf_counter()
        for config in configs:
            servers.append(_start(stage, config))
        if create:
            _await_listening(judge)
            subprocess.run(create, env=stage.environment, check=True, capture_output=True)
        return judge.await_healthy(_PATIENCE) - began
    finally:
        judge.close()
        for server in servers:
            server.kill()
        for server in servers:
            server.wait()
        end_servers_in(configs[0].parent.parent)


def _start(stage: Stage, config: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [stage.server, str(config)],
        cwd=config.parent,
        env=stage.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _await_listening(judge: Judge) -> None:
    end = time.perf_counter() + _PATIENCE
    for port in judge.wanted.ports:
        while not judge.listening(port):
            if time.perf_counter() > end:
                raise TimeoutError(f"nobody listens on {port}")
            time.sleep(0.005)
