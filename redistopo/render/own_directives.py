"""The directives that the templates of a redis.conf have by themselves."""

OWN_DIRECTIVES = frozenset(
    [
        "aclfile",
        "appendfsync",
        "appendonly",
        "bind",
        "cluster-announce-hostname",
        "cluster-announce-ip",
        "cluster-config-file",
        "cluster-enabled",
        "cluster-node-timeout",
        "cluster-port",
        "cluster-preferred-endpoint-type",
        "daemonize",
        "dir",
        "logfile",
        "masterauth",
        "masteruser",
        "pidfile",
        "port",
        "protected-mode",
        "repl-backlog-size",
        "repl-diskless-load",
        "repl-diskless-sync",
        "repl-diskless-sync-delay",
        "replica-announce-ip",
        "replica-read-only",
        "replicaof",
        "requirepass",
        "save",
    ]
)
"""Without those that a topology file adds, and those that only some builds know (TLS)."""
