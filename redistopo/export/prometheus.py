"""`export prometheus`: targets of the servers, a scrape configuration, alerts and a dashboard."""

import json
from hashlib import sha256
from shlex import quote

from redistopo.export.elsewhere import Exported, plain
from redistopo.export.exported_file import ExportedFile
from redistopo.model.planning.plan import NodePlan, Plan
from redistopo.model.protocol.credentials import Credentials

_LISTEN = "127.0.0.1:9122"
"""Where the scrape configuration expects `redistopo metrics`."""

_EXPORTER = "127.0.0.1:9121"
"""The port that redis_exporter listens at by default."""

_TEMPLATES = ("README.md", "prometheus.yml", "rules.yml", "dashboard.json")


def prometheus_files(plan: Plan, credentials: Credentials) -> tuple[ExportedFile, ...]:
    """Render the export; it contains no password."""
    made = Exported(plan=plan, credentials=credentials)
    root = str(plan.layout.root)
    secret = f"REDIS_PASSWORD=$(redistopo -C {quote(root)} secret show) "
    values = {
        "nodes": [plain(node) for node in plan.nodes],
        "listen": _LISTEN,
        "exporter": _EXPORTER,
        "scheme": "rediss" if plan.topology.tls else "redis",
        "project": root,
        "password": secret if plan.topology.auth else "",
        # Grafana identifies a dashboard by it: at most 40 letters, digits, - and _
        "uid": f"redistopo-{sha256(plan.topology.name.encode()).hexdigest()[:12]}",
    }
    texts = {name: made.render(f"prometheus/{name}.j2", values) for name in _TEMPLATES}
    targets = json.dumps([_target(plan, node) for node in plan.nodes], indent=2)
    files = {**texts, "targets.json": f"{targets}\n"}
    return tuple(ExportedFile(path=name, text=text) for name, text in files.items())


def _target(plan: Plan, node: NodePlan) -> dict[str, object]:
    labels = {
        "topology": plan.topology.name,
        "shard": str(node.shard or ""),
        "role": node.role.value,
        "node": node.name,
    }
    return {"targets": [node.address], "labels": labels}
