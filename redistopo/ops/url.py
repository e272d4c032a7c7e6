"""`url`: the URL of the topology, or of one of its nodes, with the password."""

from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode
from redistopo.model.state.application_access import url_of
from redistopo.model.state.selector import select_one_node
from redistopo.quick_dataclass import dataclass
from redistopo.session.application_login import application_access, login_to
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlResult:
    """The URL of a node, with the application's password."""

    node: str
    url: str
    code: ExitCode = field(default=ExitCode.DONE)


def url(root: Path, words: tuple[str, ...] = ()) -> UrlResult:
    """Return the URL of the selected node; without selectors of the primary, or of a cluster's
    first one. Raises UsageError unless one node is selected."""
    with open_session(SessionRequest(root=root)) as session:
        seen = session.observe()
        access = application_access(session, seen)
        chosen = select_one_node(seen, words) if words else seen.at(str(access.entry))
        if chosen is None:
            return UrlResult(node="", url=url_of(access.entry, access.login))
        return UrlResult(node=chosen.name, url=url_of(chosen.endpoint, login_to(access, chosen)))
