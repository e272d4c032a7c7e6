"""Pages of the documentation: tables made from the code, links, and the commands shown."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md",
    ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").glob("*.md")),
)  # fmt: skip

_FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_GENERATED = re.compile(r"<!-- \w+: [^\n]*-->.*?<!-- end -->", re.DOTALL)


def hold(page: Path, name: str, table: str) -> None:
    """The page has exactly this table between `<!-- name: ... -->` and `<!-- end -->`.

    With REDISTOPO_UPDATE_GOLDENS=1 the table is written instead.
    """
    text = page.read_text(encoding="utf-8")
    block = re.search(rf"(<!-- {name}: [^\n]*-->\n)(.*?)<!-- end -->", text, re.DOTALL)
    assert block is not None, f"{page} has no table {name}"
    if os.environ.get("REDISTOPO_UPDATE_GOLDENS"):
        page.write_text(text[: block.start(2)] + table + "\n" + text[block.end(2) :], "utf-8")
        return
    assert block[2] == table + "\n", (
        f"{page.name} is outdated: REDISTOPO_UPDATE_GOLDENS=1 updates it"
    )


def prose(text: str) -> str:
    """The text without code and without the tables that are made from the code."""
    return re.sub(r"`[^`]*`", "", _GENERATED.sub("", _FENCED.sub("", text)))


def links(text: str) -> Iterator[tuple[str, str]]:
    """The path and the anchor of each link to another file of the project, or within the page."""
    for target in re.findall(r"\]\(([^)\s]+)\)", _FENCED.sub("", text)):
        if "://" not in target:
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", _FENCED.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def shown_commands(text: str) -> Iterator[str]:
    """What follows `redistopo` in each command of a console block, and in each code span."""
    for block in re.findall(r"^ *```(?:console)?\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
        for line in re.findall(r"^\$ (.+)$", block, re.MULTILINE):
            yield from re.findall(r"(?:^|[|&;] )redistopo ([a-z][^|&;>#]*)", line)
    for span in re.findall(r"`redistopo ([a-z][^`]*)`", _FENCED.sub("", text)):
        yield " ".join(span.split())
