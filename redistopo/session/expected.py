"""What the checks expect of one of our topologies; pure."""

from collections.abc import Mapping

from redistopo.checks.check_types import Expected
from redistopo.model.protocol.conf import Directives
from redistopo.model.topology.directives import adopted_config, planned_sentinel_settings
from redistopo.model.topology.spec import Topology


def expected_of(
    topology: Topology,
    config: Mapping[str, Directives] | None = None,
    paths: Mapping[str, str] | None = None,
    users: Mapping[str, tuple[str, ...]] | None = None,
) -> Expected:
    """Build the expected state; `config` and `paths` are the rendered files, `users` the recorded
    ACL LIST of each node.

    A Sentinel's own file doesn't count: its settings should be the topology file's.
    """
    held = planned_sentinel_settings(topology)
    if topology.adopted:
        return Expected(
            sentinels=topology.sentinels,
            shards=topology.shards,
            replicas=topology.replicas,
            tls=topology.tls,
            engine=topology.engine,
            config=config and adopted_config(topology),
        )
    return Expected(
        sentinels=topology.sentinels,
        shards=topology.shards,
        replicas=topology.replicas,
        auth=topology.auth,
        rights=topology.application_rights if topology.acl else None,
        tls=topology.tls,
        engine=topology.engine,
        host=topology.host,
        address=topology.address,
        announced_name=topology.announced_name,
        announce_port=topology.announce_port,
        hosts=topology.hosts,
        users=users or {},
        config=config
        and {name: held if "sentinel" in conf else conf for name, conf in config.items()},
        configs=paths,
    )
