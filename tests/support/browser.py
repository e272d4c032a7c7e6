"""Debian's Chromium, driven by Playwright's Python package; no browser is downloaded."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = shutil.which("chromium")
NEEDED = os.environ.get("CI") == "true" or bool(os.environ.get("TESTS_NEED_BROWSER"))
"""Where the gate runs, a missing browser fails the tests; elsewhere it skips them."""

_ALONE = (
    "--no-sandbox",  # the gate's container has no user namespaces
    "--disable-gpu",
    # it asks nobody but the page's own server
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser of its own, ended with the block."""
    assert CHROMIUM, "no chromium on PATH: apt-get install chromium"
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ALONE))
        yield one
        one.close()
