"""What the verbs that upgrade, save, copy, move and grow a topology print, typed as it is printed.
Many refusals share one topology."""

from redis.crc import key_slot
from support.editing import edit
from support.engines import ATOMIC, INSTALLED, WINDOWS
from support.grown import cluster_client, fill, read, shards
from support.project import Project
from support.remedies import hint_of, type_hint, type_line

from redistopo.model.planning.move_method import MoveMethod, method_of

OLD = INSTALLED["redis-6.2.14"]


def _version(project: Project) -> str:
    """The version of the server, which still has the key."""
    with project.client() as client:
        assert client.get("a") == "kept"
        told = client.info("server")
    return str(told.get("valkey_version", told["redis_version"]))


def test_a_server_is_upgraded_as_it_is_printed(project: Project) -> None:
    project.init("replication", "--replicas", "1")
    edit(project, "[redis]\n", '[redis]\ngopher-enabled = "no"\n')  # gone since Redis 7.0
    project.up("--engine", OLD.name)
    with project.client() as client:
        client.set("a", "kept")
    named = hint_of(project, 2, "upgrade")
    project.env["REDISTOPO_SERVER"] = OLD.path
    again = hint_of(project, 4, "upgrade", "--engine", "valkey 9")
    assert again == "unset REDISTOPO_SERVER, then run the same command again"
    edit(project, 'engine = "auto"', 'engine = "valkey 9"')
    unset = hint_of(project, 4, "upgrade")
    edit(project, 'engine = "valkey 9"', 'engine = "auto"')
    del project.env["REDISTOPO_SERVER"]
    correct = hint_of(project, 2, "upgrade", "--engine", "valkey 9")
    edit(project, "gopher-enabled", "# gopher-enabled")
    for hint in (named, unset, correct):
        type_line(project, hint)
        assert _version(project).startswith("9.")
    project.run("down", check=0)
    type_hint(project, 2, "upgrade")
    assert _version(project).startswith("9.")
    project.run("down", check=0)
    edit(project, 'engine = "valkey 9"', f'engine = "{OLD.name}"')
    type_hint(project, 4, "up")
    assert _version(project).startswith("9.")


def test_another_snapshot_is_found_where_one_cannot_be_used(project: Project) -> None:
    project.init("standalone", engine=WINDOWS.path)
    project.up()
    with project.client() as client:
        client.set("a", "kept")
    project.run("snapshot", "one", check=0)
    assert "redistopo snapshot NAME" in hint_of(project, 2, "snapshot", "one")
    project.run("snapshot", "two", check=0)
    type_hint(project, 2, "restore", "three", "--force")
    folder = project.root / "snapshots"
    manifest = folder / "one" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"keys": 1', '"keys": 99'))
    (folder / "two" / "shard1.rdb").write_bytes(b"REDIS0009")
    for name in ("one", "two"):
        hint = hint_of(project, 1, "restore", name, "--force")
        assert "redistopo snapshots --verify" in hint
    told = project.run("snapshots", "--verify")
    assert told.code == 3
    assert all(name in told.out for name in ("one", "two"))
    _version(project)


def test_a_cluster_grows_and_shrinks_as_it_is_printed(project: Project) -> None:
    words = ("--shards", "2", "--replicas", "0", "--formation", "instant")
    project.init("cluster", *words, engine=ATOMIC.path)
    project.up()
    with project.client(project.port) as node:
        asked = node.info("commandstats")
    # the table, which is long in a large cluster, only once the primaries are ok after 2 s
    if ATOMIC.version.major >= 7:  # subcommands are counted
        assert asked["cmdstat_cluster|info"]["calls"] > asked["cmdstat_cluster|nodes"]["calls"]
    data = fill(project, 200)
    project.crash(2)
    type_hint(project, 1, "snapshot", "one")
    project.run("snapshot", "one", check=0)
    type_hint(project, 1, "undo")
    type_hint(project, 2, "scale")
    assert len(shards(project)) == 4
    client = cluster_client(project)
    for number in range(32):
        client.set(f"big:{number}", "x" * 200_000)
    slots = ("move-slots", "12288-16000", "--to", "node1")
    for port in shards(project):
        _limit(project, port)
    assert "raise its limit: redistopo set maxmemory SIZE" in hint_of(project, 1, *slots)
    assert "redistopo set maxmemory SIZE" in hint_of(project, 1, "scale", "--shards", "3")
    # of more than 1,000 keys, each counts the average: too little for the big ones that move
    for port in shards(project):
        _limit(project, port, 100 << 20)
    tag = next(f"{{{n}}}" for n in range(10**6) if key_slot(f"{n}".encode()) > 16000)
    with client.pipeline() as pipe:
        for number in range(1500):
            pipe.set(f"{tag}:{number}", "")
        pipe.execute()
    _limit(project, project.port)
    if method_of(ATOMIC) is MoveMethod.MIGRATION_IMPORT:  # a target imports beyond its maxmemory
        assert "redistopo set maxmemory=" in hint_of(project, 3, *slots)
    else:
        assert "raise its limit: redistopo set maxmemory SIZE; then" in hint_of(project, 1, *slots)
        project.run("set", "maxmemory", "100mb", check=0)
        project.run("undo", check=0)
    project.run("set", "maxmemory", "100mb", check=0)
    hint = hint_of(project, 2, "scale", "--shards", "3", "--replicas", "1")
    first, _, then = hint.partition(", then ")
    for command in (first, then):
        type_line(project, command)
    assert sorted(map(len, shards(project).values())) == [1, 1, 1]
    assert read(project, data) == data


def _limit(project: Project, port: int, room: int = 200_000) -> None:
    """The node has room for so much; by default, for less than another one has."""
    with project.client(port) as client:
        used = int(client.info("memory")["used_memory"])
        client.config_set("maxmemory", str(used + room))
