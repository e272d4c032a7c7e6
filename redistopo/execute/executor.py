"""Executes steps; decides nothing."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from redistopo.errors import BadReply, Unreachable, UsageError
from redistopo.execute.context import ExecutionContext
from redistopo.execute.create_by_cli import form_by_cli
from redistopo.execute.create_instantly import form_instantly, seed
from redistopo.execute.hurry import hurry
from redistopo.execute.introduce_sentinels import fail_over, introduce
from redistopo.execute.monitor_primary import monitor_again
from redistopo.execute.promote import promote, take_over
from redistopo.execute.recount_sentinels import discover, recount
from redistopo.execute.rejoin_cluster import await_writable, forget_ids, rejoin, reset_again
from redistopo.execute.remove_nodes import end, remove
from redistopo.execute.repair_gossip import follow_again, raise_stale
from redistopo.execute.start import await_ready, start
from redistopo.execute.store_settings import store_settings
from redistopo.execute.switch_persistence import load_from, put_log_aside, rewrite_log, switch
from redistopo.execute.terminate import end_all
from redistopo.host.node_data import clear_data
from redistopo.host.polling import Deadline
from redistopo.host.stop_record_files import forget_stop_record
from redistopo.model.planning.plan import FormationMethod, NodePlan
from redistopo.model.planning.readdress import readdressed
from redistopo.model.planning.rename import renamed
from redistopo.model.planning.step import USERS_FILE, Step, StepKind
from redistopo.model.protocol.conf import with_values, without_hashes
from redistopo.progress import step, warn
from redistopo.render.conf import configuration_files


def execute(context: ExecutionContext, steps: tuple[Step, ...]) -> None:
    """Execute all steps, in order; raises the error of the first that fails."""
    for one in steps:
        with step(context.progress, str(one), detail=one.cause):
            _DOERS[one.do](context, one)


def _abort(context: ExecutionContext, one: Step) -> None:
    """Cancel shutdowns that wait for replicas; one that is over meanwhile is seen afterwards."""
    for node in context.nodes(one.nodes):
        with suppress(Unreachable, BadReply):
            context.send(node, "SHUTDOWN", "ABORT")


def _resume(context: ExecutionContext, one: Step) -> None:
    for name in one.nodes:
        if process := context.host.processes.find(context.plan.layout, name):
            context.host.processes.signal(process, signal.SIGCONT)
    await_ready(context, context.nodes(one.nodes))


def _readdress(context: ExecutionContext, one: Step) -> None:
    """Write each file as a whole, so that it has former addresses, or new ones, but not both."""
    files = context.host.files
    for node in context.nodes(one.nodes):
        path = node.folder.table if node.bus_port else node.folder.config
        text, moves = files.read(path) or "", one.settings[node.name]
        files.write(path, readdressed(text, node, moves, context.plan.bound(node)))


def _rename(context: ExecutionContext, one: Step) -> None:
    files = context.host.files
    for node in context.nodes(one.nodes):
        text = files.read(node.folder.config) or ""
        for was, new in one.settings[node.name].items():
            text = renamed(text, was, new or "")
        files.write(node.folder.config, text)


def _clear(context: ExecutionContext, one: Step) -> None:
    layout, processes = context.plan.layout, context.host.processes
    running = {name: found for name in one.nodes if (found := processes.find(layout, name))}
    end_all(processes, layout, running, Deadline(10))
    for node in context.nodes(one.nodes):
        context.client.close(node.endpoint)
        context.started.pop(node.name, None)
        clear_data(context.host.files, layout, node.name)


def _keep(context: ExecutionContext, one: Step) -> None:
    files = context.host.files
    for node in context.nodes(one.nodes):
        files.write(node.folder.rewritten, files.read(node.folder.config) or "")
        kept = f"the rewritten file is kept as {node.folder.rewritten}"
        warn(context.progress, f"{node.name}: CONFIG REWRITE changed its configuration; {kept}")


def _write(context: ExecutionContext, one: Step) -> None:
    for node in context.nodes(one.nodes):
        myid = one.settings.get(node.name, {}).get("myid") or ""
        context.host.files.private_folder(node.folder.root)
        files = configuration_files(
            context.plan, node, context.credentials, myid=myid, rendered=context.rendered_of(node)
        )
        for path, text in files.items():
            context.host.files.write(path, text)


def _place(context: ExecutionContext, one: Step) -> None:
    """Change only the paths in a Sentinel's own file."""
    for node in context.nodes(one.nodes):
        paths = {name: path for name, path in one.settings[node.name].items() if path}
        text = context.host.files.read(node.folder.config) or ""
        context.host.files.write(node.folder.config, with_values(text, paths))


