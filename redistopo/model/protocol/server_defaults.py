"""The servers' own defaults of directives that change what a node keeps, refuses or takes over."""

from collections.abc import Mapping

from redistopo.model.protocol.conf import same_value

DEFAULTS: Mapping[str, str] = {
    "maxmemory": "0", "maxmemory-policy": "noeviction", "maxmemory-samples": "5", "timeout": "0",
    "tcp-keepalive": "300", "appendfsync": "everysec", "no-appendfsync-on-rewrite": "no",
    "aof-load-truncated": "yes", "stop-writes-on-bgsave-error": "yes", "rdbcompression": "yes",
    "rdbchecksum": "yes", "min-replicas-to-write": "0", "min-replicas-max-lag": "10",
    "replica-read-only": "yes", "replica-serve-stale-data": "yes", "replica-priority": "100",
    "replica-ignore-maxmemory": "yes", "repl-timeout": "60", "repl-ping-replica-period": "10",
    "cluster-require-full-coverage": "yes", "cluster-replica-no-failover": "no",
    "cluster-replica-validity-factor": "10", "cluster-migration-barrier": "1",
    "cluster-allow-reads-when-down": "no",
}  # fmt: skip
"""Those that are the same in every supported engine (a test compares them with the servers)."""

_OTHERS: Mapping[str, tuple[str, ...]] = {
    "save": ("3600 1 300 100 60 10000", "900 1 300 10 60 10000", "3600 1 300 10 60 10000"),
    "client-output-buffer-limit": (
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
        "normal 0 0 0 replica 268435456 67108864 60 pubsub 33554432 8388608 60",
    ),
    "repl-backlog-size": ("1048576", "10485760"), "repl-diskless-sync": ("yes", "no"),
    "maxclients": ("10000",), "databases": ("16",), "notify-keyspace-events": ("",),
    "slowlog-log-slower-than": ("10000",), "slowlog-max-len": ("128",),
    "latency-monitor-threshold": ("0",), "activedefrag": ("no",), "io-threads": ("1",),
    "maxmemory-clients": ("0",), "auto-aof-rewrite-percentage": ("100",),
    "auto-aof-rewrite-min-size": ("67108864",), "cluster-allow-replica-migration": ("yes",),
    "cluster-allow-pubsubshard-when-down": ("yes",), "cluster-preferred-endpoint-type": ("ip",),
    "cluster-link-sendbuf-limit": ("0",), "tls-auth-clients": ("yes",), "hz": ("10",),
}  # fmt: skip
"""Those that differ between engines, or that most topologies leave alone."""

HZ = "hz"

SLOWEST_HZ = "1"
"""What the servers of a large cluster get while they end."""

FASTEST_HZ = "19"
"""What servers start with that are to agree soon: clusterCron, due every 100 ms, runs with each
serverCron then, every 52 ms; from 20 on it is 100 ms again (server.h, run_with_period)."""

DEFAULT_HZ = _OTHERS[HZ][0]

KNOWN_DEFAULTS = (*DEFAULTS, *_OTHERS)
"""The directives whose defaults are known."""


def is_default(directive: str, value: str) -> bool:
    """Return whether a value is a directive's default in some supported engine."""
    defaults = (DEFAULTS[directive],) if directive in DEFAULTS else _OTHERS[directive]
    return any(same_value(directive, one, value) for one in defaults)
