"""Carrying out steps; nothing is decided here."""

import signal
from collections.abc import Callable

from redistopo.client.observe import Detail
from redistopo.errors import BadReply, UsageError
from redistopo.execute.context import ExecutionContext
from redistopo.execute.create_by_cli import form_by_cli
from redistopo.execute.create_instantly import form_instantly, seed
from redistopo.execute.promote import promote
from redistopo.execute.rejoin import forget_ids, rejoin, reset_again
from redistopo.execute.repair_nodes_conf import promote_stopped_replica, rewrite_nodes_conf
from redistopo.execute.sentinels import fail_over, introduce
from redistopo.execute.start import await_ready, start
from redistopo.execute.switch_persistence import (
    finish,
    prepare,
    refuse_renamed,
    to_log,
    to_snapshot,
)
from redistopo.execute.terminate import end_all
from redistopo.host.files import private_folder, read_text, write_private
from redistopo.host.node_folder import clear_data
from redistopo.host.polling import Deadline
from redistopo.host.process import find_process, signal_process
from redistopo.model.planning.plan import FormationMethod, NodePlan, Plan
from redistopo.model.planning.reconcile import USERS_FILE, Step, StepKind
from redistopo.model.planning.rejoin import stale_ids
from redistopo.model.planning.sentinel_primary import known_id
from redistopo.model.protocol.conf import (
    CONFIG_REWRITE_MARK,
    read_conf,
    with_values,
    without_hashes,
)
from redistopo.model.protocol.sentinel_replies import MONITOR
from redistopo.model.state.observed import Role
from redistopo.model.topology.exposure import refuse_exposed
from redistopo.progress import step, warn
from redistopo.render.conf import node_conf, sentinel_conf, users_acl


def execute(context: ExecutionContext, steps: tuple[Step, ...]) -> None:
    """All steps are done, in order; the first that fails raises."""
    for one in steps:
        with step(context.progress, str(one), detail=one.cause):
            _DOERS[one.do](context, one)


def _resume(context: ExecutionContext, one: Step) -> None:
    for name in one.nodes:
        if process := find_process(context.plan.layout, name):
            signal_process(process, signal.SIGCONT)
    await_ready(context, context.nodes(one.nodes))


def _clear(context: ExecutionContext, one: Step) -> None:
    layout = context.plan.layout
    running = {name: process for name in one.nodes if (process := find_process(layout, name))}
    end_all(context.host.processes, layout, running, Deadline(10))
    for node in context.nodes(one.nodes):
        context.client.forget(node.endpoint)
        context.started.pop(node.name, None)
        clear_data(layout, node.name)


def _write(context: ExecutionContext, one: Step) -> None:
    nodes = context.nodes(one.nodes)
    for node in (node for node in nodes if node.role is Role.SENTINEL):
        _write_sentinel(context, node)
    data = [node for node in nodes if node.role is not Role.SENTINEL]
    texts = [(node, node_conf(context.plan, node, context.credentials)) for node in data]
    stopped = [pair for pair in texts if find_process(context.plan.layout, pair[0].name) is None]
    refuse_renamed((node, read_conf(text)) for node, text in stopped)
    for node, text in texts:
        private_folder(node.folder.root)
        refuse_exposed(node.name, read_conf(text))
        found = read_text(node.folder.config)
        # Sentinels have it rewritten at each failover: nothing of the user's is in it then
        watched = bool(context.plan.sentinels)
        if found is not None and CONFIG_REWRITE_MARK in found and not watched:
            kept = node.folder.rewritten
            write_private(kept, found)
            warn(
                context.progress,
                f"{node.name}: a CONFIG REWRITE was found; its file is kept as {kept}",
            )
        write_private(node.folder.config, text)
        # a running server is asked first whether it takes them: see _set_users
        if context.plan.topology.acl and find_process(context.plan.layout, node.name) is None:
            write_private(node.folder.users, users_acl(context.plan, context.credentials))


def _write_sentinel(context: ExecutionContext, node: NodePlan) -> None:
    """What a Sentinel starts on for the first time; where its file was lost, with the id that
    the others know: a new one would leave the old one among them for good."""
    text = sentinel_conf(context.plan, node, context.credentials, known_id(context.plan, node))
    refuse_exposed(node.name, read_conf(text))
    private_folder(node.folder.root)
    if context.plan.topology.acl:
        write_private(
            node.folder.users, users_acl(context.plan, context.credentials, sentinel=True)
        )
    write_private(node.folder.config, text)


def _place(plan: Plan, node: NodePlan) -> None:
    """The paths in a stopped Sentinel's own file are where it is now: in a folder that was
    moved or copied they would lead elsewhere. All else in it stays as it is."""
    folder, tls = node.folder, plan.layout.tls
    pem = str(tls.node(node.name))
    paths = {
        "dir": str(folder.root),
        "logfile": str(folder.log),
        "pidfile": str(folder.pidfile),
        "aclfile": str(folder.users),
        "tls-cert-file": pem,
        "tls-key-file": pem,
        "tls-ca-cert-file": str(tls.ca),
    }
    text = read_text(folder.config) or ""
    found = read_conf(text)
    if any(found[name] != (path,) for name, path in paths.items() if name in found):
        write_private(folder.config, with_values(text, paths))


