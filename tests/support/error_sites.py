"""Every command that the hint of an error has, out of the package's source.

A site is "module: text", where `{}` stands for a value. A text is found where it is written in the
raise itself, in a name of the same function or module, or in what a function of that module
returns. What `redistopo/model/remedies` builds is listed by builder, see support.typed.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import redistopo
from redistopo.cli.verbs import GROUPS

PACKAGE = Path(redistopo.__file__).parent
NOT_ERRORS = ("Finding", "CheckResult", "Cause", "Candidate", "Recipe", "replace")
"""What has a hint too: checks are listed by their ids; a recipe is printed by `install`."""

LOOKS = {"bundle", "connect", "engines", "env", "explain", "logs", "plan", "ps", "schema", "status",
         "templates", "verify"}  # fmt: skip
"""Verbs that change nothing: whoever types them reads on."""

_ALONE = re.compile(r"(?:\{\}, )?(?:then )?redistopo (?:up|down, then|init cluster)")
"""A command without a word about it: it follows a remedy, by which it is listed."""

_VERBS = frozenset(verb for group in GROUPS.values() for verb in group) - LOOKS
_COMMAND = re.compile(r"redistopo (?:-C \S+ )?(\S+)")


@cache
def sites() -> tuple[str, ...]:
    """Every site whose text has a command that changes something."""
    found: set[str] = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        source = path.read_text(encoding="utf-8")
        if "hint" in source and not module.startswith("model/remedies/"):
            tree = ast.parse(source)
            found |= {f"{module}: {text}" for text in texts(tree) if _changes(text)}
    return tuple(sorted(found))


def matches(site: str, hint: str) -> bool:
    """Whether a printed hint has the text of a site."""
    parts = site.partition(": ")[2].split("{}")
    return re.search(".*?".join(map(re.escape, parts)), " ".join(hint.split())) is not None


def texts(tree: ast.Module) -> Iterator[str]:
    """What the hints of a module's errors say."""
    outside = _assigned(tree.body)
    returned = {
        one.name: [each.value for each in ast.walk(one) if isinstance(each, ast.Return)]
        for one in tree.body
        if isinstance(one, ast.FunctionDef)
    }
    for scope in (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)):
        names = {**returned, **outside, **_assigned(ast.walk(scope))}
        for call in (one for one in ast.walk(scope) if isinstance(one, ast.Call)):
            if isinstance(call.func, ast.Name) and call.func.id in NOT_ERRORS:
                continue
            for word in (one for one in call.keywords if one.arg == "hint"):
                yield from _leaves(word.value, names, set())


def _assigned(nodes: object) -> dict[str, list[ast.expr | None]]:
    """Name -> what is assigned to it."""
    found: dict[str, list[ast.expr | None]] = {}
    for one in nodes:  # type: ignore[attr-defined]
        if isinstance(one, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = one.targets if isinstance(one, ast.Assign) else [one.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(one.value)
    return found


def _leaves(
    node: ast.AST | None, names: dict[str, list[ast.expr | None]], seen: set[str]
) -> Iterator[str]:
    """The texts of an expression, an f-string as one."""
    if isinstance(node, ast.JoinedStr):
        parts = (one.value if isinstance(one, ast.Constant) else "{}" for one in node.values)
        yield _plain("".join(map(str, parts)))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield _plain(node.value)
    elif isinstance(node, ast.Name):
        if node.id not in seen:
            for value in names.get(node.id, ()):
                yield from _leaves(value, names, {*seen, node.id})
    elif node is not None:
        for child in ast.iter_child_nodes(node):
            yield from _leaves(child, names, seen)


def _plain(text: str) -> str:
    return " ".join(text.split()).strip(" ;,")


def _changes(text: str) -> bool:
    """Whether it has a command other than one that only shows something."""
    if _ALONE.fullmatch(text):
        return False
    return any(one[1].strip(";,.`") in _VERBS for one in _COMMAND.finditer(text))