def _relist(context: ExecutionContext, one: Step) -> None:
    for node in context.nodes(one.nodes):
        path = node.folder.root / str(one.settings[node.name]["manifest"])
        context.host.files.write(path, one.texts[node.name])


def _rewrite_nodes_conf(context: ExecutionContext, one: Step) -> None:
    """Write each node's repaired nodes.conf, with which it rejoins its cluster, or is promoted."""
    files = context.host.files
    for node in context.nodes(one.nodes):
        old = ""
        if files.status(node.folder.table):
            files.rename(node.folder.table, node.folder.damaged)
            old = f"; the old one is kept as {node.folder.damaged}"
        files.private_folder(node.folder.root)
        files.write(node.folder.table, one.texts[node.name])
        warn(context.progress, f"{node.name}: nodes.conf was rebuilt{old}")


def _start(context: ExecutionContext, one: Step) -> None:
    files = context.host.files
    for name in one.nodes:
        forget_stop_record(files, context.plan.layout, name)
        if files.status(removed := context.plan.layout.node(name).removed):
            files.remove(removed)  # a removal that was taken back
    for node in context.nodes(one.recorded):
        files.write(node.folder.started, files.read(node.folder.config) or "")
    start(context, one.nodes, one.settings)


def _list(context: ExecutionContext, one: Step) -> None:
    for node in context.nodes(one.nodes):
        _list_users(context, node)


def _form(context: ExecutionContext, one: Step) -> None:
    _FORMING[context.plan.formation.method](context, one)


def _correct(context: ExecutionContext, one: Step) -> None:
    """Apply settings to the running servers; warn about those that need a restart."""
    for node, directive, value in _settings(context, one):
        with _or_at_a_restart(context, directive):
            context.send(node, "CONFIG", "SET", directive, value)


def _correct_sentinel(context: ExecutionContext, one: Step) -> None:
    """Apply settings to running Sentinels, which write them to their own files."""
    name = context.plan.topology.name
    for node, directive, value in _settings(context, one):
        with _or_at_a_restart(context, directive):
            context.send(node, "SENTINEL", "SET", name, directive, value)


def _settings(context: ExecutionContext, one: Step) -> Iterator[tuple[NodePlan, str, str]]:
    for node in context.nodes(one.nodes):
        for directive, value in one.settings[node.name].items():
            yield node, directive, value or ""


def _defer(context: ExecutionContext, one: Step) -> None:
    """Warn about settings that running servers keep until a restart."""
    for _node, directive, _value in _settings(context, one):
        with _or_at_a_restart(context, directive):
            raise BadReply("", detail="no longer in the topology file")


def _store(context: ExecutionContext, one: Step) -> None:
    store_settings(context, context.nodes(one.nodes))


def _switch(context: ExecutionContext, one: Step) -> None:
    with _or_at_a_restart(context, "appendonly"):
        switch(context, one)


@contextmanager
def _or_at_a_restart(context: ExecutionContext, directive: str) -> Iterator[None]:
    """Warn if a server accepts a setting only at a start."""
    try:
        yield
    except BadReply as error:
        adopted = context.plan.topology.adopted is not None
        how = "restart the servers, replicas first" if adopted else "redistopo restart --rolling"
        text = f"{directive} changes at a restart ({error.detail}): {how}"
        if text not in context.told:
            warn(context.progress, text)
        context.told.add(text)


