"""Applies new passwords to every server and file; repeated from the start if interrupted."""

from collections.abc import Iterable, Mapping, Sequence

from redistopo.client.connection import Connections, raise_on_error
from redistopo.client.target import Target
from redistopo.errors import AccessDenied, RedistopoError, Unreachable
from redistopo.execute.context import ExecutionContext
from redistopo.host.host import Files, Host
from redistopo.model.planning.password_rotation import (
    Command,
    PasswordRotation,
    at_sentinels,
    directives,
    dropping,
    hashes,
    keeping,
    restoring,
    rotated,
    taking,
    turning,
    turning_sentinels,
)
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.conf import (
    Directives,
    read_conf,
    with_auth_pass,
    with_hashes,
    with_values,
)
from redistopo.model.protocol.credentials import Credentials, TopologyUser
from redistopo.model.protocol.sentinel_replies import SentinelFileState, read_sentinel_file
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import step
from redistopo.project.passwords import keep_password
from redistopo.project.rotation_file import begin_rotation, end_rotation
from redistopo.project.started_topology import targets_in_use


def carry_over(
    context: ExecutionContext, rendered: Mapping[str, Directives], rotation: PasswordRotation
) -> Credentials:
    """Set the new passwords in all running servers and files, and remove the old ones; returns the
    new credentials.

    With `keep_old` the old ones stay valid until this is done again without it. Stopped nodes
    have the new ones in their files. Each step is idempotent, so that an interrupted rotation
    starts again. Raises RedistopoError if a running server can't be reached; then both passwords
    work everywhere.
    """
    layout, files, progress = context.plan.layout, context.host.files, context.progress
    old, new = context.credentials, rotated(context.credentials, rotation)
    context.host.reach()
    begin_rotation(layout, rotation)
    nodes, watching = _divided(
        layout,
        (
            one
            for one in targets_in_use(layout, rendered, context.host)
            if context.host.processes.find(layout, one.name)
        ),
    )
    beside = at_sentinels(rotation)
    with Connections(old) as first, Connections(new) as second:
        ways = (second, first)
        if nodes:
            servers = "1 server" if len(nodes) == 1 else f"{len(nodes)} servers"
            with step(progress, f"add the new password to {servers}, besides the old one"):
                _send(nodes, taking(rotation), ways)
                _send(watching, taking(beside), ways)
        with step(progress, "replicas and files change over"):
            _send(nodes, turning(rotation), ways)
            for node in watching:
                if state := _state(files, context.plan, node.name):
                    _send([node], turning_sentinels(rotation, state.name), ways)
            for name in rendered:
                _rewrite(context.host, context.plan, name, rotation)
            context.host.flush()  # no file may have only the old one when that goes
            _keep(layout, rotation)
            if rotation.keep_old:
                _send_at_once(nodes, keeping(rotation), ways)
        if rotation.keep_old:
            return new
        if nodes:
            with step(progress, "the old password goes"):
                _send(nodes, dropping(rotation), ways)
                _send(watching, dropping(beside), ways)
    end_rotation(layout)
    return new


def _divided(layout: Layout, nodes: Iterable[Target]) -> tuple[list[Target], list[Target]]:
    """Divide nodes into data nodes and Sentinels."""
    found = list(nodes)
    watching = [node for node in found if layout.node(node.name).sentinel]
    return [node for node in found if node not in watching], watching


def restore_old(context: ExecutionContext, rotation: PasswordRotation | None) -> None:
    """Make restarted servers accept the old password too, if that was requested."""
    if rotation is None or not rotation.keep_old:
        return
    nodes, watching = _divided(context.plan.layout, context.targets)
    with Connections(context.credentials) as client:
        _send(nodes, restoring(rotation), (client,))
        _send(watching, restoring(at_sentinels(rotation)), (client,))


def _rewrite(host: Host, plan: Plan, name: str, rotation: PasswordRotation) -> None:
    """Write the new password to the files that a node starts with and was started with."""
    folder = plan.layout.node(name)
    if folder.sentinel:
        _rewrite_sentinel(host, plan, name, rotation)
        return
    files = host.files
    for path in (folder.config, folder.started, folder.rewritten):
        if text := files.read(path):
            files.write(path, with_values(text, directives(rotation)))
    if text := files.read(folder.users):
        files.write(folder.users, with_hashes(text, hashes(rotation)))


def _rewrite_sentinel(host: Host, plan: Plan, name: str, rotation: PasswordRotation) -> None:
    """The same for a Sentinel: a running one maintains its configuration itself, and has written
    the new password there; of a stopped one that line is changed."""
    layout = plan.layout
    folder, files = layout.node(name), host.files
    if text := files.read(folder.users):
        files.write(folder.users, with_hashes(text, hashes(at_sentinels(rotation))))
    state, text = _state(files, plan, name), files.read(folder.config)
    if state and text and host.processes.find(layout, name) is None:
        for *_, password in turning_sentinels(rotation, state.name):
            files.write(folder.config, with_auth_pass(text, state.name, password))


def _state(files: Files, plan: Plan, name: str) -> SentinelFileState | None:
    conf = read_conf(files.read(plan.layout.node(name).config) or "")
    return read_sentinel_file(conf, plan.topology.name)


def _keep(layout: Layout, rotation: PasswordRotation) -> None:
    """Write the new passwords to the password files, except one that the user supplied."""
    for user, password in rotation.passwords.items():
        if user != TopologyUser.APPLICATION:
            keep_password(layout.secret(user), password)
        elif not rotation.given:
            keep_password(layout.password, password)


def _send(
    nodes: Iterable[Target], commands: Sequence[Command], ways: Sequence[Connections]
) -> None:
    """Send commands to each server, with the password that it accepts by now; raises on an error
    reply."""
    for node in nodes:
        for reply, words in zip(_ask(node, commands, ways), commands, strict=True):
            raise_on_error(reply, f"{node.name}: {' '.join(words[:2])}")


def _send_at_once(
    nodes: Iterable[Target], commands: Sequence[Command], ways: Sequence[Connections]
) -> None:
    """The same as a transaction. A server that has reached its maxmemory refuses to queue one
    (server.c, processCommand): it gets the commands in one packet, and runs them in one go."""
    for node in nodes:
        replies = _ask(node, (("MULTI",), *commands, ("EXEC",)), ways) if commands else []
        if any("maxmemory" in str(one) for one in replies if isinstance(one, Exception)):
            _send([node], commands, ways)
            continue
        for reply in replies:
            raise_on_error(reply, f"{node.name}: {' '.join(commands[0][:2])}")


def _ask(node: Target, commands: Sequence[Command], ways: Sequence[Connections]) -> list[object]:
    refused: RedistopoError | None = None
    for client in ways:
        try:
            return client.execute(node.endpoint, commands)
        except AccessDenied as error:
            refused = error
        except Unreachable as error:
            again = "then redistopo up, which finishes the rotation"
            raise Unreachable(
                f"{node.name} runs, but doesn't reply: its password wasn't changed",
                detail=f"{error.detail}\nthe others accept both passwords now",
                hint=f"redistopo resume {node.name}, {again}"
                if _is_paused(node)
                else f"redistopo restart {node.name}, or wait until it replies; {again}",
            ) from error
    raise AccessDenied(
        f"{node.name} accepts neither the old nor the new password",
        detail=refused.detail if refused else "",
        hint="to start it with the new one: redistopo down, then up",
    )


def _is_paused(node: Target) -> bool:
    processes = node.machine.processes
    process = processes.find(node.layout, node.name) if node.layout else None
    return process is not None and processes.is_paused(process)
