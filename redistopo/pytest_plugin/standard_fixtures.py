"""The fixtures that exist without a line of the user's."""

import pytest

from redistopo.pytest_plugin import factories

redistopo_cluster = factories.cluster()
redistopo_sentinel = factories.sentinel()
redistopo_replication = factories.replication()
redistopo_standalone = factories.standalone()

redis_cluster = factories.client("redistopo_cluster")
redis_sentinel = factories.client("redistopo_sentinel")
redis_replication = factories.client("redistopo_replication")
redis_standalone = factories.client("redistopo_standalone")

async_redis_cluster = factories.async_client("redistopo_cluster")
async_redis_sentinel = factories.async_client("redistopo_sentinel")
async_redis_replication = factories.async_client("redistopo_replication")
async_redis_standalone = factories.async_client("redistopo_standalone")


@pytest.fixture
def redistopo_prefix(request: pytest.FixtureRequest) -> str:
    """A prefix for the names of keys that no other test has, for topologies that are shared."""
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    return f"{worker}:{request.node.nodeid}:"
