"""Commands that may lose something are spelled in one place, `redistopo/model/remedies`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import typed, typed_errors
from support.error_sites import matches, sites, texts
from support.typed_record import Recorder, untyped

from redistopo.checks.catalogue import CHECKS
from redistopo.doctor.doctor_checks import DOCTOR_CHECKS, EXTRA_CHECKS
from redistopo.model.remedies.commands import unsafe_commands

NOT_ADVICE = {
    "redistopo/checks/sentinels.py": (
        "monitors no primary: its file was lost, or SENTINEL REMOVE was called",
    ),
    "redistopo/cli/commands/down.py": (
        "Data is kept: redistopo up starts it again, down --wipe removes it.",
    ),
    "redistopo/cli/output_schema.py": ("secret rotate",),  # the name of a verb
    "redistopo/cli/verbs.py": ("Remove a node from its cluster (CLUSTER RESET).",),
    "redistopo/cli/views/preview.py": ("secret rotate",),  # the name of a verb
    "redistopo/execute/rejoin_cluster.py": ("{}: CLUSTER RESET",),
    "redistopo/execute/shutdown.py": ("trying to SHUTDOWN",),
    "redistopo/host/fleet/run_ansible.py": ('"$@"; rm -rf "$0"',),  # a program that is run
    "redistopo/session/adopted.py": ("secret rotate",),  # the name of a verb
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
    for name, listed in NOT_ADVICE.items():
        there = list(_texts(ast.parse((root / name).read_text(encoding="utf-8"))))
        for text in listed:
            assert any(one.startswith(text) for one in there), (name, text)


def test_a_spelled_command_is_found() -> None:
    tree = ast.parse('"""CLUSTER RESET is fine here."""\nhint = f"{call} CLUSTER RESET HARD"\n')
    assert [text for text in _texts(tree) if _advice(text)] == ["{} CLUSTER RESET HARD"]


def test_the_proof_that_no_copy_exists_is_made_in_one_place(root: Path) -> None:
    found = {
        path.relative_to(root).as_posix()
        for path in (root / "redistopo").rglob("*.py")
        if "NoOtherCopy" in (text := path.read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "NoOtherCopy"
    }
    assert found == {"redistopo/model/remedies/no_other_copy.py"}


def _checks() -> set[str]:
    return {one.id for one in (*CHECKS, *DOCTOR_CHECKS, *EXTRA_CHECKS)}


def _builders(root: Path) -> set[str]:
    """The functions of the room that build a remedy."""
    files = (root / "redistopo/model/remedies").glob("of_*.py")
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in files]
    return {one.name for tree in trees for one in tree.body if isinstance(one, ast.FunctionDef)}


def _tests(root: Path, path: str) -> set[str]:
    tree = ast.parse((root / "tests" / path).read_text(encoding="utf-8"))
    return {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}


def test_what_every_check_prints_is_typed_by_a_test_or_has_a_reason() -> None:
    lists = (typed.CHECKS, typed.CHECKS_NOT_TYPED, typed.CHECKS_WITHOUT_COMMAND)
    assert sorted(check for one in lists for check in one) == sorted(_checks())


def test_what_every_builder_makes_is_typed_by_a_test_or_has_a_reason(root: Path) -> None:
    assert typed.BUILDERS.keys() | typed.BUILDERS_NOT_TYPED.keys() == _builders(root)
    assert typed.BUILDERS.keys() & typed.BUILDERS_NOT_TYPED.keys() == set()


def test_the_tests_that_type_remedies_are_there(root: Path) -> None:
    errors = typed_errors.ERRORS.values()
    for name in {*typed.CHECKS.values(), *typed.BUILDERS.values(), *errors}:
        path, _, test = name.partition("::")
        assert test in _tests(root, path), name


def test_every_situation_is_listed_with_the_test_that_types_it(root: Path) -> None:
    """A check that the shared topologies break is registered for them, and the reverse."""
    path = "real/test_typed_remedies.py"
    tree = ast.parse((root / "tests" / path).read_text(encoding="utf-8"))
    made = {
        check
        for one in ast.walk(tree)
        if isinstance(one, ast.Tuple)
        and len(one.elts) == 3
        and isinstance(one.elts[0], ast.Constant)
        for check in str(one.elts[0].value).split()
    }
    listed = {check for check, test in typed.CHECKS.items() if test.startswith(path)}
    assert listed == {check for check in made if check in _checks()}


def test_each_builder_whose_command_is_typed_says_what_the_command_contains() -> None:
    assert typed.COMMANDS.keys() == typed.BUILDERS.keys()


PRINTED = """Error: it failed
  seen
  Next: stop it, or redistopo kill node1 -9; --force accepts that
