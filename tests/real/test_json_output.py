"""What every verb prints with --json is what `redistopo schema --output` says, field by field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.engines import BUNDLED, TLS
from support.forms import spread
from support.output_schema import document, line_judge
from support.project import Project

from redistopo.cli.output_schema import RECORDS, RESULTS

QUERIES = (
    ("up", 0), ("up", 0), ("up --dry-run", 0), ("plan", 0), ("status", 0), ("verify", 0),
    ("verify --no-write", 0), ("wait --for replicated", 0),
)  # fmt: skip

SCENES: dict[str, tuple[str, tuple[tuple[str, int], ...]]] = {
    "cluster": (
        "cluster --formation instant",
        (
            *QUERIES,
            ("failover node4 --dry-run", 0), ("failover node4", 0),
            ("drill failover --dry-run", 0), ("secret rotate --dry-run", 0),
            ("drill all --dry-run", 0), ("reset node1 --dry-run", 0), ("reset node1 --yes", 0),
            ("stop node2", 0), ("verify", 3), ("wait --timeout 0", 3), ("up", 0),
        ),
    ),
    "slots": (
        "cluster --formation instant --replicas 0",
        (
            ("move-slots 0-9 --to node2 --dry-run", 0), ("move-slots 0-9 --to node2", 0),
            ("rebalance --dry-run", 0), ("rebalance", 0), ("undo", 1),
            ("scale --replicas 1 --dry-run", 0), ("scale --shards 2", 0),
        ),
    ),
    "copies": (
        "standalone",
        (
            ("snapshot one", 0), ("snapshots", 0), ("export prometheus exported", 0),
            ("clone ../second", 0), ("down --wipe --yes --dir ../second", 0),
            ("restore one --into ../third", 0), ("down --wipe --yes --dir ../third", 0),
            ("import --from missing.rdb", 2), ("down", 0), ("move --dir ../moved", 0),
        ),
    ),
    "replication": (
        "replication --set hz=20",
        (
            ("plan", 0), *QUERIES, ("connect", 0), ("connect python", 0), ("env", 0),
            ("url", 0), ("port primary", 0), ("call CONFIG GET *", 0),
            ("call NOTHING", 1), ("cli node2", 0), ("render", 0), ("bundle", 0),
            ("set maxclients 500 --dry-run", 0), ("set maxclients 500", 0),
            ("set databases 4", 0), ("plan", 0),
            ("restart --rolling --dry-run", 0), ("restart node2", 0), ("ps", 0),
            ("upgrade --check", 0), ("upgrade --dry-run", 0), ("upgrade", 0),
            ("stop node2 --dry-run", 0), ("stop node2", 0), ("start node2", 0),
            ("pause node3 --dry-run", 0), ("pause node3", 0), ("status", 0), ("resume", 0),
            ("kill node2 --dry-run", 0), ("kill node2", 0), ("verify", 3), ("doctor", 3),
            ("down --dry-run", 0), ("down", 0), ("down --wipe --yes", 0),
        ),
    ),
    "sentinel": (
        "sentinel --acl --down-after 1000",
        (*QUERIES, ("failover", 0), ("secret show", 0), ("secret rotate --keep-old", 0)),
    ),
    "standalone": (
        "standalone",
        (
            ("up", 0), ("drill failover --fault none", 0), ("drill all none.toml", 0),
            ("drill failover", 2), ("demo --check --ttl 1s --db-delay 10ms", 0),
            ("demo --check --open", 2), ("down --wipe --yes", 0),
        ),
    ),
    "no topology": (
        "",
        (
            ("engines", 0), ("explain", 0), ("explain slots", 0), ("version", 0), ("ps", 0),
            ("templates export own", 0), ("install --yes", 0), ("doctor", 0), ("plan", 2),
            ("up", 2), ("verify", 2), ("stop", 2), ("down", 2), ("verify --no-such-option", 2),
            ("verify --connect 127.0.0.1:1", 3), ("nothing", 2), ("init ring", 2),
        ),
    ),
}  # fmt: skip
"""Name -> the options of `init`, then commands with their exit codes."""

SCENARIO = '[[drill]]\nnodes = ["node1"]\nfault = "none"\n'


def _verb(words: str) -> str:
    parts = words.split()
    return " ".join(parts[:2]) if " ".join(parts[:2]) in RESULTS else parts[0]


@pytest.mark.parametrize("name", spread(list(SCENES), 2))
def test_the_document_of_a_verb_is_that_of_the_schema(project: Project, name: str) -> None:
    made, commands = SCENES[name]
    if made:
        project.init(*made.split(), engine=BUNDLED.path)
    if name in ("slots", "copies"):
        project.up()
    (project.root / "none.toml").write_text(SCENARIO)
    for words, code in commands:
        done = project.run("--json", *words.split())
        assert done.code == code, (words, done)
        found = document(done.out)
        assert found["code"] == code
        assert (found["error"] is None) != (found["result"] is None), words
        for line in filter(None, done.err.splitlines()):
            line_judge("ProgressRecord").validate(json.loads(line))


def test_the_document_of_certs_renew_is_that_of_the_schema(project: Project) -> None:
    if TLS is None:
        pytest.skip("no server with TLS: apt install redis-server")
    project.init("standalone", "--tls", engine=TLS.path)
    for words in ("up", "certs renew", "status", "plan"):
        document(project.run(*words.split(), "--json", check=0).out)


def test_a_line_of_a_stream_is_that_of_the_schema(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    for words in ("events --for 0", "logs"):
        if words == "logs":
            project.up()
        lines = project.run(*words.split(), "--json", check=0).out.splitlines()
        assert lines
        for line in lines:
            line_judge(RECORDS[words.split()[0]].partition(":")[2]).validate(json.loads(line))


@pytest.mark.parametrize(
    "edit",
    [
        lambda result: result.update(more=1),
        lambda result: result.pop("engine"),
        lambda result: result["nodes"][0].update(role="master"),
        lambda result: result["nodes"][0].update(pid="1"),
        lambda result: result["nodes"][0].update(host="127.0.0.1"),
    ],
)
def test_the_judge_of_documents_refuses_another_one(
    project: Project, edit: Callable[[Any], object]
) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    found = document(project.run("status", "--json", check=0).out)
    edit(found["result"])
    with pytest.raises(AssertionError):
        document(json.dumps(found))


def test_every_verb_with_a_document_is_in_a_scene() -> None:
    shown = {_verb(words) for _made, commands in SCENES.values() for words, code in commands}
    # those of drills are in the drills' own tests
    assert shown | {"init", "certs renew", "drill grow", "drill host"} >= set(RESULTS)


def test_schema_writes_the_schema_of_the_output_to_a_file(project: Project) -> None:
    printed = project.run("schema", "--output", "-", check=0).out
    project.run("schema", "--output", "out.json", check=0)
    assert Path(project.root / "out.json").read_text() == printed
    project.run("schema", "--output", "json", check=2)
