"""Commands that may lose something are spelled in one place, `redistopo/model/remedies`."""

import ast
from collections.abc import Iterator
from pathlib import Path

from redistopo.model.remedies.commands import unsafe_commands

NOT_ADVICE = {
    "redistopo/checks/sentinels.py": ("its file was lost, or SENTINEL REMOVE was called",),
    "redistopo/cli/commands/down.py": (
        "Data is kept: redistopo up starts it again, down --wipe removes it.",
    ),
    "redistopo/cli/output_schema.py": ("secret rotate",),  # the name of a command
    "redistopo/cli/verbs.py": ("Remove a node from its cluster (CLUSTER RESET).",),
    "redistopo/execute/rejoin_cluster.py": ("{}: CLUSTER RESET",),
    "redistopo/execute/shutdown.py": ("trying to SHUTDOWN",),
    "redistopo/ops/reset.py": ("{}: CLUSTER RESET",),
    "redistopo/ops/secret.py": ("secret rotate",),  # the name of the lock's holder
    "redistopo/project/state_folder.py": ("This folder belongs to redistopo",),
}
"""Texts outside the room that name such a command, and don't tell anyone to type it."""


def _texts(tree: ast.AST) -> Iterator[str]:
    """Every string, but docstrings and helps; an f-string is one, with its values as `{}`."""
    passed: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            passed.add(id(node.value))
        elif isinstance(node, ast.keyword) and node.arg == "help":
            passed |= {id(one) for one in ast.walk(node.value)}
    for node in ast.walk(tree):
        if id(node) in passed:
            continue
        if isinstance(node, ast.JoinedStr):
            passed |= {id(one) for one in node.values}
            yield "".join(
                str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _advice(text: str) -> bool:
    """Whether a text has an unsafe command; a single word is one that is sent, or an option."""
    return " " in text and bool(unsafe_commands(text.replace("{}", "1")))


def test_no_other_module_spells_a_command_that_may_lose_something(root: Path) -> None:
    found: dict[str, list[str]] = {}
    for path in sorted((root / "redistopo").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if name.startswith("redistopo/model/remedies/"):
            continue
        known = NOT_ADVICE.get(name, ())
        for text in filter(_advice, _texts(ast.parse(path.read_text(encoding="utf-8")))):
            if not text.startswith(known):
                found.setdefault(name, []).append(text)
    assert found == {}, "build it in redistopo/model/remedies"


def test_the_listed_exceptions_are_all_there(root: Path) -> None:
    for name, texts in NOT_ADVICE.items():
        there = list(_texts(ast.parse((root / name).read_text(encoding="utf-8"))))
        for text in texts:
            assert any(one.startswith(text) for one in there), (name, text)


def test_a_spelled_command_is_found() -> None:
    tree = ast.parse('"""CLUSTER RESET is fine here."""\nhint = f"{call} CLUSTER RESET HARD"\n')
    assert [text for text in _texts(tree) if _advice(text)] == ["{} CLUSTER RESET HARD"]


def test_the_proof_that_no_copy_exists_is_made_in_one_place(root: Path) -> None:
    found = {
        path.relative_to(root).as_posix()
        for path in (root / "redistopo").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "NoOtherCopy"
    }
    assert found == {"redistopo/model/remedies/no_other_copy.py"}
