"""`export redisinsight`: a file of connections to the topology, and to each of its servers."""

from dataclasses import replace

from redistopo.export.elsewhere import Exported
from redistopo.export.exported_file import ExportedFile
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.credentials import Credentials, Login, TlsTexts
from redistopo.render.redisinsight import by_sentinel, connection, connections_file


def redisinsight_files(
    plan: Plan, credentials: Credentials, tls: TlsTexts
) -> tuple[ExportedFile, ...]:
    """Render the export, with the application's login."""
    made = Exported(plan=plan, credentials=credentials)
    name, login = plan.topology.name, credentials.application or Login()
    whole = connection(name, plan.primaries[0].endpoint, login, tls)
    if plan.sentinels:
        # with ACL, applications have one password for all servers
        own = login if credentials.acl else replace(credentials.sentinel or login, user="")
        there = connection(name, plan.sentinels[0].endpoint, own, tls)
        whole = by_sentinel(there, name, login)
    each = (connection(name, node.endpoint, login, tls, node.name) for node in plan.data)
    readme = made.render("redisinsight/README.md.j2", {"project": str(plan.layout.root)})
    return (
        ExportedFile(path="README.md", text=readme),
        ExportedFile(
            path="connections.json", text=f"{connections_file([whole, *each])}\n", secret=True
        ),
    )
