"""Which databases a topology has: a cluster only the first, unless its engine has more. Pure."""

from collections.abc import Mapping

from redistopo.errors import UsageError
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.engine import Product, Version

_DEFAULT = 16


def database_count(plan: Plan) -> int:
    """Return the number of databases: a cluster has several since Valkey 9.0, if it is set."""
    directives = plan.topology.redis
    if not plan.topology.clustered:
        return int(directives.get("databases", (str(_DEFAULT),))[-1])
    engine = plan.engine
    several = engine.product is Product.VALKEY and engine.version >= Version(9, 0)
    return int(directives.get("cluster-databases", ("1",))[-1]) if several else 1


def refuse_databases(plan: Plan, keys: Mapping[int, int], source: str) -> None:
    """Raise UsageError if there are keys in databases that the topology doesn't have; `keys` is the
    number of each."""
    count = database_count(plan)
    beyond = {number: found for number, found in keys.items() if number >= count and found}
    if not beyond:
        return
    total = sum(beyond.values())
    what = "a cluster has one database" if count == 1 else f"the topology has {count} databases"
    raise UsageError(
        f"{source} has {_keys(total)} in databases that the topology doesn't have",
        detail=", ".join(f"database {number}: {_keys(found)}" for number, found in beyond.items())
        + f"; {what}",
        hint="use a topology without slots (redistopo init replication), or Valkey 9 with "
        "cluster-databases in [redis]"
        if plan.topology.clustered
        else f"set databases = {max(beyond) + 1} in [redis]",
    )


def _keys(count: int) -> str:
    return f"{count:,} key{'s' if count != 1 else ''}"
