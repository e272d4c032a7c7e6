"""The topologies of one pytest process: started when a test asks, reset after each test."""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager, suppress
from textwrap import indent
from typing import Any

import pytest

from redistopo.errors import MissingPrerequisite, NoSuchEngine, RedistopoError
from redistopo.pytest_plugin.options import option
from redistopo.pytest_plugin.tested import Tested
from redistopo.pytest_plugin.wanted import Wanted, wanted

KEPT = "redistopo_kept"
RESTORED = "redistopo_restored"
"""Names of properties in tests' reports, which pytest-xdist brings to where they are printed."""


class Topologies:
    """Those that live; session fixtures with the same options have the same one."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._pool: dict[str, Tested] = {}
        self._current: dict[str, Tested] = {}
        self._item: pytest.Item | None = None
        self._failed = ""
        self._kept = ""

    @contextmanager
    def started(
        self, request: pytest.FixtureRequest, shape: str, options: Mapping[str, Any]
    ) -> Iterator[Any]:
        """A fixture's topology; it ends with the fixture, or with the run."""
        with self._explained():
            lasts = request.scope == "session"
            asked = wanted(self._config, shape, options if lasts else {**options, "shared": False})
            try:
                found = (self._pool.get(asked.key) if lasts else None) or self._start(asked)
            except NoSuchEngine as error:
                error.hint = f"{asked.engine_by}: {error.hint}"
                raise
        if lasts:
            self._pool[asked.key] = found
        with self._in_use(request, found):
            yield found.topology
        if not lasts:
            self._end(found)

    @contextmanager
    def connected(
        self, request: pytest.FixtureRequest, connect: Callable[[], Tested]
    ) -> Iterator[Any]:
        """A fixture's servers, which something else runs."""
        with self._explained():
            servers = connect()
        with self._in_use(request, servers):
            yield servers.topology

    def failed(self, item: pytest.Item, report: pytest.TestReport) -> None:
        """Describe the topologies that a failed test used, as they are now."""
        from redistopo.pytest_plugin.failure_section import failure_section

        self._failed = item.nodeid
        keeps = self._keeps(item)
        for name, used in self._used(item).items():
            try:
                text = failure_section(item, used, keeps)
            except Exception as error:  # noqa: BLE001  whatever the test did, the run goes on
                text = _lines(error)
            report.sections.append((f"redistopo: {name}", text))

    @contextmanager
    def reset_after(self, item: pytest.Item, *, last: bool) -> Generator[None]:
        """Reset what the test used, after all of its fixtures have ended; raises what they raised,
        or fails the test if its topology can't be restored."""
        self._item = item
        used = {id(one): one for one in self._used(item).values()}
        try:
            yield
        except (Exception, pytest.fail.Exception) as error:
            for problem in self._reset(item, list(used.values()), last=last):
                error.add_note(problem)
            raise
        if problems := self._reset(item, list(used.values()), last=last):
            pytest.fail("\n".join(problems), pytrace=False)

    def close(self) -> None:
        """End all of them."""
        while self._pool:
            _, one = self._pool.popitem()
            with suppress(RedistopoError):
                one.end()

    def _start(self, asked: Wanted) -> Tested:
        if asked.shared:
            from redistopo.pytest_plugin.shared_topology import SharedServers

            return SharedServers(self._config, asked)
        from redistopo.pytest_plugin.own_servers import OwnServers

        return OwnServers(asked)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Fail or skip the test if there is no topology for it."""
        try:
            yield
        except RedistopoError as error:
            lacking = isinstance(error, MissingPrerequisite)
            if lacking and option(self._config, "missing") == "skip":
                raise pytest.skip.Exception(f"redistopo: {error.message}") from None
            raise pytest.fail.Exception(_lines(error), pytrace=False) from None

    @contextmanager
    def _in_use(self, request: pytest.FixtureRequest, one: Tested) -> Iterator[None]:
        name = request.fixturename or ""
        before = self._current.get(name)
        self._current[name] = one
        try:
            yield
        finally:
            if before is None or before.ended:
                self._current.pop(name, None)
            else:
                self._current[name] = before

    def _used(self, item: pytest.Item) -> dict[str, Tested]:
        """Those of the test's fixtures, also of those that it asked for while it ran."""
        names = getattr(item, "fixturenames", ())
        used = self._current.items()
        return {name: one for name, one in used if name in names or one.touched}

    def _reset(self, item: pytest.Item, used: list[Tested], *, last: bool) -> list[str]:
        """Restore, replace or keep; return what the test has to be failed for."""
        problems: list[str] = []
        for one in (one for one in used if not one.ended):
            try:
                if self._keep(one):
                    if not last:
                        one.replace()
                elif not last:
                    restored = one.restore()
                    item.user_properties += [(RESTORED, line) for line in restored]
            except Exception as error:  # noqa: BLE001  the next test must not meet it
                problems.append(f"can't be restored after this test: {_lines(error)}")
                with suppress(RedistopoError):
                    one.replace()
        return problems

    def _keeps(self, item: pytest.Item) -> bool:
        """Whether a test is the first that failed, and topologies are to be kept."""
        first = self._failed == item.nodeid and self._kept in ("", item.nodeid)
        return first and bool(option(self._config, "keep"))

    def _keep(self, one: Tested) -> bool:
        """Leave the servers of the first failed test running."""
        item = self._item
        if not (item and one.folder and self._keeps(item)):
            return False
        self._kept = item.nodeid
        item.user_properties.append((KEPT, one.folder))
        one.end(keep=True)
        return True

    def _end(self, one: Tested) -> None:
        if not one.ended and not self._keep(one):
            one.end()


def _lines(error: Exception) -> str:
    if not isinstance(error, RedistopoError):
        return f"redistopo: {type(error).__name__}: {error}"
    told = "\n".join(filter(None, (error.detail, error.hint)))
    return f"redistopo: {error.message}\n{indent(told, '  ')}".rstrip()
