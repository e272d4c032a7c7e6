"""Which hosts need the package of the topology file."""

import pytest

from redistopo.model.planning.host_package import machines_lacking
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.topology.hosts import Hosts

_REDIS = Engine(product=Product.REDIS, version=Version(7, 0, 15), path="/usr/bin/redis-server")
_LATER = Engine(product=Product.REDIS, version=Version(7, 2, 4), path="/usr/bin/redis-server")
_VALKEY = Engine(product=Product.VALKEY, version=Version(8, 0, 1), path="/usr/bin/valkey-server")


@pytest.mark.parametrize(
    ("fit", "product", "lacking"),
    [
        ([[], [], []], Product.REDIS, ("h1", "h2", "h3")),
        ([[_REDIS], [], [_REDIS]], Product.REDIS, ("h2",)),
        ([[_REDIS], [_REDIS], [_REDIS]], Product.REDIS, ()),
        ([[_REDIS], [_VALKEY], [_REDIS]], Product.REDIS, ("h2",)),
        ([[_REDIS], [_VALKEY], [_REDIS]], Product.VALKEY, ("h1", "h3")),
        # what all of them have will do
        ([[_VALKEY], [_VALKEY, _REDIS], [_VALKEY]], Product.REDIS, ()),
        # an installed server isn't upgraded: the difference is an error
        ([[_REDIS], [_LATER], [_REDIS]], Product.REDIS, ()),
    ],
)
def test_hosts_that_lack_it(
    fit: list[list[Engine]], product: Product, lacking: tuple[str, ...]
) -> None:
    by_host = {f"h{number}": some for number, some in enumerate(fit, 1)}
    assert machines_lacking(by_host, product) == lacking


@pytest.mark.parametrize(
    ("package", "product"),
    [
        ("apt:redis-server", Product.REDIS),
        ("apt:redis-server=5:7.0.15-1~deb12u10", Product.REDIS),
        ("apt:valkey-server", Product.VALKEY),
    ],
)
def test_the_product_of_a_package(package: str, product: Product) -> None:
    assert Hosts(package=package).package_product is product
