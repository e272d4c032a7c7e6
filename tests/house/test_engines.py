"""The suite runs on every server that the project's own extras install; a missing one fails it."""

import os

from support.engines import ENGINES, FOUND, TLS, installed_packages


def test_every_server_package_of_the_test_extra_is_there() -> None:
    found = {one.source.removeprefix("the Python package ") for one in FOUND}
    assert installed_packages() <= found


def test_there_is_one_engine_of_each_generation() -> None:
    generations = {(one.product.value, one.version.major) for one in ENGINES.values()}
    assert {("valkey", 9), ("redis", 8)} <= generations


def test_there_is_an_engine_with_tls_where_the_gate_says_so() -> None:
    """The gate installs Debian's server; elsewhere the TLS tests may be skipped."""
    assert TLS is not None or not os.environ.get("TESTS_NEED_TLS")


def test_no_packaged_server_has_tls() -> None:
    """What the packages ship is known (field notes); a change there changes what we can test."""
    with_tls = {one.path for one in FOUND if one.tls}
    assert all("site-packages" not in path for path in with_tls)
