"""Shuts servers down with their data saved, Sentinels first, primaries last."""

import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from redistopo.client.connection import Command, Connections
from redistopo.errors import AccessDenied, MissingPrerequisite, RedistopoError, Unreachable
from redistopo.execute.foreign_sockets import keep_foreign_socket, restore_foreign_socket
from redistopo.execute.slower_cron import slower_cron
from redistopo.execute.terminate import Ask, Ended, Said, end_all
from redistopo.host.host import Host
from redistopo.host.local_host import LOCAL
from redistopo.host.node_data import log_damage
from redistopo.host.polling import Deadline
from redistopo.host.server_log import log_since_start, log_tail
from redistopo.host.stop_record_files import save_stop_record
from redistopo.model.planning.shutdown_decision import (
    Ending,
    LastReply,
    after_refusal,
    can_be_asked,
    data_is_to_be_kept,
    how_to_end,
    how_to_end_unasked,
)
from redistopo.model.planning.shutdown_order import Phase, shutdown_phases
from redistopo.model.protocol.conf import Directives, read_conf
from redistopo.model.protocol.data_files import with_directives
from redistopo.model.protocol.replies import parse_info
from redistopo.model.remedies.of_topology import give_up_unsaved
from redistopo.model.remedies.remedy import joined
from redistopo.model.state.observed import NodeSeen, Observed
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Progress, step
from redistopo.quick_dataclass import dataclass

_WORTH_A_LOOK = 16 << 20
"""Bytes in memory, which a server saves in about the time that a look at its host takes."""

_CRASHED = re.compile(r"BUG REPORT|ASSERTION FAILED|crashed by signal")


def shut_down_saving(
    shutdown: "ShutdownRequest", names: Iterable[str], deadline: Deadline, progress: Progress
) -> tuple[str, ...]:
    """Stop these nodes with their data saved to disk; returns those whose keys were not kept,
    because they have no persistence.

    Raises RedistopoError if a server that can't save was left running, or one was killed, or
    crashed, before it had saved; neither with `lossy`.
    """
    seen, wanted = shutdown.seen, tuple(names)
    sentinels = [name for name in wanted if shutdown.layout.node(name).sentinel]
    phases = shutdown_phases(seen, wanted, sentinels)
    with slower_cron(shutdown.client, seen, wanted) as slowed:
        ends: list[Ended] = []
        for left, phase in zip(range(len(phases), 0, -1), phases, strict=True):
            # replicas that refuse must not take the time that primaries need to save
            ends.append(_end_phase(shutdown, phase, Deadline(deadline.left / left), progress))
            slowed.difference_update({*phase[1]} - {*ends[-1].spared})
    if not shutdown.lossy:
        _refuse_loss(shutdown, ends)
    return tuple(
        name
        for name, last in shutdown.last.items()
        if last.keys and not shutdown.keeps(name) and name in wanted
    )


def _end_phase(
    shutdown: "ShutdownRequest", phase: Phase, deadline: Deadline, progress: Progress
) -> Ended:
    (what, names), layout, processes = phase, shutdown.layout, shutdown.host.processes
    running = {name: one for name in names if (one := processes.find(layout, name))}
    with step(progress, f"stop {what}: {len(names)}"):
        try:
            ask = Ask(shutdown, spare=not shutdown.lossy)
            ended = end_all(processes, layout, running, deadline, ask)
        finally:
            for path in shutdown.sockets:
                restore_foreign_socket(shutdown.host, path)
            shutdown.sockets.clear()
        shutdown.record([name for name in running if name not in ended.spared], ended.killed)
    return ended


def losing(shutdown: "ShutdownRequest", names: Iterable[str]) -> tuple[str, ...]:
    """Ask these running nodes, and return those whose keys would be gone with their process."""
    found = []
    for node in (one for one in shutdown.seen.nodes if one.name in names and one.answers):
        shutdown.last[node.name] = shutdown.ask_last(node)
        if shutdown.last[node.name].keys and not shutdown.keeps(node.name):
            found.append(node.name)
    return tuple(found)


