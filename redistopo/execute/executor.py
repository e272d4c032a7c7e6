"""Carrying out steps; nothing is decided here."""

import signal
from collections.abc import Callable

from redistopo.client.observe import Depth
from redistopo.errors import BadReply, WrongRequest
from redistopo.execute.context import Hands
from redistopo.execute.create_by_cli import form_by_cli
from redistopo.execute.create_instantly import form_instantly, seed
from redistopo.execute.promote import lead
from redistopo.execute.rejoin import empty_again, forget, rejoin
from redistopo.execute.repair_nodes_conf import promote, rebuild
from redistopo.execute.sentinels import fail_over, introduce
from redistopo.execute.start import await_ready, start
from redistopo.execute.switch_persistence import (
    finish,
    prepare,
    refuse_renamed,
    to_log,
    to_snapshot,
)
from redistopo.host.files import private_folder, read_text, write_private
from redistopo.host.node_folder import clear_data
from redistopo.host.polling import Deadline
from redistopo.host.process import ours, signal_process
from redistopo.host.terminate import end_all
from redistopo.model.planning.plan import Method, NodePlan, Plan
from redistopo.model.planning.reconcile import USERS, Do, Step
from redistopo.model.planning.rejoin import ghosts
from redistopo.model.planning.sentinel_primary import known_id
from redistopo.model.protocol.conf import REWRITTEN, read_conf, with_values, without_hashes
from redistopo.model.protocol.sentinel_replies import MONITOR
from redistopo.model.state.observed import Role
from redistopo.model.topology.exposure import refuse_exposed
from redistopo.progress import step, warn
from redistopo.render.conf import node_conf, sentinel_conf, users_acl


def execute(hands: Hands, steps: tuple[Step, ...]) -> None:
    """All steps are done, in order; the first that fails raises."""
    for one in steps:
        with step(hands.tell, str(one), detail=one.cause):
            _DOERS[one.do](hands, one)


def _resume(hands: Hands, one: Step) -> None:
    for name in one.nodes:
        if process := ours(hands.plan.layout, name):
            signal_process(process, signal.SIGCONT)
    await_ready(hands, hands.nodes(one.nodes))


def _clear(hands: Hands, one: Step) -> None:
    layout = hands.plan.layout
    running = {name: process for name in one.nodes if (process := ours(layout, name))}
    end_all(layout, running, Deadline(10))
    for node in hands.nodes(one.nodes):
        hands.asker.forget(node.host, node.port)
        hands.started.pop(node.name, None)
        clear_data(layout, node.name)


def _write(hands: Hands, one: Step) -> None:
    nodes = hands.nodes(one.nodes)
    for node in (node for node in nodes if node.role is Role.SENTINEL):
        _write_sentinel(hands, node)
    data = [node for node in nodes if node.role is not Role.SENTINEL]
    texts = [(node, node_conf(hands.plan, node, hands.keys)) for node in data]
    stopped = [pair for pair in texts if ours(hands.plan.layout, pair[0].name) is None]
    refuse_renamed((node, read_conf(text)) for node, text in stopped)
    for node, text in texts:
        private_folder(node.folder.root)
        refuse_exposed(node.name, read_conf(text))
        found = read_text(node.folder.config)
        # Sentinels have it rewritten at each failover: nothing of the user's is in it then
        watched = bool(hands.plan.sentinels)
        if found is not None and REWRITTEN in found and not watched:
            kept = node.folder.rewritten
            write_private(kept, found)
            warn(hands.tell, f"{node.name}: a CONFIG REWRITE was found; its file is kept as {kept}")
        write_private(node.folder.config, text)
        # a running server is asked first whether it takes them: see _set_users
        if hands.plan.topology.acl and ours(hands.plan.layout, node.name) is None:
            write_private(node.folder.users, users_acl(hands.plan, hands.keys))


def _write_sentinel(hands: Hands, node: NodePlan) -> None:
    """What a Sentinel starts on for the first time; where its file was lost, with the id that
    the others know: a new one would leave the old one among them for good."""
    text = sentinel_conf(hands.plan, node, hands.keys, known_id(hands.plan, node))
    refuse_exposed(node.name, read_conf(text))
    private_folder(node.folder.root)
    if hands.plan.topology.acl:
        write_private(node.folder.users, users_acl(hands.plan, hands.keys, sentinel=True))
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


def _seed(hands: Hands, _one: Step) -> None:
    seed(hands)


