"""redis-py clients for an application's access to a topology, with redis-py's own defaults."""

from typing import Any

from redistopo.model.protocol.credentials import Login
from redistopo.model.state.application_access import ApplicationAccess
from redistopo.model.topology.spec import Shape

Options = dict[str, Any]


def _login(login: Login) -> Options:
    found: Options = {}
    if login.password:
        found["password"] = login.password
    if login.user:
        found["username"] = login.user
    if login.tls:
        pem = login.tls.pem or None
        found |= {"ssl": True, "ssl_ca_certs": login.tls.ca}
        found |= {"ssl_certfile": pem, "ssl_keyfile": pem}
    return found


def make_client(access: ApplicationAccess, options: Options) -> Any:
    """Create the client that fits the shape; `options` take precedence over the login's."""
    import redis
    from redis.cluster import ClusterNode

    merged = {**_login(access.login), **options}
    if access.shape is Shape.CLUSTER:
        nodes = [ClusterNode(host, port) for host, port in access.nodes]
        return redis.RedisCluster(startup_nodes=nodes, **merged)
    if access.sentinels:
        known = redis.Sentinel(list(access.sentinels), sentinel_kwargs=_sentinel(access))
        return known.master_for(access.service, **merged)
    return redis.Redis(host=access.entry.host, port=access.entry.port, **merged)


def make_async_client(access: ApplicationAccess, options: Options) -> Any:
    """Create the same client for asyncio."""
    from redis import asyncio
    from redis.asyncio.cluster import ClusterNode

    class OfSentinels(asyncio.Redis):
        """Also closes the connections to the Sentinels, which redis-py leaves open."""

        async def aclose(self, close_connection_pool: bool | None = None) -> None:
            await super().aclose(close_connection_pool)
            for one in known.sentinels:
                await one.aclose()

    merged = {**_login(access.login), **options}
    if access.shape is Shape.CLUSTER:
        nodes = [ClusterNode(host, port) for host, port in access.nodes]
        return asyncio.RedisCluster(startup_nodes=nodes, **merged)
    if access.sentinels:
        known = asyncio.Sentinel(list(access.sentinels), sentinel_kwargs=_sentinel(access))
        return known.master_for(access.service, redis_class=OfSentinels, **merged)
    return asyncio.Redis(host=access.entry.host, port=access.entry.port, **merged)


def _sentinel(access: ApplicationAccess) -> Options:
    return _login(access.sentinel or Login(tls=access.login.tls))
