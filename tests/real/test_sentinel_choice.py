"""Where Sentinels name a primary that has less than another node, the user chooses."""

from support.engines import BUNDLED
from support.judge import await_written, roles
from support.project import Project
from support.waiting import until


def _named(project: Project) -> set[bytes | str]:
    found = set()
    for number in range(1, project.sentinels + 1):
        with project.sentinel(number) as sentinel:
            reply = sentinel.execute_command("SENTINEL", "MASTERS")
            found.add(str(reply[0][5]) if reply else "")
    return found


def _promoted(project: Project) -> int:
    """Sentinels promoted another node, which was killed before node1 followed it."""
    with project.sentinel() as sentinel:
        name = sentinel.execute_command("SENTINEL", "MASTERS")[0][1]
        for number in (2, 3):  # they would tell node1 and the others to follow
            with project.sentinel(number) as other:
                other.execute_command("SENTINEL", "REMOVE", name)
        sentinel.execute_command("SENTINEL", "FAILOVER", name)

        def promoted() -> int:
            told = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)
            return int(told[1]) if int(told[1]) != project.port else 0

        until(promoted, what="a promotion")
        port = promoted()
    project.crash(int(port) - project.port + 1)
    with project.client() as node:
        node.execute_command("REPLICAOF", "NO", "ONE")
    return int(port) - project.port + 1


def test_a_running_primary_with_newer_data_is_named_and_chosen(project: Project) -> None:
    project.init("sentinel", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("old", "kept")
        node.execute_command("WAIT", 2, 3000)
    number = _promoted(project)
    for sentinel in (1, 2, 3):
        project.run("kill", f"sentinel{sentinel}", check=0)
    with project.client() as node:
        node.execute_command("REPLICAOF", "NO", "ONE")
        for n in range(200):
            node.set(f"new{n}", "kept")
        await_written(node)
    refused = project.run("up", check=2)
    assert f"but the Sentinels name node{number}, which is stopped" in refused.err
    assert f"one of node1, node{number}" in " ".join(refused.err.split())
    assert "which is stopped" in project.run("up", "--dry-run", check=2).err
    project.up("--primary", "node1")
    assert roles(project.ports, project.password)[project.port] == "master"
    for port in project.ports:
        with project.client(port) as node:
            assert node.dbsize() == 201 or until(lambda node=node: node.dbsize() == 201)
    assert _named(project) == {str(project.port)}


def test_a_sentinel_that_monitors_nothing_monitors_again(project: Project) -> None:
    project.init("sentinel", engine=BUNDLED.path)
    project.up()
    with project.sentinel(2) as sentinel:
        name = sentinel.execute_command("SENTINEL", "MASTERS")[0][1]
        sentinel.execute_command("SENTINEL", "REMOVE", name)
    assert "monitor the primary again with sentinel2" in project.run("plan", check=0).out
    project.up()
    assert _named(project) == {str(project.port)}
    assert project.run("verify", check=0)
