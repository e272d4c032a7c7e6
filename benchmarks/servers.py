"""Servers of a certain version, for rows that are about what such a version can do."""

import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.stage import Stage
from redistopo.model.protocol.engine import Engine, Product, Version

Range = tuple[Product, Version, Version]
REDIS_7: Range = (Product.REDIS, Version(7, 0), Version(7, 1))
REDIS_ATOMIC: Range = (Product.REDIS, Version(8, 4, 1), Version(99, 0))
VALKEY_8: Range = (Product.VALKEY, Version(8, 1), Version(8, 2))
VALKEY_ATOMIC: Range = (Product.VALKEY, Version(9, 1), Version(99, 0))


def on(stage: Stage, wanted: Range) -> Stage:
    """The stage with the newest server of that range that is here and has a CLI of its product; in
    the small form, which shows only that a row runs, its own if there is none."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from support.engines import ALL

    product, first, end = wanted
    found = [one for one in ALL.values() if one.product is product and first <= one.version < end]
    with_cli = [one for one in found if _own_cli(one)]
    if not with_cli:
        if stage.small:
            return stage
        raise SystemExit(f"this row needs {product.value} {first} or newer, with its CLI")
    best = max(with_cli, key=lambda one: one.version)
    return replace(stage, server=best.path, cli=best.cli, forced=True)


def _own_cli(engine: Engine) -> bool:
    return Path(engine.cli).name.startswith(engine.product.value)
