"""What every verb that starts or writes something checks before any server is queried.

These checks read the folder and the machine; those on the snapshot are in
model/planning/guards.
"""

from typing import TYPE_CHECKING

from redistopo.errors import UsageError
from redistopo.model.planning.former_layout import refuse_other_layout
from redistopo.model.planning.password_rotation import acl_password_hash
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.readdress import is_readdressed
from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.protocol.credentials import credentials_changed_hint
from redistopo.project.job_file import load_job
from redistopo.project.load import require_address
from redistopo.project.passwords import load_password, password_source
from redistopo.project.state_folder import refuse_foreign, refuse_planted
from redistopo.project.unfinished_changes import refuse_unfinished
from redistopo.session.session import Session

if TYPE_CHECKING:
    from redistopo.model.planning.proposal import Asked

_ADDRESS = {"bind", "port", "sentinel"}
"""All that is known of a node whose configuration files are lost: its recorded address."""


def refuse_request(plan: Plan, asked: "Asked") -> None:
    """Raise RedistopoError if the topology file or an option is impossible on this machine."""
    from redistopo.model.planning.leadership import require_primaries
    from redistopo.model.planning.nodes_conf_repair import require_rebuildable

    require_address(plan.topology)
    require_rebuildable(plan, asked.rebuild)
    require_primaries(plan, asked.primary)
    refuse_foreign(plan.layout)
    refuse_planted(plan.layout)


def refuse_folder(session: Session, plan: Plan, *, by_up: bool = False) -> None:
    """Raise RedistopoError if the folder's files or servers contradict the topology file.

    `by_up` is set for `up`, which changes the addresses in the files of stopped nodes, and adds and
    removes nodes.
    """
    if session.adopted:
        return  # their files and processes aren't here
    refuse_changed_security(session)
    refuse_other_nodes(session, plan, by_up=by_up)
    if not by_up and session.state is not None and is_readdressed(plan, session.state):
        raise UsageError(
            f"{session.layout.topology.name} has other addresses than the nodes' files",
            hint="redistopo up starts all nodes at the new addresses; the data is kept",
        )


def refuse_other_nodes(session: Session, plan: Plan, *, by_up: bool = False) -> None:
    """Raise UsageError if the topology file no longer describes the nodes in the folder."""
    if (job := load_job(session.layout)) and job.verb == "move" and not by_up:
        refuse_unfinished(session.layout)
    known = (node.name for node in session.state.nodes) if session.state else ()
    running = [name for name in known if session.host.processes.find(session.layout, name)]
    refuse_other_layout(plan, session.state, session.rendered, running, by_up=by_up)


def refuse_changed_security(session: Session) -> None:
    """Raise UsageError if servers run with access control or a password other than in the
    topology file: these change only at a start, and until then we can't log in."""
    topology, layout = session.topology, session.layout
    for name, conf in session.rendered.items():
        if conf.keys() <= _ADDRESS or session.host.processes.find(layout, name) is None:
            continue
        started = read_conf(session.host.files.read(layout.node(name).started) or "")
        for key, asked, given in (
            ("tls", topology.tls, {"tls-port"}),
            ("acl", topology.acl, {"aclfile"}),
            ("auth", topology.auth, {"requirepass", "aclfile"}),
        ):
            runs = not given.isdisjoint({*conf, *started})  # one of the files may be damaged
            if asked is not runs and not (key == "auth" and layout.node(name).sentinel):
                raise UsageError(
                    f"{key} is {str(asked).lower()} in the topology file, but servers run with "
                    f"{key} = {str(runs).lower()}",
                    detail=f"{name} was started with it; this changes only at a start",
                    hint="redistopo down, then up; data is kept",
                )
        if topology.auth and session.rotation is None and not _known(session, conf, name):
            raise UsageError(
                "the servers run with a password other than the one known here",
                detail=f"known here: from {password_source(topology, layout) or layout.password}",
                hint=credentials_changed_hint(),
            )


def _known(session: Session, conf: Directives, name: str) -> bool:
    """Whether the application's password is the one that the node was started with or given
    since."""
    folder = session.layout.node(name)
    if folder.sentinel and "aclfile" not in conf:
        return True  # it has its own password
    mine = load_password(session.topology, session.layout)
    if "aclfile" in conf:
        return f"#{acl_password_hash(mine)}" in (session.host.files.read(folder.users) or "")
    return conf.get("requirepass", (mine,))[-1] == mine
