"""`engines`: the servers on this machine, or how to get one."""

from dataclasses import dataclass

from redistopo.errors import ExitCode
from redistopo.host.engine_search import find_engines, install_hint
from redistopo.model.protocol.engine import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginesResult:
    """Every server found, in order of preference; `install` is how to get one."""

    engines: tuple[Engine, ...]
    install: str

    @property
    def code(self) -> ExitCode:
        return ExitCode.DONE if any(one.supported for one in self.engines) else ExitCode.LACKING


def engines() -> EnginesResult:
    """List the servers on this machine."""
    return EnginesResult(
        engines=find_engines(tls=True), install=f"redistopo install, or {install_hint()}"
    )
