"""The public face is held: names, signatures, docstrings, and the page that is made from them."""

import inspect
import re
import subprocess
import sys
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest
from support.pages import hold
from support.programs import Programs

import redistopo
from redistopo import api, errors
from redistopo.api import ephemeral

FUNCTIONS = ("cluster", "replication", "sentinel", "standalone", "connect")

SIGNATURES = {
    "cluster": "(shards: int = 3, replicas: int = 1, *, engine: str | None = None, "
    "acl: bool = False, tls: bool = False, "
    "settings: collections.abc.Mapping[str, str | int | bool] | None = None, "
    "**more: Unpack) -> redistopo.api.ephemeral.Ephemeral",
    "connect": "(url: str, *, ca: str = '', cert: str = '', follow: bool = False, "
    "progress: collections.abc.Callable[[redistopo.progress.Event], None] | None = None) "
    "-> redistopo.api.connected.ConnectedTopology",
}


def _signature(value: Any) -> str:
    """The signature as the page has it: names without their modules."""
    text = str(inspect.signature(value)).replace("typing.", "").replace("'", '"')
    text = re.sub(r"\b[a-z_]+(\.[a-z_]+)*\.([A-Za-z]\w*)", r"\2", text)
    text = text.replace('*<class "More">', "More")
    text = re.sub(r'"((?:\w|\[|\]|\.| \| |, )*?)"(?=[,) ]|$)', _unquoted, text)
    return re.sub(r"\(self(, )?", "(", text)


def _unquoted(found: re.Match[str]) -> str:
    """A forward reference is a type; a default is text."""
    return found[1] if re.match(r"[A-Z]|list|str \|", found[1]) else found[0]


def _doc(value: Any) -> str:
    parts = (inspect.getdoc(value) or "").split("\n\n")
    return "\n\n".join(" ".join(part.split("\n")) for part in parts)


def _item(value: Any) -> str:
    return _doc(value).replace("\n\n", " ")


def _public(kind: type) -> list[tuple[str, Any]]:
    return [(name, one) for name, one in vars(kind).items() if not name.startswith("_")]


def _members(kind: type) -> list[str]:
    lines = []
    for name, one in _public(kind):
        found = one.__func__ if isinstance(one, classmethod) else one
        if isinstance(found, property):
            lines.append(f"- `{name}`: {_item(found)}")
        elif inspect.isfunction(found):
            text = _signature(found).replace("(cls, ", "(")
            lines.append(f"- `{name}{text}`: {_item(found)}")
    return lines


def _page() -> str:
    lines = []
    for name in FUNCTIONS:
        value = getattr(redistopo, name)
        lines += [f"### {name}", "", f"`{name}{_signature(value)}`", "", _doc(value), ""]
    lines += ["### More", "", _doc(ephemeral.More), ""]
    for kind in (api.Topology, api.ConnectedTopology, api.Ephemeral):
        lines += [f"### {kind.__name__}", "", _doc(kind), "", *_members(kind)]
        lines += [""] if _members(kind) else []
    lines += ["### Results", ""]
    for kind in (getattr(api, name) for name in api.__all__):
        if is_dataclass(kind):
            shown = ", ".join(f"`{one.name}`" for one in fields(kind))
            extra = [name for name, one in _public(kind) if isinstance(one, property)]
            shown += "".join(f", `{name}`" for name in extra)
            lines.append(f"- **{kind.__name__}** ({shown}): {_item(kind)}")
    lines += ["", "### Errors", ""]
    for name in redistopo.__all__:
        kind = getattr(redistopo, name)
        if inspect.isclass(kind) and issubclass(kind, Exception):
            lines.append(f"- `{name}` ({kind.__mro__[1].__name__}): {_item(kind)}")
    return "\n".join(lines)


def test_the_page_of_the_library_is_made_from_docstrings(root: Path) -> None:
    hold(root / "docs" / "api.md", "api", _page())


def test_the_public_names_are_these_and_no_others() -> None:
    kinds = {name: one for name, one in vars(errors).items() if inspect.isclass(one)}
    tree = {name for name, one in kinds.items() if issubclass(one, errors.RedistopoError)}
    assert set(redistopo.__all__) == tree | {*FUNCTIONS, "Topology"}
    for name in redistopo.__all__:
        assert getattr(redistopo, name) is not None
    with pytest.raises(AttributeError):
        _ = redistopo.up  # type: ignore[attr-defined]
    assert set(redistopo.__all__) <= set(dir(redistopo))


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_signature_stays_as_it_is(name: str) -> None:
    assert (
        str(inspect.signature(getattr(redistopo, name))).split("**")[0].replace("typing.", "")
        == SIGNATURES[name].split("**")[0]
    )


def test_no_type_of_the_inside_is_returned() -> None:
    allowed = {*(getattr(api, name) for name in api.__all__), str, int, float, dict, list, tuple}
    for kind in (api.Topology, api.ConnectedTopology):
        for name, one in _public(kind):
            value = one.fget if isinstance(one, property) else getattr(one, "__func__", one)
            told = typing.get_type_hints(value, _names()).get("return")
            for part in _parts(told):
                outside = not part.__module__.startswith("redistopo.")
                assert outside or part in allowed, (name, part)


def _names() -> dict[str, Any]:
    from redis.cluster import ClusterNode

    return {**vars(api), "ClusterNode": ClusterNode, "os": __import__("os")}


def _parts(hint: Any) -> list[Any]:
    inner = [part for one in typing.get_args(hint) for part in _parts(one)]
    return inner or ([hint] if inspect.isclass(hint) else [])


def test_everything_public_has_a_docstring() -> None:
    missing = [name for name in api.__all__ if not inspect.getdoc(getattr(api, name))]
    for kind in (api.Topology, api.ConnectedTopology):
        missing += [name for name, one in _public(kind) if not inspect.getdoc(one)]
    assert missing == []


def test_import_redistopo_imports_nothing_else() -> None:
    text = "import sys; before = set(sys.modules); import redistopo; print(set(sys.modules)-before)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {text}"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip() == "{'redistopo'}"


def _examples() -> list[str]:
    page = Path(__file__).parents[2] / "docs" / "api.md"
    return re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(4))
def test_an_example_of_the_page_runs(tmp_path_factory: pytest.TempPathFactory, number: int) -> None:
    assert len(_examples()) == 4
    programs = Programs(tmp_path_factory.mktemp("example"))
    done = programs.run(_examples()[number])
    assert (done.code, done.err) == (0, "")
    assert programs.servers() == []


def test_the_examples_pass_mypy_strict(tmp_path: Path, root: Path) -> None:
    if not (Path(sys.executable).parent / "mypy").exists():
        pytest.skip("no mypy here")
    for number, text in enumerate(_examples()):
        (tmp_path / f"example{number}.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", "", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path, check=False, timeout=200,
        env={"MYPYPATH": str(root), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
