"""The programs for which a topology can be exported."""

TARGETS = {
    "systemd": "units that run the servers on this machine",
    "compose": "containers of the official images, on this machine",
    "kubernetes": "manifests of a StatefulSet for each shard",
    "ansible": "a playbook, an inventory and a module that run the servers on its hosts",
    "prometheus": "targets, a scrape configuration, alerts and a Grafana dashboard",
    "redisinsight": "connections to import into Redis Insight",
}
"""Target -> what its export is."""

WITHOUT_SECRETS = frozenset({"prometheus"})
"""Targets whose exports have no password, so that none is generated for them."""
