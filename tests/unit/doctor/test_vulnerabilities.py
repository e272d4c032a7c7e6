"""The table of known vulnerabilities, judged by what is known of each line of releases."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redistopo.doctor.vulnerabilities import (
    VULNERABILITIES,
    first_fixed_release,
    vulnerabilities_of,
)
from redistopo.model.protocol.engine import Engine, Product, Version

# Release, one of the ids it has ("" for none at all), and the release that mends all of them.
CASES = [
    ("redis 6.2.14", "CVE-2025-49844", "6.2.24"),
    ("redis 6.2.24", "", ""),
    ("redis 7.0.15", "CVE-2024-31227", "7.2.16"),
    ("redis 7.2.10", "CVE-2026-23479", "7.2.16"),
    ("redis 7.4.11", "", ""),
    ("redis 8.0.6", "CVE-2026-25243", "8.2.10"),
    ("redis 8.2.2", "CVE-2025-62507", "8.2.10"),
    ("redis 8.2.3", "CVE-2026-66373", "8.2.10"),
    ("redis 8.2.9", "redis#15804", "8.2.10"),
    ("redis 8.4.5", "redis#15478", "8.4.7"),
    ("redis 8.10.0", "redis#15594", "8.10.2"),
    ("redis 8.10.1", "redis#15673", "8.10.2"),
    ("redis 8.10.2", "", ""),
    ("redis 9.0.0", "", ""),
    ("valkey 7.2.9", "CVE-2025-32023", "7.2.14"),
    ("valkey 7.2.10", "CVE-2025-49844", "7.2.14"),
    ("valkey 7.2.14", "", ""),
    ("valkey 8.0.3", "CVE-2025-32023", "8.0.10"),
    ("valkey 8.1.2", "CVE-2025-48367", "8.1.9"),
    ("valkey 8.0.5", "CVE-2025-49844", "8.0.10"),
    ("valkey 8.1.8", "CVE-2026-63639", "8.1.9"),
    ("valkey 9.0.2", "CVE-2026-27623", "9.0.5"),
    ("valkey 9.1.1", "GHSA-fq2f-crmw-q97r", "9.1.2"),
    ("valkey 9.1.2", "", ""),
]


def _engine(text: str, *, tls: bool | None = None) -> Engine:
    product, _, version = text.partition(" ")
    numbers = Version(*map(int, version.split(".")))
    return Engine(product=Product(product), version=numbers, tls=tls)


@pytest.mark.parametrize(("release", "has", "cure"), CASES)
def test_a_release_has_what_its_line_has_not_mended(release: str, has: str, cure: str) -> None:
    ids = {one for flaw in vulnerabilities_of(_engine(release)) for one in flaw.ids}
    assert (has in ids) if has else not ids
    assert str(first_fixed_release(_engine(release)) or "") == cure


def test_what_a_line_never_had_is_not_said_of_it() -> None:
    ids = {one for flaw in vulnerabilities_of(_engine("redis 6.2.14")) for one in flaw.ids}
    assert not ids & {"CVE-2024-31227", "CVE-2024-51741", "CVE-2025-62507", "CVE-2026-23479"}


ANYBODY = [
    ("valkey 8.1.5", {"CVE-2026-21863"}),
    ("valkey 8.1.3", {"CVE-2026-21863"}),
    ("valkey 8.1.2", {"CVE-2026-21863", "CVE-2025-48367"}),
    ("redis 7.2.9", {"CVE-2026-81934", "CVE-2025-48367"}),
]


@pytest.mark.parametrize(("release", "ids"), ANYBODY)
def test_what_needs_no_password_is_only_that(release: str, ids: set[str]) -> None:
    flaws = vulnerabilities_of(_engine(release))
    assert {one for flaw in flaws if flaw.unauthenticated for one in flaw.ids} == ids


def test_a_server_built_without_tls_has_no_vulnerability_of_tls() -> None:
    with_tls = {flaw.ids for flaw in vulnerabilities_of(_engine("redis 7.2.15", tls=True))}
    assert with_tls == {("CVE-2026-81934",)}
    assert vulnerabilities_of(_engine("redis 7.2.15", tls=False)) == ()


def test_each_row_names_a_vulnerability_and_a_release_of_a_line_once() -> None:
    for flaw in VULNERABILITIES:
        known = r"CVE-\d{4}-\d{4,6}|GHSA(-\w{4}){3}|redis#\d{5}"
        assert all(re.fullmatch(known, one) for one in flaw.ids)
        lines = [(one.major, one.minor) for one in flaw.fixed]
        assert lines
        assert len(set(lines)) == len(lines)
        assert list(flaw.fixed) == sorted(flaw.fixed)


@given(
    st.sampled_from(list(Product)),
    st.builds(Version, st.integers(0, 12), st.integers(0, 12), st.integers(0, 30)),
)
def test_the_cure_is_a_later_release_without_any(product: Product, version: Version) -> None:
    engine = Engine(product=product, version=version)
    cure = first_fixed_release(engine)
    assert (cure is None) == (vulnerabilities_of(engine) == ())
    if cure is not None:
        assert cure > version
        assert vulnerabilities_of(Engine(product=product, version=cure)) == ()
