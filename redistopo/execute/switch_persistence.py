"""Changes the persistence of nodes so that no data is lost, even if it is interrupted."""

from collections.abc import Iterable
from contextlib import suppress

from redistopo.errors import BadReply, RedistopoError
from redistopo.execute.context import ExecutionContext
from redistopo.host.host import Files
from redistopo.host.node_data import put_aside
from redistopo.host.polling import wait_for
from redistopo.host.server_log import log_tail
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.step import Step
from redistopo.model.protocol.aof import rewrites_log
from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.data_files import data_file_name, with_log
from redistopo.model.protocol.replies import parse_info
from redistopo.progress import note


def load_from(context: ExecutionContext, one: Step) -> None:
    """Make each node start with the file that has its data; `switch` follows."""
    for node in context.nodes(one.nodes):
        _keep_log(context.host.files, node, on=_logged(one, node))


def put_log_aside(context: ExecutionContext, one: Step) -> None:
    """Rename an outdated append-only file, so that a start doesn't load it."""
    for node in context.nodes(one.nodes):
        _aside(context, node, one.settings[node.name].values())


def switch(context: ExecutionContext, one: Step) -> None:
    """Switch the persistence of these running nodes, and write it to their files."""
    for node in context.nodes(one.nodes):
        on = _logged(one, node)
        _SWITCHES[on](context, node)
        _keep_log(context.host.files, node, on=on)


def _logged(one: Step, node: NodePlan) -> bool:
    return one.settings[node.name]["appendonly"] == "yes"


def _keep_log(files: Files, node: NodePlan, *, on: bool) -> None:
    """Write the setting to the file that the node starts with."""
    text = files.read(node.folder.config) or ""
    files.write(node.folder.config, with_log(text, on=on))


def to_log(context: ExecutionContext, node: NodePlan) -> None:
    """Make the running node write all of its data to an append-only file."""
    context.send(node, "CONFIG", "SET", "appendonly", "yes")
    _await_log(context, node)
    _ran(context.host.files, node, on=True)


def rewrite_log(context: ExecutionContext, one: Step) -> None:
    """Make these running nodes write their append-only files again."""
    for node in context.nodes(one.nodes):
        with suppress(BadReply):  # it is already being written
            context.send(node, "BGREWRITEAOF")
    for node in context.nodes(one.nodes):
        _await_log(context, node)


def _await_log(context: ExecutionContext, node: NodePlan) -> None:
    def look() -> bool | None:
        told = _persistence(context, node)
        busy = rewrites_log(told)
        if not busy and told.get("aof_last_bgrewrite_status") != "ok":
            raise _unsaved(context, node, "can't write its append-only file")
        return None if busy else True

    wait_for(look, context.deadline, lambda: f"{node.name} is still writing its append-only file")


def to_snapshot(context: ExecutionContext, node: NodePlan) -> None:
    """Make the running node save a snapshot, and only then turn off its append-only file."""
    begun: list[bool] = []

    def look() -> bool | None:
        if not begun:
            # refused while another child is at work
            with suppress(BadReply):
                context.send(node, "BGSAVE")
                begun.append(True)
            return None
        told = _persistence(context, node)
        if told.get("rdb_bgsave_in_progress") != "0":
            return None
        if told.get("rdb_last_bgsave_status") != "ok":
            raise _unsaved(context, node, "can't save a snapshot, so it keeps its append-only file")
        return True

    wait_for(look, context.deadline, lambda: f"{node.name} is still saving a snapshot")
    # recorded first: if interrupted here, the append-only file is the newer one, and is loaded
    _ran(context.host.files, node, on=False)
    context.send(node, "CONFIG", "SET", "appendonly", "no")
    conf = read_conf(context.host.files.read(node.folder.started) or "")
    _aside(context, node, (data_file_name(conf, f"append{one}name") for one in ("dir", "file")))


_SWITCHES = {True: to_log, False: to_snapshot}


def _ran(files: Files, node: NodePlan, *, on: bool) -> None:
    if text := files.read(node.folder.started):
        files.write(node.folder.started, with_log(text, on=on))


def _aside(context: ExecutionContext, node: NodePlan, names: Iterable[str | None]) -> None:
    for name in names:
        if kept := put_aside(context.host.files, node.folder.root / str(name)):
            note(context.progress, f"{node.name}: the old {name} is kept as {kept}")


def _persistence(context: ExecutionContext, node: NodePlan) -> dict[str, str]:
    return dict(parse_info(str(context.send(node, "INFO", "persistence"))))


def _unsaved(context: ExecutionContext, node: NodePlan, what: str) -> RedistopoError:
    return RedistopoError(
        f"{node.name} {what}",
        detail=log_tail(context.host.files, node.folder.log),
        hint=f"the disk may be full, or its folder not writable; {node.log_hint}",
    )
