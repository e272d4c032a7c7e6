"""Hints name what is true in the state that prints them: typed, they lead where they say."""

import re

import pytest
from support.engines import BUNDLED, FOUND, PACKAGED
from support.forms import spread
from support.project import Project

from redistopo.model.protocol.engine import Engine

IN_PACKAGE = [one for one in FOUND if one.package]


@pytest.mark.parametrize(
    ("changed", "hint"),
    [
        ("set databases 3", "redistopo restart --rolling (databases: read at a start only)"),
        ("call CONFIG SET repl-diskless-sync-delay 3", "redistopo up restores it"),
    ],
)
def test_the_hint_of_a_drift_removes_it(project: Project, changed: str, hint: str) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    project.run(*changed.split(), check=0)
    found = project.run("wait", "--timeout", "0", "--json", check=3).json["result"]["missing"]
    assert {one["hint"] for one in found if one["check"] == "config.drift"} == {hint}
    typed = hint.removeprefix("redistopo ").partition(" (")[0].removesuffix(" restores it")
    project.run(*typed.split(), check=0)
    assert project.run("wait", "--timeout", "0", check=0)
    with project.client() as node:
        wanted = {"databases": "3"} if "databases" in changed else {"repl-diskless-sync-delay": "0"}
        assert node.config_get(*wanted) == wanted


@pytest.mark.parametrize(
    "word", spread(["node_timeout", "node-timeout", "cluster-node-timeout"], 2)
)
def test_set_names_the_key_that_up_applies(project: Project, word: str) -> None:
    project.init("cluster", "--formation", "instant", engine=BUNDLED.path)
    project.up()
    error = project.run("set", word, "3000", "--json", check=2).json["error"]
    assert error["hint"] == "set node_timeout in the topology file, then redistopo up"
    path = project.root / "redistopo.toml"
    path.write_text(re.sub(r"(?m)^#? ?node_timeout = .*$", "node_timeout = 3000", path.read_text()))
    project.up()
    with project.client() as node:
        assert node.config_get("cluster-node-timeout") == {"cluster-node-timeout": "3000"}


def test_an_engine_that_no_package_has_is_not_promised_by_one(project: Project) -> None:
    project.init("standalone")
    for engine in ("7.4", "redis 9.9", "valkey 7.2"):
        error = project.run("up", "--engine", engine, "--json", check=4).json["error"]
        assert "pip install" not in error["hint"]
        assert "apt-get" not in error["hint"]
        assert all(f"{one.title}: {one.path}" in error["detail"] for one in FOUND)


@pytest.mark.parametrize("engine", IN_PACKAGE, ids=lambda one: one.title)
def test_an_engine_that_a_package_has_is_suggested_by_that_package(engine: Engine) -> None:
    from redistopo.host.package_managers import detect_machine
    from redistopo.model.planning.server_packages import package_for
    from redistopo.model.protocol.engine import parse_request

    request = parse_request(f"{engine.product.value} {engine.version.major}.{engine.version.minor}")
    assert request is not None
    package = package_for(detect_machine(), request)
    assert package is not None
    assert (package.package, package.engine.title) == (engine.package.split()[0], engine.title)


def test_init_names_what_installs_the_engine_that_is_not_here(project: Project) -> None:
    done = project.run("init", "standalone", "--engine", "redis 99.1", check=0)
    assert 'no server on this machine is "redis 99.1"; to get one: install it from' in done.err
    assert 'engine = "redis 99.1"' in (project.root / "redistopo.toml").read_text()
    here = f"{PACKAGED.product.value} {PACKAGED.version}"
    done = project.run("init", "standalone", "--force", "--engine", here, check=0)
    assert "no server" not in done.err
