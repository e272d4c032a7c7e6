"""Decides how a running server is ended so that its data is kept, by what it replies; pure."""

from collections.abc import Mapping
from enum import Enum, auto

from redistopo.model.protocol.aof import rewrites_log
from redistopo.model.protocol.conf import Directives
from redistopo.model.protocol.data_files import NAMES, keeps_data
from redistopo.model.protocol.replies import count_keys
from redistopo.model.state.observed import NodeSeen
from redistopo.quick_dataclass import dataclass

_BUSY = "BUSY"


class Ending(Enum):
    """What is done to a server that is to end."""

    SIGNAL = auto()  # it can't be asked: a signal ends it
    SAVE = auto()
    LOG = auto()  # its log has all, and the next start loads that: a snapshot would only take time
    NOSAVE = auto()
    REWRITE = auto()  # its log on disk is damaged: it writes it again, and is asked again
    WAIT = auto()  # it is asked again
    LEAVE = auto()  # it would lose data, and is left running


@dataclass(frozen=True, slots=True, kw_only=True)
class LastReply:
    """What a server replied before it was told to end: INFO, and the directives that decide what
    it keeps on disk, None if it didn't reply to CONFIG GET; or the `error` that it replied with.
    `log_damage` is why a start would not find all of its append-only log."""

    info: Mapping[str, str]
    config: Mapping[str, str] | None = None
    error: str = ""
    log_damage: str = ""

    @property
    def keeps(self) -> bool:
        """Whether it has persistence now, by its live configuration."""
        live = self.config or {}
        return keeps_data({name: (value,) for name, value in live.items()})

    @property
    def keys(self) -> int:
        return count_keys(self.info)

    @property
    def busy(self) -> bool:
        """Whether it runs a script, and replies to nothing else."""
        return _BUSY in self.error

    @property
    def logged(self) -> bool:
        """Whether all of its data is in its append-only file, so that a snapshot adds nothing."""
        wrote = self.info.get("aof_last_write_status") == "ok"
        return self.info.get("aof_enabled") == "1" and wrote and not self.log_damage

    @property
    def data_settings(self) -> dict[str, str]:
        """The directives that name its data files, as they are now."""
        live = self.config or {}
        return {name: live[name] for name in (*NAMES, "appendonly") if name in live}


def can_be_asked(node: NodeSeen) -> bool:
    """Return whether a server replied, and is the node's own process, not another server at the
    address in our files."""
    if not node.answers:
        return _BUSY in node.error
    return _ours(node, node.info)


def how_to_end_unasked(node: NodeSeen, *, lossy: bool) -> Ending:
    """Decide what to do to a server that can't be asked: at a signal it saves what it has, which
    would be gone with a folder that was removed."""
    return Ending.LEAVE if node.running and node.folder_lost and not lossy else Ending.SIGNAL


def data_is_to_be_kept(
    last: LastReply | None, started: Directives | None, rendered: Directives | None
) -> bool:
    """Return whether a node's data is to be on disk after its end: by its live configuration, or
    by that of its start, which CONFIG REWRITE doesn't change, or by its file."""
    if rendered is None or (last is not None and last.keeps):
        return True
    return any(keeps_data(one) for one in (started, rendered) if one is not None)


def how_to_end(
    node: NodeSeen, last: LastReply, *, keeps: bool, lossy: bool, loads_log: bool = False
) -> Ending:
    """Decide what to do to a server with that last reply; `lossy` accepts the loss of what it
    can't save, `loads_log` is whether its next start loads its append-only log."""
    if last.busy:
        return Ending.NOSAVE if lossy else Ending.WAIT
    if not _ours(node, last.info):
        return Ending.SIGNAL
    if last.info.get("aof_last_write_status") == "err" and not lossy:
        return Ending.LEAVE  # it would crash, and lose what it has in memory (networking.c)
    if last.log_damage and keeps and not lossy:
        return Ending.LEAVE if node.folder_lost else _with_damaged_log(last)
    if keeps and loads_log and last.logged:
        return Ending.LOG
    return Ending.SAVE if keeps else Ending.NOSAVE


def after_refusal(last: LastReply, *, lossy: bool) -> Ending:
    """Decide what to do to a server that refused to save a snapshot."""
    return Ending.NOSAVE if lossy or last.logged else Ending.WAIT


def _with_damaged_log(last: LastReply) -> Ending:
    if rewrites_log(last.info):
        return Ending.WAIT
    failed = last.info.get("aof_last_bgrewrite_status") == "err"
    return Ending.LEAVE if failed else Ending.REWRITE


def _ours(node: NodeSeen, info: Mapping[str, str]) -> bool:
    return info.get("process_id") == str(node.pid)
