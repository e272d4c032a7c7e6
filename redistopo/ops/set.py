"""`set`: a directive changed on running servers and in the topology file, or in neither."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import field, replace
from pathlib import Path

from redistopo.client.target import Detail
from redistopo.errors import BadReply, ExitCode, RedistopoError, UsageError
from redistopo.execute.context import ExecutionContext
from redistopo.execute.store_settings import store_settings
from redistopo.model.planning.decide_adopted import require_replies
from redistopo.model.planning.guards import guard
from redistopo.model.planning.plan import NodePlan
from redistopo.model.planning.proposal import Asked, Proposal
from redistopo.model.planning.setting_losses import setting_losses
from redistopo.model.planning.step import Step, StepKind, join_names
from redistopo.model.protocol.conf import (
    CONFIG_REWRITE_MARK,
    DIRECTIVES_NOT_COMPARED,
    canonical_directive,
    conf_drift,
    read_conf,
)
from redistopo.model.state.observed import Observed
from redistopo.model.state.record import TopologyState
from redistopo.model.topology.directives import (
    QUOTES,
    SENTINELS_KEYS,
    not_for_sentinels,
    only_at_a_start,
    settable,
    unknown,
    with_lines,
)
from redistopo.ops.directive_edit import DirectiveEdit, SetRequest, prepare_edit, write_edit
from redistopo.ops.refuse_settings import settings_error
from redistopo.progress import Progress, note, step, warn
from redistopo.quick_dataclass import dataclass
from redistopo.render.conf import node_conf
from redistopo.session.live_change import LiveChange, change_request, live_change, unrecorded
from redistopo.session.open import open_session
from redistopo.session.preview_result import Preview
from redistopo.session.session import CredentialSource, Session
from redistopo.session.situation import situation


@dataclass(frozen=True, slots=True, kw_only=True)
class SetResult:
    """The new value in the topology file, and the nodes: `live` have it, `waiting` need a restart,
    `own` keep their own value, `stopped` get it when they start. `changed` is False if nothing
    had to be changed; `losses` is what the service loses by the value."""

    directive: str
    value: tuple[str, ...]
    tables: tuple[str, ...]
    live: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    changed: bool = True
    losses: tuple[str, ...] = ()
    code: ExitCode = field(default=ExitCode.DONE)


def set_directive(request: SetRequest, progress: Progress) -> SetResult:
    """Set a directive in the topology file, on every running server that accepts it live, and in
    their configuration files.

    Raises UsageError if redistopo sets it itself, or a server refuses it; then neither a server
    nor the file is changed.
    """
    settable(request.directive)
    asked = change_request("set", request.root, request.seconds)
    with open_session(replace(asked, needs_started=False), progress) as session:
        context, edit, seen = _prepared(session, request, live_change)
        lost = _losses(edit, seen)
        for one in lost:
            warn(progress, one)
        return replace(_on_servers(context, edit, seen), losses=lost)


def preview_set(request: SetRequest) -> Preview:
    """Determine the effects of `set`; nothing is changed. A server may still refuse the value."""
    settable(request.directive)
    asked = change_request("", request.root, request.seconds)
    with open_session(replace(asked, needs_started=False)) as session:
        _context, edit, seen = _prepared(session, request, unrecorded)
        going = [node.name for node in seen.nodes if node.running and node.name in edit.nodes]
        value = " ".join(edit.lines(edit.nodes[0])) if edit.nodes else ""
        turn = f"set {edit.directive} to {value or QUOTES}"
        return Preview(verb="set", nodes=tuple(going), turns=(turn,), losses=_losses(edit, seen))


def _losses(edit: DirectiveEdit, seen: Observed) -> tuple[str, ...]:
    lines = edit.lines(edit.nodes[0]) if edit.nodes else ("",)
    return setting_losses(edit.directive, lines, seen, edit.nodes)


def _prepared(
    session: Session, request: SetRequest, observed: Callable[..., LiveChange]
) -> tuple[ExecutionContext, DirectiveEdit, Observed]:
    if session.topology.sentinels and request.directive in SENTINELS_KEYS:
        raise not_for_sentinels(request.directive, "a data node")
    if session.rendered:
        context = observed(session, assume=True).context
    else:  # like `up`, which will generate the passwords that are missing
        session.credentials = session.credentials_from(CredentialSource.SUPPOSED)
        context = session.context(session.plan(assume=True))
    seen = context.observe(Detail.HEALTH, disk=True)
    edit = prepare_edit(session, context.plan, request, seen)
    if session.adopted:
        require_replies(seen)  # a silent one wouldn't get it at its start
    else:
        _refuse(context, session.state, edit, seen)
    return context, edit, seen


def _on_servers(context: ExecutionContext, edit: DirectiveEdit, seen: Observed) -> SetResult:
    running = tuple(node.name for node in seen.nodes if node.running and node.name in edit.nodes)
    setting = _Setting(context=context, edit=edit)
    try:
        if running:
            with step(context.progress, f"set {edit.directive} on {join_names(running)}"):
                for name in running:
                    setting.on(edit.plan.node(name))
                _refuse_start(context, edit, setting.waiting)
        setting.in_files([edit.plan.node(name) for name in running])
        write_edit(edit)  # last: if this is interrupted before, `up` restores the servers
    except BaseException:  # Ctrl-C too: all servers are changed, or none
        setting.undo()
        raise
    return SetResult(
        directive=edit.directive,
        value=edit.lines(edit.nodes[0]) if edit.nodes else (),
        tables=edit.tables,
        live=tuple(name for name in running if name not in setting.waiting),
        waiting=tuple(setting.waiting),
        own=edit.own,
        stopped=tuple(name for name in edit.nodes if name not in running),
        changed=edit.after != edit.before or setting.moved,
    )


def _refuse_start(context: ExecutionContext, edit: DirectiveEdit, waiting: list[str]) -> None:
    """Raise UsageError if nodes that keep their value until a restart could not start with it."""
    found = settings_error(replace(context, plan=edit.plan), waiting) if waiting else None
    if found is not None:
        _node, error = found
        error.detail += "\nnothing was changed"
        error.hint = f"choose another value of {edit.directive}"
        raise error


def _refuse(
    context: ExecutionContext, record: TopologyState | None, edit: DirectiveEdit, seen: Observed
) -> None:
    """Raise RedistopoError if a guard of `up` refuses the topology file as it will be."""
    meant = [node for node in seen.nodes if node.name in edit.nodes]
    kinds = {
        StepKind.WRITE: tuple(node.name for node in edit.plan.data),
        StepKind.CORRECT: tuple(node.name for node in meant if node.running),
        StepKind.START: tuple(node.name for node in meant if not node.running),
    }
    proposal = Proposal(
        plan=edit.plan,
        now=situation(replace(context, plan=edit.plan), record, seen),
        steps=tuple(Step(do=do, nodes=names, cause="set") for do, names in kinds.items()),
        asked=Asked(among=()),  # none is started now: ports may be in use
    )
    guard(proposal)


@dataclass(slots=True, kw_only=True)
class _Setting:
    """One directive on its way to servers: what they had, so that it can be undone."""

    context: ExecutionContext
    edit: DirectiveEdit
    done: dict[str, str] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    files: dict[Path, str] = field(default_factory=dict)
    moved: bool = False

    @property
    def adopted(self) -> bool:
        """Whether redistopo didn't write the servers' files."""
        return self.edit.plan.topology.adopted is not None

    def on(self, node: NodePlan) -> None:
        """Set the value on the server, or note that it needs a restart; raises UsageError if the
        server refuses it, or doesn't know the directive."""
        directive = self.edit.directive
        lines = self.edit.lines(node.name)
        if not self.adopted:
            conf = read_conf(node_conf(self.edit.plan, node, self.context.credentials))
            lines = conf.get(directive, lines)
        value = " ".join(lines) if len(lines) > 1 else lines[-1]
        told = self._told(node, directive)
        if (
            directive in told
            and directive not in DIRECTIVES_NOT_COMPARED
            and not conf_drift({directive: lines}, told)
        ):
            return
        refusal = self._set(node, value)
        if refusal and told and only_at_a_start(refusal):
            self.waiting.append(node.name)
            return
        if refusal:
            raise self._refused(node, refusal, known=bool(told))
        self.done[node.name] = told.get(directive, "")
        after = self._told(node, directive)
        self.moved = self.moved or after != told
        if taken := conf_drift({directive: lines}, after):
            raise UsageError(
                f"{node.name} made {taken[directive][1]} of it",
                detail=f"asked was {directive} {value}; nothing was changed",
                hint=f"to set that: redistopo set {directive} {taken[directive][1]}",
            )

    def _refused(self, node: NodePlan, refusal: str, *, known: bool) -> UsageError:
        if not known:
            return unknown(self.edit.directive, self._told(node, "*"), refusal)
        return UsageError(
            f"{node.name} refuses that value of {self.edit.directive}",
            detail=refusal,
            hint="nothing was changed",
        )

    def in_files(self, nodes: Sequence[NodePlan]) -> None:
        """Write it to the nodes' configuration files too; adopted servers do so themselves."""
        if self.adopted:
            store_settings(self.context, nodes)
            return
        for node in nodes:
            self._in_file(node)
        self.context.host.flush()

    def _in_file(self, node: NodePlan) -> None:
        """Write it to the node's configuration file too; other changes in the topology file still
        wait for `up`."""
        path, edit, files = node.folder.config, self.edit, self.context.host.files
        written = files.read(path) or ""
        before, after = (
            node_conf(plan, plan.node(node.name), self.context.credentials)
            for plan in (edit.was, edit.plan)
        )
        if not _plainly(edit, written, before):
            # unknown for a file that Sentinels have rewritten
            if not (edit.plan.sentinels and CONFIG_REWRITE_MARK in written):
                note(
                    self.context.progress,
                    f"{node.name}: other changes of the file wait: redistopo up",
                )
            after = with_lines(written, edit.directive, edit.lines(node.name))
        self.files[path] = written
        files.write(path, after)

    def undo(self) -> None:
        """Restore every server and its file; warn if that isn't possible."""
        for name, value in self.done.items():
            try:
                refusal = self._set(self.context.plan.node(name), value)
            except RedistopoError as error:
                refusal = error.message
            if refusal:
                warn(self.context.progress, f"{name}: {refusal}; redistopo up sets it back")
            elif self.adopted:
                store_settings(self.context, [self.context.plan.node(name)])
        for path, text in self.files.items():
            with suppress(RedistopoError):
                self.context.host.files.write(path, text)
                self.context.host.flush()
        self.done.clear()

    def _set(self, node: NodePlan, value: str) -> str:
        """Return the server's refusal, "" if it accepted the value."""
        try:
            self.context.send(node, "CONFIG", "SET", self.edit.directive, value)
        except BadReply as error:
            return error.detail
        return ""

    def _told(self, node: NodePlan, pattern: str) -> dict[str, str]:
        said = self.context.send(node, "CONFIG", "GET", pattern)
        pairs = list(map(str, said)) if isinstance(said, list) else []
        return {canonical_directive(k): v for k, v in zip(pairs[::2], pairs[1::2], strict=False)}


def _plainly(edit: DirectiveEdit, one: str, other: str) -> bool:
    """Whether two files of a node differ only in this directive and in `replicaof`, which changes
    at a failover while the file stays as it is."""
    left, right = read_conf(one), read_conf(other)
    apart = {name for name in left.keys() | right.keys() if left.get(name) != right.get(name)}
    return apart <= {edit.directive, "replicaof"}