fail node.alive node1: x
     Next: redistopo up starts it
"""


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("redistopo up --json", [["node.alive", "redistopo up"]]),
        ("redistopo kill node1 -9", [["", "redistopo kill node1 -9"]]),
        ("redistopo restart --force", [["", "redistopo restart --force"]]),
        ("redistopo start --force", []),
        ("redistopo kill node2", []),
        ("redistopo up node1", []),
    ],
)
def test_a_command_counts_as_typed_only_word_for_word(command: str, found: list[list[str]]) -> None:
    recorder = Recorder()
    recorder.begin([])
    recorder.saw("redistopo restart", "", PRINTED)
    recorder.types(command)
    assert [value[:2] for _, value in recorder.properties] == found


@pytest.mark.parametrize("check", typed.CHECKS_WITHOUT_COMMAND)
def test_a_command_of_a_check_that_prints_none_fails_the_test_that_sees_it(check: str) -> None:
    recorder = Recorder()
    recorder.begin([])
    printed = f"fail {check} node1: x\n     Next: {{}}\n"
    recorder.saw("redistopo verify", "", printed.format("wait, or see cluster.links"))
    for command in ("redistopo up", "redis-cli -p 7000 CLUSTER BUMPEPOCH", "kill -CONT 12"):
        with pytest.raises(AssertionError):
            recorder.saw("redistopo verify", "", printed.format(command))


def test_a_value_that_the_user_chooses_counts_as_typed() -> None:
    recorder = Recorder()
    recorder.begin([])
    recorder.saw("redistopo doctor", "", "Error: x\n  Next: redistopo set maxmemory SIZE, or end\n")
    recorder.types("redistopo set maxmemory 10mb")
    recorder.types("redistopo set appendfsync 10mb")
    assert [value[:2] for _, value in recorder.properties] == [["", "redistopo set maxmemory 10mb"]]


def test_a_remedy_that_its_test_did_not_type_fails_the_run() -> None:
    check = "sentinel.quorum"
    test = typed.CHECKS[check]
    mine = {one for one, its in typed.CHECKS.items() if its == test}
    found = {test: [(one, "redistopo up", "") for one in mine - {check}]}
    assert list(untyped({test}, found)) == [f"{check}: {test}"]
    assert list(untyped(set(), {})) == []


def test_the_commands_of_every_error_are_typed_by_a_test_or_have_a_reason() -> None:
    """New here? Type the command in a test, and list it in support/typed_errors.py."""
    listed = (*typed_errors.ERRORS, *typed_errors.ERRORS_NOT_TYPED)
    assert sorted(listed) == list(sites())


def test_an_error_counts_as_typed_only_with_its_own_hint() -> None:
    site, test = next(iter(typed_errors.ERRORS.items()))
    others = {one for one, its in typed_errors.ERRORS.items() if its == test} - {site}
    found = {test: [("", "redistopo up", "no such text: redistopo up")]}
    assert set(untyped({test}, found)) == {f"{one} ({test})" for one in (site, *others)}
    text = site.partition(": ")[2].replace("{}", "x")
    found[test].append(("", "redistopo up", f"before it {text} after it"))
    assert f"{site} ({test})" not in set(untyped({test}, found))


SOURCE = """
_ANYWAY = "redistopo start"
def _way(name):
    return f"redistopo reset {name} --hard"
def verb(node):
    hint = "redistopo down, then "
    hint += f"redistopo kill {node}"
    raise RedistopoError("x", hint=_way(node) + ("redistopo verify" if node else _ANYWAY))
    raise RedistopoError("x", hint=hint)
    return Finding("x", hint="redistopo stop")
"""


def test_commands_of_hints_are_found_wherever_a_module_writes_them() -> None:
    assert set(texts(ast.parse(SOURCE))) == {
        "redistopo reset {} --hard", "redistopo verify", "redistopo start",
        "redistopo down, then", "redistopo kill {}",
    }  # fmt: skip
    assert matches("a.py: redistopo kill {}, then", "or redistopo kill node1, then up")
    assert not matches("a.py: redistopo kill {}, then", "or redistopo kill node1")
