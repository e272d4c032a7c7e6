"""A directive's change of the topology file, prepared but not made: text and plans, before and
after."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from redistopo.host.files import read_exactly, rewrite
from redistopo.model.planning.plan import Plan
from redistopo.model.protocol.conf import Directives, effective_value, same_value
from redistopo.model.state.observed import Observed
from redistopo.model.state.selector import select_nodes
from redistopo.model.topology.directives import lines_of, not_for_sentinels, settable
from redistopo.project.load import Project, plan_of, read_topology
from redistopo.quick_dataclass import dataclass
from redistopo.render.topology_edit import Place, with_directive
from redistopo.session.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRequest:
    """The directive, the words of its value, and by `words` on which nodes; none: on all."""

    root: Path
    directive: str
    value: tuple[str, ...]
    words: tuple[str, ...] = ()
    seconds: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectiveEdit:
    """A change of the file that is not made yet: the file before and after, and both plans."""

    directive: str
    path: Path
    before: str
    after: str
    tables: tuple[str, ...]
    was: Plan
    plan: Plan
    nodes: tuple[str, ...]
    own: tuple[str, ...]

    def lines(self, name: str) -> tuple[str, ...]:
        """The new content of the node's file."""
        return self.plan.node(name).directives[self.directive]


def prepare_edit(
    session: Session, plan: Plan, request: SetRequest, seen: Observed
) -> DirectiveEdit:
    """Prepare the change of the file; raises UsageError if the file would be invalid."""
    layout, directive = session.layout, settable(request.directive)
    before = after = read_exactly(layout.topology)
    meant = _data(plan, (node.name for node in select_nodes(seen, request.words)), request)
    places: list[Place] = [("nodes", name) for name in meant] if request.words else [("redis",)]
    for place in places:
        table = session.topology.redis
        if request.words:
            table = session.topology.nodes.get(place[-1], {})
        lines = lines_of(directive, request.value, table.get(directive, ()))
        if not _alike(directive, table, lines):
            after = with_directive(after, place, directive, lines)
    topology = read_topology(after, layout.topology.name)
    roles = {node.name: node for node in plan.nodes}
    fresh = plan_of(Project(layout=layout, topology=topology), assume=True)
    nodes = tuple(replace(roles[node.name], directives=node.directives) for node in fresh.nodes)
    own = () if request.words else _own(topology.nodes, directive)
    return DirectiveEdit(
        directive=directive,
        path=layout.topology,
        before=before,
        after=after,
        tables=tuple(".".join(place) for place in places),
        was=plan,
        plan=replace(plan, topology=topology, nodes=nodes),
        nodes=tuple(name for name in meant if name not in own),
        own=own,
    )


def _data(plan: Plan, chosen: Iterable[str], request: SetRequest) -> tuple[str, ...]:
    """The data nodes; raises UsageError if a Sentinel is selected by name."""
    watching = {node.name for node in plan.sentinels}
    found = tuple(chosen)
    if request.words and (them := [name for name in found if name in watching]):
        raise not_for_sentinels(request.directive, them[0])
    return tuple(name for name in found if name not in watching)


def _alike(directive: str, table: Directives, lines: tuple[str, ...]) -> bool:
    """Whether the table already has that value, in any spelling."""
    if directive not in table:
        return False
    return same_value(
        directive, effective_value(directive, table[directive]), effective_value(directive, lines)
    )


def _own(nodes: Mapping[str, Directives], directive: str) -> tuple[str, ...]:
    """The nodes that have a value of their own."""
    return tuple(name for name, table in nodes.items() if directive in table)


def write_edit(edit: DirectiveEdit) -> None:
    """Write the file, if it changes; raises UsageError if another program has changed it."""
    if edit.after != edit.before:
        rewrite(edit.path, edit.after, edit.before)
