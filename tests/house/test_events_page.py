"""docs/events.md lists every kind; REDISTOPO_UPDATE_GOLDENS=1 writes the table anew."""

import os
import re
from pathlib import Path

from redistopo.model.state.diff import MEANING


def test_the_page_lists_every_kind(root: Path) -> None:
    page = root / "docs" / "events.md"
    text = page.read_text(encoding="utf-8")
    rows = ["| kind | meaning |", "| --- | --- |"]
    rows += [f"| `{kind.value}` | {meaning} |" for kind, meaning in MEANING.items()]
    block = re.compile(r"(<!-- kinds: [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
    table = "\n".join(rows)
    wanted = block.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text)
    if os.environ.get("REDISTOPO_UPDATE_GOLDENS"):
        page.write_text(wanted, encoding="utf-8")
        return
    assert text == wanted
    assert len(rows) > 20