def _start(hands: Hands, one: Step) -> None:
    data = [node for node in hands.nodes(one.nodes) if node.role is not Role.SENTINEL]
    for node in hands.nodes(one.nodes):
        if node.role is Role.SENTINEL:
            _place(hands.plan, node)
    switches = prepare(hands, data)
    start(hands, one.nodes)
    finish(hands, switches)
    if hands.plan.topology.acl:
        for node in data:
            _list_users(hands, node)


def _form(hands: Hands, _one: Step) -> None:
    if hands.plan.formation.method is Method.REDIS_CLI:
        form_by_cli(hands)
    else:
        form_instantly(hands)


def _lead(hands: Hands, one: Step) -> None:
    lead(hands, one.nodes)


def _meet(hands: Hands, one: Step) -> None:
    introduce(hands, one.nodes)


def _fail_over(hands: Hands, _one: Step) -> None:
    fail_over(hands)


def _rejoin(hands: Hands, one: Step) -> None:
    rejoin(hands, one.nodes, one.slots)


def _reset(hands: Hands, one: Step) -> None:
    empty_again(hands, one.nodes)


def _forget(hands: Hands, _one: Step) -> None:
    forget(hands, ghosts(hands.look(Depth.HEALTH)))


def _tell_sentinel(hands: Hands, node: NodePlan, directive: str, value: str) -> None:
    """The Sentinel has the setting, and writes it into its own file."""
    seen = next(one for one in hands.look(Depth.HEALTH).nodes if one.name == node.name)
    watch = next(iter(seen.watches), None)
    if directive == MONITOR or watch is None:
        raise BadReply("", detail="Sentinels keep the name under which they watch")
    hands.order(node, "SENTINEL", "SET", watch.name, directive, value)


def _correct(hands: Hands, one: Step) -> None:
    """What can be set live is set; of the rest the user is told that it needs a restart."""
    waiting: dict[str, str] = {}
    for node in hands.nodes(one.nodes):
        for directive, value in one.settings[node.name].items():
            if value is None:
                waiting[directive] = "no longer in the topology file"
                continue
            if directive == USERS:
                _set_users(hands, node, value)
                continue
            try:
                if node.role is Role.SENTINEL:
                    _tell_sentinel(hands, node, directive, value)
                elif directive == "appendonly":
                    (to_log if value == "yes" else to_snapshot)(hands, node)
                else:
                    hands.order(node, "CONFIG", "SET", directive, value)
            except BadReply as error:
                waiting[directive] = error.detail
    for directive, why in waiting.items():
        warn(hands.tell, f"{directive} changes at a restart ({why}): redistopo restart --rolling")


def _set_users(hands: Hands, node: NodePlan, text: str) -> None:
    """Each user is what its line says. ACL LOAD would do the same, and hang up on clients."""
    known = hands.order(node, "ACL", "USERS")
    names = []
    for line in text.splitlines():
        _user, name, *rules = line.split()
        names.append(name)
        try:
            hands.order(node, "ACL", "SETUSER", name, "reset", *rules)
        except BadReply as error:
            raise WrongRequest(
                f"{node.name} doesn't take the rules of user {name}",
                detail=error.detail,
                hint="mend application_rights, or conf/users.acl.j2",
            ) from error
    for name in known if isinstance(known, list) else ():
        if name not in names:
            hands.order(node, "ACL", "DELUSER", str(name))
    write_private(node.folder.users, text)
    _list_users(hands, node)


def _list_users(hands: Hands, node: NodePlan) -> None:
    """What the server says of its users now is kept, to be compared with later."""
    said = hands.order(node, "ACL", "LIST")
    lines = without_hashes(map(str, said)) if isinstance(said, list) else ()
    write_private(node.folder.listed, "\n".join(lines) + "\n")


_DOERS: dict[Do, Callable[[Hands, Step], None]] = {
    Do.RESUME: _resume,
    Do.CLEAR: _clear,
    Do.WRITE: _write,
    Do.SEED: _seed,
    Do.START: _start,
    Do.FORM: _form,
    Do.CORRECT: _correct,
    Do.REBUILD: rebuild,
    Do.PROMOTE: promote,
    Do.LEAD: _lead,
    Do.MEET: _meet,
    Do.FAILOVER: _fail_over,
    Do.RESET: _reset,
    Do.REJOIN: _rejoin,
    Do.FORGET: _forget,
}
