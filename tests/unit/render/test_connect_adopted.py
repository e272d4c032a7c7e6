"""Lines to connect to adopted servers: the user that they know, and no file that isn't there."""

from pathlib import Path

from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.topology.project_paths import Layout
from redistopo.project.load import checked
from redistopo.render.connect import ConnectLines, connect_lines

LAYOUT = Layout(Path("/project"))
ABSENT = (LAYOUT.tls.client, LAYOUT.secret("sentinel"))


def _plan(shape: str, **keys: object) -> Plan:
    servers = {"node1": "10.0.0.1:6379", "node2": "10.0.0.2:6379"}
    if shape == "sentinel":
        servers["sentinel1"] = "10.0.0.1:26379"
    document = {"format": 1, "name": "shop", "shape": shape, "replicas": 1, **keys}
    adopted = {"adopted": {"user": "ops", **servers}}
    engine = Engine(product=Product.REDIS, version=Version(7), cli="redis-cli")
    return make_plan(checked({**document, **adopted}, "redistopo.toml"), LAYOUT, engine, "")


def _all(lines: ConnectLines) -> str:
    return "\n".join([*lines.shell, *(line for _name, line in lines.libraries), lines.url])


def test_the_user_is_in_every_line() -> None:
    for shape in ("replication", "sentinel"):
        lines = connect_lines(_plan(shape), "/project/.redistopo/password", ABSENT)
        assert [name for name, line in lines.libraries if '"ops"' not in line] == []
        assert lines.url == "redis://ops:$REDISCLI_AUTH@10.0.0.1:6379"
        assert lines.shell[-1] == "redis-cli -h 10.0.0.1 -p 6379 --user ops"


def test_files_that_are_not_needed_are_not_named() -> None:
    for shape in ("replication", "sentinel"):
        text = _all(connect_lines(_plan(shape, tls=True), "/project/.redistopo/password", ABSENT))
        assert "ca.crt" in text
        assert "client.pem" not in text
        assert "SENTINEL_AUTH" not in text
        assert "entinelPassword" not in text


def test_files_that_are_there_are_named() -> None:
    text = _all(connect_lines(_plan("sentinel", tls=True), "/project/.redistopo/password"))
    assert text.count("client.pem") >= 3
    assert 'SENTINEL_AUTH="$(head -n 1 /project/.redistopo/password.sentinel)"' in text
