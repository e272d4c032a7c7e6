"""`export redisinsight`: the logins of its connections work; read with the names of the fields that
Redis Insight's import has (redisinsight/api, database-import.service.ts)."""

import json
import stat

from support.engines import BUNDLED
from support.exported import exported
from support.judge import client
from support.project import Project


def test_every_connection_logs_in_and_the_first_finds_the_primary(project: Project) -> None:
    project.env["REDISTOPO_PASSWORD"] = "p$HOME\\%n/é"
    project.init("sentinel", "--replicas", "1", "--name", "shop", engine=BUNDLED.path)
    project.up()
    folder = exported(project, "redisinsight")
    path = folder / "connections.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    whole, *each = json.loads(path.read_text())
    with client(whole["port"], whole["password"], user=whole["username"] or "") as sentinel:
        sentinel.response_callbacks.clear()
        service = whole["sentinelMaster"]["name"]
        host, port = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", service)
    with client(int(port), whole["sentinelMaster"]["password"], host) as primary:
        assert primary.set("key", "value")
    assert [one["port"] for one in each] == project.ports
    for one in each:
        assert one["forceStandalone"] is True
        with client(one["port"], one["password"], one["host"]) as node:
            assert node.ping()
    assert len({one["id"] for one in (whole, *each)}) == 3


def test_certificates_that_do_not_exist_yet_are_named(project: Project) -> None:
    project.init("standalone", "--tls")
    refused = project.run("export", "redisinsight", "out", check=4)
    assert "ca.crt" in refused.err
    assert not (project.root / "out").exists()
