"""docs/events.md lists every kind; REDISTOPO_UPDATE_GOLDENS=1 writes the table."""

from pathlib import Path

from support.pages import hold

from redistopo.model.state.diff import ChangeKind


def test_the_page_lists_every_kind(root: Path) -> None:
    rows = ["| kind | meaning |", "| --- | --- |"]
    rows += [f"| `{kind.value}` | {kind.meaning} |" for kind in ChangeKind]
    assert len(rows) > 20
    hold(root / "docs" / "events.md", "kinds", "\n".join(rows))