def _refuse_loss(shutdown: "ShutdownRequest", ends: list[Ended]) -> None:
    """Raise RedistopoError if a server was left running, or ended before it had saved."""
    layout, again = shutdown.layout, shutdown.command
    spared = [name for one in ends for name in one.spared]
    killed = [name for one in ends for name in one.killed if shutdown.keeps(name)]
    was = "were" if len(killed) > 1 else "was"
    had = "they" if len(killed) > 1 else "it"
    unsaved = f"{', '.join(killed)} {was} killed before {had} had saved" if killed else ""
    if crashed := [name for name in shutdown.crashed if name not in killed]:
        what = f"{', '.join(crashed)} crashed before saving: its replicas may have more"
        unsaved = "\n".join(filter(None, (unsaved, what)))
    if busy := [name for name in spared if name in shutdown.busy]:
        raise RedistopoError(
            f"{', '.join(busy)} is busy running a script, and was left running",
            detail=unsaved,
            hint=joined(
                f"redistopo call --node {busy[0]} SCRIPT KILL (or FUNCTION KILL), ",
                f"then {again}; or ",
                give_up_unsaved(again, busy),
            ),
        )
    lost = [node.name for node in shutdown.seen.nodes if node.folder_lost]
    if homeless := [name for name in spared if name in lost]:
        its = "their folders were" if len(homeless) > 1 else "its folder was"
        raise RedistopoError(
            f"{', '.join(homeless)} can't save: {its} removed or replaced; left running",
            detail=unsaved,
            hint=joined(
                "redistopo up, which prints how the data in memory is kept; or ",
                give_up_unsaved(again, homeless),
            ),
        )
    if spared:
        log = layout.node(spared[0]).log
        raise RedistopoError(
            f"{', '.join(spared)} can't save, and still {'run' if len(spared) > 1 else 'runs'}",
            detail="\n".join(filter(None, (unsaved, log_tail(shutdown.host.files, log, 6)))),
            hint=joined(
                f"free disk space, or make its folder writable, then {again} again; or ",
                give_up_unsaved(again, spared),
                f". Its log: {log}",
            ),
        )
    if killed or crashed:
        log = layout.node((killed or crashed)[0]).log
        raise RedistopoError(
            unsaved,
            detail=log_tail(shutdown.host.files, log, 6),
            hint="wait longer with --timeout; earlier saved data is kept: redistopo up"
            if killed
            else "free disk space, then redistopo up, which compares the copies",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownRequest:
    """Makes a server save and exit; `lossy` also if it can't save. `command` is the command to run
    again, for hints. `last`, `kept`, `busy`, `looked`, `crashed` and
    `sockets`, those of other servers, are filled as servers reply and end."""

    layout: Layout
    seen: Observed
    rendered: dict[str, Directives]
    client: Connections
    lossy: bool
    command: str
    host: Host
    last: dict[str, LastReply] = field(default_factory=dict)
    kept: dict[str, bool] = field(default_factory=dict)
    busy: set[str] = field(default_factory=set)
    looked: set[str] = field(default_factory=set)
    crashed: list[str] = field(default_factory=list)
    sockets: list[Path] = field(default_factory=list)

    def keeps(self, name: str) -> bool:
        """Return whether the node's data is kept: what was decided before it was told to end."""
        return self.kept[name] if name in self.kept else self._is_to_keep(name)

    def _is_to_keep(self, name: str) -> bool:
        text = self.host.files.read(self.layout.node(name).started)
        started = read_conf(text) if text is not None else None
        return data_is_to_be_kept(self.last.get(name), started, self.rendered.get(name))

    def _loads_log(self, name: str) -> bool:
        """Whether its next start loads its append-only log, which was looked at."""
        values = self.rendered.get(name, {}).get("appendonly", ("",))
        return name in self.looked and values[-1] == "yes"

    def __call__(self, name: str) -> Said:
        """Tell one server to end, and return what it replied; it agrees by hanging up."""
        node = next((one for one in self.seen.nodes if one.name == name), None)
        self.busy.discard(name)
        if node is None:
            return Said.NOTHING
        if not can_be_asked(node):
            return _UNTOLD[how_to_end_unasked(node, lossy=self.lossy)]
        last = self.ask_last(node)
        if last.busy:
            self.busy.add(name)
        elif name not in self.last or last.config is not None:
            self.last[name] = last
        keeps = self._is_to_keep(name)
        ending = how_to_end(
            node, last, keeps=keeps, lossy=self.lossy, loads_log=self._loads_log(name)
        )
        if ending in (Ending.SAVE, Ending.LOG) or (ending is Ending.NOSAVE and not last.busy):
            self.kept[name] = keeps
            if (path := keep_foreign_socket(self.host, last)) is not None:
                self.sockets.append(path)
        said = self._end(node, ending)
        if ending is Ending.SAVE and said is Said.NO:
            return self._end(node, after_refusal(self.ask_last(node), lossy=self.lossy))
        return said

    def _end(self, node: NodeSeen, ending: Ending) -> Said:
        if ending in (Ending.SAVE, Ending.NOSAVE):
            return self._shut(node, ending.name)
        if ending is Ending.LOG:
            return self._shut(node)  # with a snapshot if the user has save points
        if ending is Ending.REWRITE:
            with suppress(Unreachable, AccessDenied):
                self.client.execute(node.endpoint, [("BGREWRITEAOF",)])
        return _UNTOLD[ending]

    def record(self, ended: Iterable[str], killed: Iterable[str]) -> None:
        """Record what these nodes had, and the names of their data files, for their next start."""
        files = self.host.files
        for name in ended:
            last, folder = self.last.get(name), self.layout.node(name)
            if _CRASHED.search(log_since_start(files, folder.log)):
                self.crashed.append(name)
            if last is None or folder.sentinel:
                continue
            lost = name in self.crashed or (name in killed and last.info.get("aof_enabled") != "1")
            with suppress(MissingPrerequisite):  # on a full disk, nothing is recorded
                save_stop_record(files, self.layout, name, last.info, saved=not lost)
            text, live = files.read(folder.started), last.data_settings
            if text is not None and (changed := with_directives(text, live)) != text:
                with suppress(MissingPrerequisite):
                    files.write(folder.started, changed)

    def ask_last(self, node: NodeSeen) -> LastReply:
        """Return the server's last reply, from the snapshot if it doesn't reply now."""
        patterns = ("append*", "save", "dbfilename", "dir", "unixsocket")
        commands: list[Command] = [("INFO",), *(("CONFIG", "GET", one) for one in patterns)]
        try:
            text, *pairs = self.client.execute(node.endpoint, commands)
        except (Unreachable, AccessDenied):
            return LastReply(info=node.info)
        if not isinstance(text, str):
            return LastReply(info=node.info, error=str(text))
        info, lists = parse_info(text), [one for one in pairs if isinstance(one, list)]
        config = {
            str(k): str(v) for one in lists for k, v in zip(one[::2], one[1::2], strict=False)
        }
        if len(lists) < len(pairs) or not config:
            return LastReply(info=info)
        damage = self._damage(node, config, info) if info.get("aof_enabled") == "1" else ""
        return LastReply(info=info, config=config, log_damage=damage)

    def _damage(self, node: NodeSeen, config: Mapping[str, str], info: Mapping[str, str]) -> str:
        """Why its next start would not find all of its log; "" if it would, or if that isn't worth
        a look at its host: little data is saved as soon."""
        self.looked.discard(node.name)
        if self.host is not LOCAL and int(info.get("used_memory", 0)) < _WORTH_A_LOOK:
            return ""
        try:
            self.host.refresh(time.monotonic())
            damage = log_damage(self.host.files, self.layout.node(node.name).root, config, info)
        except RedistopoError:
            return ""  # nothing is known, and a snapshot is saved
        self.looked.add(node.name)
        return "its folder was removed" if node.folder_lost else damage

    def _shut(self, node: NodeSeen, *how: str) -> Said:
        try:
            reply = self.client.execute(node.endpoint, [("SHUTDOWN", *how)])[0]
        except Unreachable:
            return Said.YES
        except AccessDenied:
            return Said.NOTHING
        return Said.NO if "trying to SHUTDOWN" in str(reply) else Said.NOTHING


_UNTOLD = {
    Ending.SIGNAL: Said.NOTHING,
    Ending.REWRITE: Said.NO,
    Ending.WAIT: Said.NO,
    Ending.LEAVE: Said.NEVER,
}
"""As what a server counts that was not told to end."""
