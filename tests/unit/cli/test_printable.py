"""What is shown has no control character but line ends and tabs, and is otherwise the same."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from redistopo.cli.printable import cleaned, printable, printable_json
from redistopo.model.protocol.endpoint import Endpoint

HARMFUL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f]")


@given(st.text())
def test_printable_text_has_no_control_character(text: str) -> None:
    shown = printable(text)
    assert not HARMFUL.search(shown)
    assert printable(shown) == shown
    if not HARMFUL.search(text) and text.isprintable():
        assert shown is text


@given(st.text())
def test_json_keeps_its_values(text: str) -> None:
    document = printable_json(json.dumps({"a": text}, ensure_ascii=False))
    assert json.loads(document) == {"a": text}
    assert not HARMFUL.search(document)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inner:
    text: str
    path: Path
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outer:
    parts: tuple[_Inner, ...]
    named: dict[str, str]
    at: Endpoint


def test_a_result_is_cleaned_as_a_whole_and_kept_where_it_is_clean() -> None:
    fine = _Inner(text="né", path=Path("/a"))
    bad = _Inner(text="\x1b[2J\nnext\r\n", path=Path("/\x1b"))
    whole = _Outer(parts=(fine, bad), named={"\x9b": "x"}, at=Endpoint("\x07", 1))
    shown = cleaned(whole)
    assert shown.parts[0] is fine
    assert shown.parts[1] == _Inner(text="\\x1b[2J\nnext\n", path=Path("/\\x1b"))
    assert shown.named == {"\\x9b": "x"}
    assert shown.at == Endpoint("\\x07", 1)
    assert whole.parts[1].text.startswith("\x1b")
    assert cleaned(shown) is shown


def test_what_is_shared_is_cleaned_once() -> None:
    bad = _Inner(text="\x07", path=Path("/a"))
    shown = cleaned(_Outer(parts=(bad, bad), named={}, at=Endpoint("a", 1)))
    assert shown.parts[0].text == "\\x07"
    assert shown.parts[0] is shown.parts[1]
