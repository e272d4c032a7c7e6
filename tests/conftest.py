"""What every test has: a state folder of its own, and projects that leave nothing behind."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from support import faults, typed_record
from support.apt_cache import use_cache_in
from support.faults import pytest_collection_modifyitems
from support.forked import FORKER
from support.network import isolate, outside
from support.ports import leased
from support.project import Project

__all__ = ["pytest_collection_modifyitems"]

_NUMBERS = count()

# A shell's background job ignores SIGINT, and so would every command that a test interrupts: the
# tests would fail, and leave them running.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Several thousand tests stay: no later search for garbage goes through them, nor did one
    while they were collected (a fifth of that time)."""
    gc.freeze()
    gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    """What is judged over all tests of a run."""
    gc.disable()
    faults.pytest_configure(config)
    typed_record.register(config)


@pytest.fixture(autouse=True)
def _typed(request: pytest.FixtureRequest) -> None:
    """What the test types of what is printed to it gets into its report."""
    typed_record.RECORDER.begin(request.node.user_properties)


@pytest.fixture(autouse=True)
def own_world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty XDG state folder, and none of the variables that redistopo reads."""
    # mktemp would list the folders of all tests before this one
    state = tmp_path_factory.getbasetemp() / f"state-{next(_NUMBERS)}"
    state.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    for name in (
        "REDISTOPO_PASSWORD",
        "REDISTOPO_SERVER",
        "REDISTOPO_DIR",
        "REDISCLI_AUTH",
        "NO_COLOR",
    ):
        monkeypatch.delenv(name, raising=False)
    return state


@pytest.fixture(scope="session", autouse=True)
def _own_network() -> None:
    """Where the system permits it, each worker has a network of its own; TESTS_SHARE_NETWORK=1
    has it share the machine's."""
    if not os.environ.get("TESTS_SHARE_NETWORK"):
        isolate()


@pytest.fixture(scope="session", autouse=True)
def _apt_has_a_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.update(use_cache_in(tmp_path_factory.mktemp("apt")))


@pytest.fixture
def internet() -> Iterator[None]:
    """The machine's own network, for what fetches packages."""
    with outside():
        yield


@pytest.fixture(scope="session", autouse=True)
def _forker() -> Iterator[None]:
    """The process that forks the commands ends with its worker."""
    yield
    FORKER.end()


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[Callable[[str], Project]]:
    """Makes projects on ports of their own; after the test nothing of them runs."""
    made: list[Project] = []
    with ExitStack() as stack:

        def make(name: str) -> Project:
            root = tmp_path / name
            root.mkdir()
            project = Project(root, stack.enter_context(leased()))
            made.append(project)
            return project

        yield make
        for project in made:
            project.cleanup()


@pytest.fixture
def project(projects: Callable[[str], Project]) -> Project:
    """One project."""
    return projects("project")
