"""`import --switch` from a cluster with TLS under writers, and interrupted in its pause."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from redis import Redis
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException, RedisError
from support.engines import BUNDLED, TLS
from support.project import Project
from support.waiting import until

KEYS = 2000


def _tls(project: Project) -> dict[str, Any]:
    """What a client needs to log in to the source."""
    folder = project.root / ".redistopo" / "tls"
    pem = str(folder / "client.pem")
    return {
        "password": project.password,
        "ssl": True,
        "ssl_ca_certs": str(folder / "ca.crt"),
        "ssl_certfile": pem,
        "ssl_keyfile": pem,
        "decode_responses": True,
    }


class _Writers:
    """Clients that write and delete keys in all slots; `latest` is what each key has according to
    the replies: None if it is deleted, absent if a reply is missing."""

    def __init__(self, source: Project) -> None:
        self._source = source
        self._end = threading.Event()
        self.count = 0
        self.latest: dict[str, str | None] = {}

    def write(self, who: int) -> None:
        client = RedisCluster(
            host="127.0.0.1", port=self._source.port, client_name=f"writer{who}",
            **_tls(self._source),
        )  # fmt: skip
        with client:
            number = 0
            while not self._end.wait(0.002):
                number += 1
                key = f"w{who}:{number % 300}"
                self.latest.pop(key, None)
                with suppress(RedisError, RedisClusterException, OSError):
                    if number % 7:
                        client.set(key, number)
                        self.latest[key] = str(number)
                    else:
                        client.delete(key)
                        self.latest[key] = None
                    self.count += 1

    @contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.write, args=(who,)) for who in range(2)]
        for one in threads:
            one.start()
        try:
            yield
        finally:
            self._end.set()
            for one in threads:
                one.join()

    def wait(self) -> None:
        """Both have a command that a server holds back (the flag b of CLIENT LIST)."""
        until(lambda: self._held() == {"writer0", "writer1"}, 5, what="the writers wait")

    def _held(self) -> set[str]:
        found = set()
        for port in self._source.ports:
            with Redis(port=port, **_tls(self._source)) as node:
                found |= {one["name"] for one in node.client_list() if "b" in one["flags"]}
        return found

    def go_on(self) -> None:
        before = self.count
        until(lambda: self.count > before + 20, 5, what="writes go on at the source")


def _unpause(source: Project) -> None:
    for port in source.ports:
        with Redis(port=port, **_tls(source)) as node:
            node.client_unpause()


def _all(client: Any) -> dict[str, str]:
    keys = list(client.scan_iter(count=1000))
    return {key: client.get(key) for key in keys}


@pytest.mark.fault(
    "`import --switch` is interrupted while it has the writers of the source wait",
    "they go on at once; repeated with `--replace`, it copies all that the source has",
)
@pytest.mark.skipif(TLS is None, reason="no engine with TLS")
def test_a_cluster_with_tls_is_left_for_another_topology_under_writers(
    projects: Callable[[str], Project],
) -> None:
    assert TLS is not None
    source, target = projects("source"), projects("target")
    words = ("--shards", "2", "--replicas", "0", "--formation", "instant", "--tls")
    source.init("cluster", *words, engine=TLS.path)
    source.up()
    target.init("standalone", engine=BUNDLED.path)
    target.up()
    everything = RedisCluster(host="127.0.0.1", port=source.port, **_tls(source))
    with everything.pipeline() as pipe:
        for number in range(KEYS):
            pipe.set(f"k{number}", number)
        pipe.execute()
    folder = source.root / ".redistopo" / "tls"
    target.env["REDISTOPO_PASSWORD"] = source.password
    command = (
        "import", "--from", f"127.0.0.1:{source.port}", "--cacert", str(folder / "ca.crt"),
        "--cert", str(folder / "client.pem"), "--switch", "--verify", "--hold", "60s", "--json",
    )  # fmt: skip
    writers = _Writers(source)
    with writers.running():
        begun = target.begin(*command)
        assert begun.stderr is not None
        for line in begun.stderr:
            if '"started"' in line and "compare the digest" in line:
                break
        (server,) = target.servers()
        server.suspend()  # the comparison in the pause doesn't end
        writers.wait()
        begun.send_signal(signal.SIGINT)
        out, err = begun.communicate(timeout=30)
        server.resume()
        assert begun.returncode == 130, err
        assert "the import was interrupted: writes go on at the source" in out
        writers.go_on()
        target.run(*command, "--replace", check=0)
        writers.wait()
        with target.client() as client:
            found, wanted = _all(client), _all(everything)
        # all that the source has; what it deleted between the two runs remains
        assert {key: found.get(key) for key in wanted} == wanted
        assert all(wanted.get(key) == value for key, value in writers.latest.items())
        _unpause(source)
        writers.go_on()
    everything.close()
