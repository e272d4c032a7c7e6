"""docs/upgrades.md is what happens: its commands are typed in order, and print what it shows."""

import re
import shlex

from support.pages import ROOT
from support.project import Project

PAGE = ROOT / "docs" / "upgrades.md"


def _blocks() -> list[tuple[str, list[str]]]:
    """Each command of the page, and the lines that it shows below."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ redistopo "):
                found.append((line.removeprefix("$ redistopo "), []))
            else:
                found[-1][1].append(line)
    return found


def _comparable(text: str) -> str:
    """The text without what differs each time: measured numbers, times, and where a program is."""
    text = re.sub(r"\d+\.\d+ (?=m?s\b)|(?<=offset )\d+|\d{8}-\d{6}", "N ", text)
    return re.sub(r"/\S+", "PATH", text)


def test_the_page(project: Project) -> None:
    project.init("cluster", "--formation", "instant", engine="redis 7.0")
    project.up()
    blocks = _blocks()
    assert [shlex.split(command)[0] for command, _ in blocks] == ["upgrade", "upgrade", "verify"]
    for command, shown in blocks:
        out = _comparable(project.run(*shlex.split(command), check=0).out)
        lines = out.replace(f"{project.root.name}: ", "shop: ").splitlines()
        if "..." not in shown:
            assert lines == [_comparable(line) for line in shown], command
        assert {_comparable(line) for line in shown} - {"..."} <= set(lines), command