def _seed(context: ExecutionContext, _one: Step) -> None:
    seed(context)


def _start(context: ExecutionContext, one: Step) -> None:
    data = [node for node in context.nodes(one.nodes) if node.role is not Role.SENTINEL]
    for node in context.nodes(one.nodes):
        if node.role is Role.SENTINEL:
            _place(context.plan, node)
    switches = prepare(context, data)
    start(context, one.nodes)
    finish(context, switches)
    if context.plan.topology.acl:
        for node in data:
            _list_users(context, node)


def _form(context: ExecutionContext, _one: Step) -> None:
    if context.plan.formation.method is FormationMethod.REDIS_CLI:
        form_by_cli(context)
    else:
        form_instantly(context)


def _lead(context: ExecutionContext, one: Step) -> None:
    promote(context, one.nodes)


def _meet(context: ExecutionContext, one: Step) -> None:
    introduce(context, one.nodes)


def _fail_over(context: ExecutionContext, _one: Step) -> None:
    fail_over(context)


def _rejoin(context: ExecutionContext, one: Step) -> None:
    rejoin(context, one.nodes, one.slots)


def _reset(context: ExecutionContext, one: Step) -> None:
    reset_again(context, one.nodes)


def _forget(context: ExecutionContext, _one: Step) -> None:
    forget_ids(context, stale_ids(context.look(Detail.HEALTH)))


def _tell_sentinel(context: ExecutionContext, node: NodePlan, directive: str, value: str) -> None:
    """The Sentinel has the setting, and writes it into its own file."""
    seen = next(one for one in context.look(Detail.HEALTH).nodes if one.name == node.name)
    watch = next(iter(seen.watches), None)
    if directive == MONITOR or watch is None:
        raise BadReply("", detail="Sentinels keep the name under which they watch")
    context.order(node, "SENTINEL", "SET", watch.name, directive, value)


def _correct(context: ExecutionContext, one: Step) -> None:
    """What can be set live is set; of the rest the user is told that it needs a restart."""
    waiting: dict[str, str] = {}
    for node in context.nodes(one.nodes):
        for directive, value in one.settings[node.name].items():
            if value is None:
                waiting[directive] = "no longer in the topology file"
                continue
            if directive == USERS_FILE:
                _set_users(context, node, value)
                continue
            try:
                if node.role is Role.SENTINEL:
                    _tell_sentinel(context, node, directive, value)
                elif directive == "appendonly":
                    (to_log if value == "yes" else to_snapshot)(context, node)
                else:
                    context.order(node, "CONFIG", "SET", directive, value)
            except BadReply as error:
                waiting[directive] = error.detail
    for directive, why in waiting.items():
        warn(
            context.progress,
            f"{directive} changes at a restart ({why}): redistopo restart --rolling",
        )


def _set_users(context: ExecutionContext, node: NodePlan, text: str) -> None:
    """Each user is what its line says. ACL LOAD would do the same, and hang up on clients."""
    known = context.order(node, "ACL", "USERS")
    names = []
    for line in text.splitlines():
        _user, name, *rules = line.split()
        names.append(name)
        try:
            context.order(node, "ACL", "SETUSER", name, "reset", *rules)
        except BadReply as error:
            raise UsageError(
                f"{node.name} doesn't take the rules of user {name}",
                detail=error.detail,
                hint="mend application_rights, or conf/users.acl.j2",
            ) from error
    for name in known if isinstance(known, list) else ():
        if name not in names:
            context.order(node, "ACL", "DELUSER", str(name))
    write_private(node.folder.users, text)
    _list_users(context, node)


def _list_users(context: ExecutionContext, node: NodePlan) -> None:
    """What the server says of its users now is kept, to be compared with later."""
    said = context.order(node, "ACL", "LIST")
    lines = without_hashes(map(str, said)) if isinstance(said, list) else ()
    write_private(node.folder.listed, "\n".join(lines) + "\n")


_DOERS: dict[StepKind, Callable[[ExecutionContext, Step], None]] = {
    StepKind.RESUME: _resume,
    StepKind.CLEAR: _clear,
    StepKind.WRITE: _write,
    StepKind.SEED: _seed,
    StepKind.START: _start,
    StepKind.FORM: _form,
    StepKind.CORRECT: _correct,
    StepKind.REBUILD: rewrite_nodes_conf,
    StepKind.PROMOTE: promote_stopped_replica,
    StepKind.LEAD: _lead,
    StepKind.MEET: _meet,
    StepKind.FAILOVER: _fail_over,
    StepKind.RESET: _reset,
    StepKind.REJOIN: _rejoin,
    StepKind.FORGET: _forget,
}
