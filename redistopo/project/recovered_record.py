"""The recorded state, built again from the nodes' folders after its file was lost.

Only where nodes were removed: otherwise the topology file alone has every name.
"""

from hashlib import sha256
from pathlib import Path

from redistopo.host.files import read_text
from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.protocol.conf_endpoint import endpoint_of
from redistopo.model.state.record import RecordedNode, TopologyState
from redistopo.model.topology.project_paths import Layout
from redistopo.model.topology.spec import Shape


def recovered_record(layout: Layout, names: tuple[str, ...]) -> TopologyState | None:
    """Return the record that node folders of these names give, without a time of creation; None
    if none of them was removed."""
    removed = tuple(name for name in names if layout.node(name).removed.exists())
    if not removed:
        return None
    confs = {name: _conf(layout.node(name).config) for name in names if name not in removed}
    found = tuple(
        RecordedNode(name=name, host=at.host, port=at.port)
        for name, conf in confs.items()
        if (at := endpoint_of(conf))
    )
    return TopologyState(
        id=sha256(str(layout.root).encode()).hexdigest()[:16],
        name=layout.root.name,
        shape=_shape(confs).value,
        created="",
        formed=True,
        nodes=found,
        removed=removed,
    )


def _conf(path: Path) -> Directives:
    return read_conf(read_text(path) or "")


def _shape(confs: dict[str, Directives]) -> Shape:
    if any(name.startswith("sentinel") for name in confs):
        return Shape.SENTINEL
    clustered = any(conf.get("cluster-enabled") == ("yes",) for conf in confs.values())
    return Shape.CLUSTER if clustered else Shape.REPLICATION
