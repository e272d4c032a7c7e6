"""Applies new passwords to every server and file; repeated from the start if interrupted."""

from collections.abc import Iterable, Sequence

from redistopo.client.connection import Connections, raise_on_error
from redistopo.client.observe import Target
from redistopo.errors import AccessDenied, RedistopoError, Unreachable
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
from redistopo.model.protocol.conf import read_conf, with_auth_pass, with_hashes, with_values
from redistopo.model.protocol.credentials import Credentials, TopologyUser
from redistopo.model.protocol.sentinel_replies import SentinelFileState, read_sentinel_file
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, note, step
from redistopo.project.passwords import keep_password
from redistopo.project.rotation_file import begin_rotation, end_rotation, pending_rotation
from redistopo.project.started_topology import live_targets, rendered_confs
from redistopo.project.topology_state_file import load_topology_state


def carry_over(
    layout: Layout,
    old: Credentials,
    rotation: PasswordRotation,
    progress: Progress,
    host: Host,
) -> Credentials:
    """Set the new passwords in all running servers and files, and remove the old ones.

    With `keep_old` the old ones stay valid until this is done again without it. Stopped nodes
    have the new ones in their files. Each step is idempotent, so that an interrupted rotation
    starts again. Raises RedistopoError if a running server can't be reached; then both passwords
    work everywhere.
    """
    new = rotated(old, rotation)
    begin_rotation(layout, rotation)
    rendered = rendered_confs(layout, load_topology_state(layout))
    running = live_targets(layout, rendered)
    nodes = [one for one in running if not layout.node(one.name).sentinel]
    watching = [one for one in running if layout.node(one.name).sentinel]
    beside = at_sentinels(rotation)
    with Connections(old) as first, Connections(new) as second:
        ways = (second, first)
        if nodes:
            servers = "1 server" if len(nodes) == 1 else f"{len(nodes)} servers"
            with step(progress, f"add the new password to {servers}, besides the old one"):
                _order(nodes, taking(rotation), ways)
                _order(watching, taking(beside), ways)
        with step(progress, "replicas and files change over"):
            _order(nodes, turning(rotation), ways)
            for node in watching:
                if state := _state(host.files, layout, node.name):
                    _order([node], turning_sentinels(rotation, state.name), ways)
            for name in rendered:
                _rewrite(host, layout, name, rotation)
            _keep(layout, rotation)
            if rotation.keep_old:
                _order(nodes, keeping(rotation), ways)
        if rotation.keep_old:
            return new
        if nodes:
            with step(progress, "the old password goes"):
                _order(nodes, dropping(rotation), ways)
                _order(watching, dropping(beside) if beside.passwords else (), ways)
    end_rotation(layout)
    return new


def finish_rotation(
    layout: Layout, held: Credentials, progress: Progress, host: Host
) -> Credentials:
    """A rotation that was cut off is finished; one that keeps the old password is left at that."""
    pending = pending_rotation(layout)
    if pending is None:
        return held
    if pending.keep_old:
        note(progress, "the old password still works; `redistopo secret rotate` ends that")
    return carry_over(layout, held, pending, progress, host)


def restore_old(layout: Layout, nodes: Iterable[Target], held: Credentials) -> None:
    """Make restarted servers accept the old password too, if that was requested."""
    pending = pending_rotation(layout)
    commands = restoring(pending) if pending else ()
    if commands:
        with Connections(held) as client:
            # without ACL, no password of a Sentinel was changed
            asked = [one for one in nodes if held.acl or not layout.node(one.name).sentinel]
            _order(asked, commands, (client,))


def _rewrite(host: Host, layout: Layout, name: str, rotation: PasswordRotation) -> None:
    """What a node starts on, and what it was started on, say the new password alone."""
    folder = layout.node(name)
    if folder.sentinel:
        _rewrite_sentinel(host, layout, name, rotation)
        return
    files = host.files
    for path in (folder.config, folder.started, folder.rewritten):
        if text := files.read(path):
            files.write(path, with_values(text, directives(rotation)))
    if text := files.read(folder.users):
        files.write(folder.users, with_hashes(text, hashes(rotation)))


def _rewrite_sentinel(host: Host, layout: Layout, name: str, rotation: PasswordRotation) -> None:
    """The same for a Sentinel: while it runs its configuration is its own, and it has written
    the new password there itself; of one that is stopped that one line is changed."""
    folder, files = layout.node(name), host.files
    if text := files.read(folder.users):
        files.write(folder.users, with_hashes(text, hashes(at_sentinels(rotation))))
    state, text = _state(files, layout, name), files.read(folder.config)
    if state and text and host.processes.find(layout, name) is None:
        for *_, password in turning_sentinels(rotation, state.name):
            files.write(folder.config, with_auth_pass(text, state.name, password))


def _state(files: Files, layout: Layout, name: str) -> SentinelFileState | None:
    return read_sentinel_file(read_conf(files.read(layout.node(name).config) or ""))


def _keep(layout: Layout, rotation: PasswordRotation) -> None:
    """The password files say the new ones; what the user gave, the user keeps."""
    for user, password in rotation.passwords.items():
        if user != TopologyUser.APPLICATION:
            keep_password(layout.secret(user), password)
        elif not rotation.given:
            keep_password(layout.password, password)


def _order(
    nodes: Iterable[Target], commands: Sequence[Command], ways: Sequence[Connections]
) -> None:
    """Each server did what it was told, whichever of the passwords it accepts by now."""
    for node in nodes:
        for reply, words in zip(_ask(node, commands, ways), commands, strict=True):
            raise_on_error(reply, f"{node.name}: {' '.join(words[:2])}")


def _ask(node: Target, commands: Sequence[Command], ways: Sequence[Connections]) -> list[object]:
    refused: RedistopoError | None = None
    for client in ways:
        try:
            return client.execute(node.endpoint, commands)
        except AccessDenied as error:
            refused = error
        except Unreachable as error:
            raise Unreachable(
                f"{node.name} runs, but doesn't reply: its password wasn't changed",
                detail=error.detail,
                hint="the others accept both passwords now; run redistopo secret rotate again when "
                "it answers",
            ) from error
    raise AccessDenied(
        f"{node.name} accepts neither the old nor the new password",
        detail=refused.detail if refused else "",
        hint="to start it with the new one: redistopo down, then up",
    )