def _grant(context: ExecutionContext, one: Step) -> None:
    """Set each user by its line. ACL LOAD would do the same, but disconnect clients."""
    for node in context.nodes(one.nodes):
        text = one.settings[node.name][USERS_FILE] or ""
        rules = {name: rest for _user, name, *rest in map(str.split, text.splitlines())}
        for name, some in rules.items():
            try:
                context.send(node, "ACL", "SETUSER", name, "reset", *some)
            except BadReply as error:
                raise UsageError(
                    f"{node.name} rejects the rules of user {name}",
                    detail=error.detail,
                    hint="correct application_rights, or conf/users.acl.j2",
                ) from error
        known = context.send(node, "ACL", "USERS")
        for name in known if isinstance(known, list) else ():
            if name not in rules:
                context.send(node, "ACL", "DELUSER", str(name))
        context.host.files.write(node.folder.users, text)
        _list_users(context, node)


def _move(context: ExecutionContext, one: Step) -> None:
    from redistopo.execute.move_slots import move_slots

    context.on_moves(one.moves)
    await_writable(context, one)
    moved = move_slots(context, one.moves)
    hurry(context, one.settings)
    context.moved_slots += moved.slots
    context.moved_keys += moved.keys


def _settle(context: ExecutionContext, _one: Step) -> None:
    from redistopo.execute.close_slots import close_foreign_slots

    close_foreign_slots(context)


def _spread(context: ExecutionContext, one: Step) -> None:
    from redistopo.execute.handover import hand_over_shard

    for node in context.nodes(one.nodes):
        hand_over_shard(context, node)


def _list_users(context: ExecutionContext, node: NodePlan) -> None:
    """Keep the server's ACL LIST, to detect later changes."""
    listed = context.send(node, "ACL", "LIST")
    lines = without_hashes(map(str, listed)) if isinstance(listed, list) else ()
    context.host.files.write(node.folder.listed, "\n".join(lines) + "\n")


_FORMING: dict[FormationMethod, Callable[[ExecutionContext, Step], None]] = {
    FormationMethod.REDIS_CLI: form_by_cli,
    FormationMethod.INSTANT: form_instantly,
}

_DOERS: dict[StepKind, Callable[[ExecutionContext, Step], None]] = {
    StepKind.ABORT: _abort,
    StepKind.RESUME: _resume,
    StepKind.READDRESS: _readdress,
    StepKind.RENAME: _rename,
    StepKind.CLEAR: _clear,
    StepKind.KEEP: _keep,
    StepKind.WRITE: _write,
    StepKind.SEED: seed,
    StepKind.PLACE: _place,
    StepKind.LOAD: load_from,
    StepKind.ASIDE: put_log_aside,
    StepKind.RELIST: _relist,
    StepKind.START: _start,
    StepKind.LIST: _list,
    StepKind.FORM: _form,
    StepKind.GRANT: _grant,
    StepKind.CORRECT: _correct,
    StepKind.CORRECT_SENTINEL: _correct_sentinel,
    StepKind.STORE: _store,
    StepKind.DEFER: _defer,
    StepKind.SWITCH: _switch,
    StepKind.REWRITE: rewrite_log,
    StepKind.REBUILD: _rewrite_nodes_conf,
    StepKind.PROMOTE: _rewrite_nodes_conf,
    StepKind.LEAD: promote,
    StepKind.TAKEOVER: take_over,
    StepKind.MONITOR: monitor_again,
    StepKind.MEET: introduce,
    StepKind.FAILOVER: fail_over,
    StepKind.RESET: reset_again,
    StepKind.REJOIN: rejoin,
    StepKind.FORGET: forget_ids,
    StepKind.MOVE: _move,
    StepKind.REMOVE: remove,
    StepKind.END: end,
    StepKind.RECOUNT: recount,
    StepKind.DISCOVER: discover,
    StepKind.SETTLE: _settle,
    StepKind.EPOCH: raise_stale,
    StepKind.FOLLOW: follow_again,
    StepKind.SPREAD: _spread,
}
