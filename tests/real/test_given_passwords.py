"""Passwords that the user supplies: what no server would accept is refused before a start."""

from support import judge
from support.engines import BUNDLED
from support.project import Project


def _with_file(project: Project, content: bytes) -> None:
    (project.root / "given").write_bytes(content)
    path = project.root / "redistopo.toml"
    if "given" not in path.read_text():
        path.write_text(f'password_file = "given"\n{path.read_text()}')


def test_a_password_that_is_not_utf8_or_too_long_is_refused_with_the_limit(
    project: Project,
) -> None:
    project.init("replication", "--replicas", "1", engine=BUNDLED.path)
    _with_file(project, b"caf\xe9-secret\n")
    refused = project.run("up", check=2)
    assert "given is not UTF-8" in refused.err
    _with_file(project, b"x" * 16385 + b"\n")
    refused = project.run("up", "--timeout", "20s", check=2)
    assert "has 16385 bytes, and may have 16384" in refused.err
    assert project.servers() == []
    project.env["REDISTOPO_PASSWORD"] = "caf\udce9"
    assert "REDISTOPO_PASSWORD is not UTF-8" in project.run("up", check=2).err
    del project.env["REDISTOPO_PASSWORD"]
    _with_file(project, b"x" * 16384 + b"\n")
    project.up()
    with judge.client(project.port, "x" * 16384) as node:
        assert node.ping()
