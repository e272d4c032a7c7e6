"""Releases with known faults in what a topology needs, other than vulnerabilities."""

from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.topology.spec import Shape
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFault:
    """A fault of the releases from `since` on, and the first release without it, `fixed`.

    `id` is where it is documented, as ``valkey#2779``; `shapes` are the shapes that it concerns.
    """

    id: str
    product: Product
    since: Version
    fixed: Version
    shapes: frozenset[Shape]
    what: str

    @property
    def sentence(self) -> str:
        """What happens, with the version that cures it."""
        return (
            f"{self.product.label} {self.since} has a known fault ({self.id}): {self.what}; "
            f"fixed in {self.product.label} {self.fixed}"
        )


ENGINE_FAULTS = (
    EngineFault(
        id="valkey#2779",
        product=Product.VALKEY,
        since=Version(9, 0, 0),
        fixed=Version(9, 0, 1),
        shapes=frozenset({Shape.SENTINEL}),
        what="its Sentinels send FAILOVER ABORT in every failover, which fails if their user may "
        "not run it; the users of `acl = true` may",
    ),
    EngineFault(
        id="valkey#2785",
        product=Product.VALKEY,
        since=Version(9, 0, 0),
        fixed=Version(9, 0, 1),
        shapes=frozenset({Shape.CLUSTER}),
        what="CLUSTER MIGRATESLOTS fails for slots with keys if the user `default` may not run "
        "CLUSTER SYNCSLOTS, as with `acl = true`",
    ),
)
"""All known faults, each tried on a real server."""


def faults_of(engine: Engine, shape: Shape | None = None) -> tuple[EngineFault, ...]:
    """Return the known faults of a release; with `shape`, those that concern it."""
    return tuple(
        one
        for one in ENGINE_FAULTS
        if one.product is engine.product
        and one.since <= engine.version < one.fixed
        and (shape is None or shape in one.shapes)
    )
