"""Compiled templates: kept as Python keeps modules, and never trusted when stale."""

import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from redistopo.render import jinja_templates
from redistopo.render.jinja_templates import render_template

NAME = "page.j2"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Templates as shipped, where Python may keep compiled code."""
    (tmp_path / NAME).write_text("{{ given }} & more", encoding="utf-8")
    monkeypatch.setattr(jinja_templates, "shipped", lambda: tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    return tmp_path


def _rendered(*, markup: bool = False, own: str = "") -> str:
    jinja_templates._environment.cache_clear()
    return render_template(NAME, {"given": "<1>"}, markup=markup, own=own)


def _kept(folder: Path, kind: str = "text") -> Path:
    return Path(cache_from_source(str(folder / NAME), optimization=kind))


def test_a_kept_template_renders_as_before(folder: Path) -> None:
    first = _rendered()
    before = _kept(folder).read_bytes()
    assert (first, _rendered()) == ("<1> & more",) * 2
    assert _kept(folder).read_bytes() == before


def test_markup_has_code_of_its_own(folder: Path) -> None:
    assert (_rendered(), _rendered(markup=True)) == ("<1> & more", "&lt;1&gt; & more")
    assert _kept(folder, "markup").read_bytes() != _kept(folder).read_bytes()


def test_a_template_that_changed_is_compiled_again(folder: Path) -> None:
    _rendered()
    (folder / NAME).write_text("now {{ given }}", encoding="utf-8")
    assert _rendered() == "now <1>"


@pytest.mark.parametrize("damage", [b"", b"j2", b"\x00" * 400], ids=["empty", "short", "zeros"])
def test_damaged_code_is_compiled_again(folder: Path, damage: bytes) -> None:
    _rendered()
    sound = _kept(folder).read_bytes()
    for broken in (damage, sound[:-20], sound[:40]):
        _kept(folder).write_bytes(broken)
        assert _rendered() == "<1> & more"


def test_code_is_kept_where_python_keeps_its_own(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "elsewhere"))
    _rendered()
    assert _kept(folder).is_relative_to(tmp_path / "elsewhere")
    assert _kept(folder).is_file()
    assert not (folder / "__pycache__").exists()


def test_nothing_is_kept_where_python_keeps_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert _rendered() == "<1> & more"
    assert not _kept(folder).exists()


def test_a_template_of_a_user_is_never_kept(folder: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / NAME).write_text("mine: {{ given }}", encoding="utf-8")
    assert _rendered(own=str(own)) == "mine: <1>"
    assert not (own / "__pycache__").exists()
    assert not _kept(folder).exists()
