"""The package of the [hosts] table: which machines need it; pure."""

from collections.abc import Collection, Mapping

from redistopo.model.protocol.engine import Engine, Product
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPackage:
    """What `up` installs first: `package`, as in the topology file, on `hosts`. If they were not
    `asked` yet, it is installed only on those that have no server that fits."""

    package: str
    hosts: tuple[str, ...]
    asked: bool = True


def machines_lacking(fit: Mapping[str, Collection[Engine]], product: Product) -> tuple[str, ...]:
    """Return the machines that need a package with this product.

    `fit` has each machine's servers that fit. None needs it if all of them have one server, of one
    version, in common. Otherwise those do that have no server of the product.
    """
    servers = [{(one.path, one.title) for one in some} for some in fit.values()]
    if servers and set.intersection(*servers):
        return ()
    return tuple(
        name for name, some in fit.items() if all(one.product is not product for one in some)
    )
