"""`engines`: the servers on this machine, or how to get one."""

from concurrent.futures import ThreadPoolExecutor

from redistopo.errors import ExitCode
from redistopo.host.engine_search import find_engines, install_hint
from redistopo.host.package_managers import detect_machine
from redistopo.model.planning.server_packages import ServerPackage, absent
from redistopo.model.protocol.engine import Engine
from redistopo.model.topology.engine_faults import EngineFault, faults_of
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginesResult:
    """Every server found, in order of preference; `install` is how to get one, `faults` are the
    known faults of these releases, `others` packages with servers that are not here."""

    engines: tuple[Engine, ...]
    install: str
    faults: tuple[EngineFault, ...] = ()
    others: tuple[ServerPackage, ...] = ()

    @property
    def code(self) -> ExitCode:
        return ExitCode.DONE if any(one.supported for one in self.engines) else ExitCode.LACKING


def engines() -> EnginesResult:
    """List the servers on this machine."""
    with ThreadPoolExecutor(1) as pool:  # apt takes as long to list its packages
        machine = pool.submit(detect_machine, apt=True)
        found = find_engines(tls=True)
    return EnginesResult(
        engines=found,
        install=f"redistopo install, or {install_hint()}",
        faults=tuple(dict.fromkeys(fault for one in found for fault in faults_of(one))),
        others=absent(machine.result(), found),
    )
