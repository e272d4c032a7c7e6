"""`clone`: a second topology with the data of the first, which serves in the meantime."""

import secrets
from pathlib import Path

from redistopo.errors import UsageError
from redistopo.host.files import remove
from redistopo.host.large_files import link_or_copy
from redistopo.host.made_paths import leaving_nothing
from redistopo.model.topology.project_paths import Layout
from redistopo.ops.snapshot import SnapshotRequest, save_snapshot
from redistopo.ops.start_with_data import DataStart, RestoreResult, start_with_data
from redistopo.progress import Progress
from redistopo.project.load import layout_of_folder
from redistopo.project.trust import is_trusted
from redistopo.quick_dataclass import dataclass
from redistopo.session.open import open_session
from redistopo.session.session import SessionRequest
from redistopo.snapshot.stored import snapshots_folder
from redistopo.snapshot.target_folder import refuse_data, require_own_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class CloneRequest:
    """The topology in `root`, and the folder of the second one. With `pause`, its data is of one
    moment; `verify` is whether the digest of the data is compared, None if the data is small."""

    root: Path
    into: Path
    pause: bool = False
    verify: bool | None = None
    seconds: float = 600.0


def clone(request: CloneRequest, progress: Progress) -> RestoreResult:
    """Start a second topology with the data of the first, on other ports, and verify it.

    If it fails, the second folder is as before. Raises RedistopoError.
    """
    source, layout = layout_of_folder(request.root), layout_of_folder(request.into)
    if source.root == layout.root:
        raise UsageError(
            f"{layout.root} is the folder of this topology itself",
            hint="name another one: redistopo clone DIR",
        )
    require_own_folder(layout)
    refuse_data(layout, "name an empty folder: redistopo clone DIR")
    name = f"clone-{secrets.token_hex(8)}"
    with leaving_nothing(layout.root):
        try:
            return _clone(request, layout, name, progress)
        finally:
            _remove_saved(layout, name)


def _clone(request: CloneRequest, layout: Layout, name: str, progress: Progress) -> RestoreResult:
    asked = SessionRequest(root=request.root, lock="clone", seconds=request.seconds)
    with open_session(asked, progress) as session:
        saving = SnapshotRequest(root=request.root, pause=request.pause, verify=request.verify)
        manifest = save_snapshot(session, layout, name, saving)
        start = DataStart(
            path=snapshots_folder(layout) / name,
            manifest=manifest,
            layout=layout,
            deadline=session.deadline,
            verify=request.verify,
            source=session.layout if is_trusted(session.layout) else None,
            place=link_or_copy,
        )
    return start_with_data(start, progress)


def _remove_saved(layout: Layout, name: str) -> None:
    """Remove the files that the clone was started with, and their folder if it has no others."""
    saved = snapshots_folder(layout)
    remove(saved / name, missing_ok=True)
    if saved.is_dir() and [one.name for one in saved.iterdir()] == [".gitignore"]:
        remove(saved)
