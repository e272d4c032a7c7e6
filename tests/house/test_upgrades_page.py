"""docs/upgrades.md lists who reads whose data; REDISTOPO_UPDATE_GOLDENS=1 writes the table."""

from pathlib import Path

from support.pages import hold

from redistopo.model.protocol.engine import Engine
from redistopo.model.topology.compatibility import DATA_FORMATS, reads

ENGINES = [Engine(product=row.product, version=row.since) for row in DATA_FORMATS]


def _name(engine: Engine) -> str:
    return f"{engine.product.label} {engine.version.major}.{engine.version.minor}"


def test_the_page_lists_every_format(root: Path) -> None:
    rows = ["| from version | writes RDB version | reads files of |", "| --- | --- | --- |"]
    for row, engine in zip(DATA_FORMATS, ENGINES, strict=True):
        readable = ", ".join(_name(one) for one in ENGINES if reads(engine, one.name))
        rows.append(f"| {_name(engine)} | {row.rdb} | {readable} |")
    hold(root / "docs" / "upgrades.md", "formats", "\n".join(rows))
