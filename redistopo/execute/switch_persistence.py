"""A change of how nodes keep their data loses none of it, wherever it is cut off."""

from collections.abc import Iterable
from contextlib import suppress

from redistopo.errors import BadReply, RedistopoError, UsageError
from redistopo.execute.context import ExecutionContext
from redistopo.host.files import read_text, write_private
from redistopo.host.local_host import LOCAL
from redistopo.host.node_folder import put_aside, written
from redistopo.host.polling import wait_for
from redistopo.host.server_log import log_tail
from redistopo.model.planning.plan import NodePlan
from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.protocol.data_files import Switch, data_file_name, renamed, switch, with_log
from redistopo.model.protocol.replies import parse_info
from redistopo.progress import note


def refuse_renamed(nodes: Iterable[tuple[NodePlan, Directives]]) -> None:
    """Raises UsageError where a stopped node would no longer find its data by its name."""
    for node, wanted in nodes:
        before = _before(node)
        for directive, (was, asked) in renamed(before, wanted).items() if before else ():
            folder = node.folder.root
            if directive == "appendfilename":
                found = bool(written(folder, before or {}).log)
                there = bool(written(folder, wanted).log)
            else:
                found, there = (folder / was).exists(), (folder / asked).exists()
            if found and not there:
                raise UsageError(
                    f"{directive} is {asked} in the topology file, but the data of "
                    f"{node.name} is in {was}",
                    detail=f"{folder}: a server that starts with the new name comes up empty",
                    hint=f'set it back: {directive} = "{was}"',
                )


def prepare(context: ExecutionContext, nodes: Iterable[NodePlan]) -> dict[str, Switch]:
    """Each node will be started on the file that holds its data, and that is on record.

    The answer names the nodes that `finish` must then bring to what the plan wants.
    """
    found: dict[str, Switch] = {}
    for node in nodes:
        text = read_text(node.folder.config) or ""
        wanted = read_conf(text)
        which = switch(_before(node), wanted, written(node.folder.root, wanted))
        if which is not Switch.NONE:
            found[node.name] = which
            text = with_log(text, on=which is Switch.TO_SNAPSHOT)
            write_private(node.folder.config, text)
        if which is Switch.TO_LOG:
            _aside(context, node, wanted)
        write_private(node.folder.started, text)
    return found


def finish(context: ExecutionContext, switches: dict[str, Switch]) -> None:
    """These nodes, which run, keep their data as the plan wants, and so do their files."""
    for name, which in switches.items():
        node = context.plan.node(name)
        if which is Switch.TO_LOG:
            to_log(context, node)
        else:
            to_snapshot(context, node)
        text = read_text(node.folder.config) or ""
        write_private(node.folder.config, with_log(text, on=which is Switch.TO_LOG))


def to_log(context: ExecutionContext, node: NodePlan) -> None:
    """The running node keeps an append-only file that holds all of its data."""
    context.order(node, "CONFIG", "SET", "appendonly", "yes")

    def look() -> bool | None:
        told = _persistence(context, node)
        names = ("aof_rewrite_in_progress", "aof_rewrite_scheduled")
        busy = any(told.get(name) != "0" for name in names)
        if not busy and told.get("aof_last_bgrewrite_status") != "ok":
            raise _unsaved(node, "can't write its append-only file")
        return None if busy else True

    wait_for(look, context.deadline, lambda: f"{node.name} still writes its append-only file")
    _ran(node, on=True)


def to_snapshot(context: ExecutionContext, node: NodePlan) -> None:
    """The running node has saved a snapshot, and only then keeps no append-only file any more."""
    begun: list[bool] = []

    def look() -> bool | None:
        if not begun:
            # refused while another child is at work
            with suppress(BadReply):
                context.order(node, "BGSAVE")
                begun.append(True)
            return None
        told = _persistence(context, node)
        if told.get("rdb_bgsave_in_progress") != "0":
            return None
        if told.get("rdb_last_bgsave_status") != "ok":
            raise _unsaved(node, "can't save a snapshot, so it keeps its append-only file")
        return True

    wait_for(look, context.deadline, lambda: f"{node.name} still saves a snapshot")
    # first on record: cut off here, the log is the newer one, and is read (see switch)
    _ran(node, on=False)
    context.order(node, "CONFIG", "SET", "appendonly", "no")
    _aside(context, node, read_conf(read_text(node.folder.started) or ""))


def _before(node: NodePlan) -> Directives | None:
    text = read_text(node.folder.started)
    return read_conf(text) if text else None


def _ran(node: NodePlan, *, on: bool) -> None:
    if text := read_text(node.folder.started):
        write_private(node.folder.started, with_log(text, on=on))


def _aside(context: ExecutionContext, node: NodePlan, conf: Directives) -> None:
    for name in (data_file_name(conf, "appenddirname"), data_file_name(conf, "appendfilename")):
        if kept := put_aside(node.folder.root / name):
            note(context.progress, f"{node.name}: the append-only file of before is kept as {kept}")


def _persistence(context: ExecutionContext, node: NodePlan) -> dict[str, str]:
    return dict(parse_info(str(context.order(node, "INFO", "persistence"))))


def _unsaved(node: NodePlan, what: str) -> RedistopoError:
    return RedistopoError(
        f"{node.name} {what}",
        detail=log_tail(LOCAL.files, node.folder.log),
        hint=f"is the disk full, or its folder not writable? Its log: {node.folder.log}",
    )
