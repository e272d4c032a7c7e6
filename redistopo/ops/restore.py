"""`restore`: starts a topology with the data of a snapshot, and verifies it."""

from contextlib import suppress
from pathlib import Path

from redistopo.errors import UsageError
from redistopo.host.files import read_text
from redistopo.host.polling import Deadline
from redistopo.model.remedies.of_topology import restore_over
from redistopo.model.topology.parse import read_toml
from redistopo.model.topology.project_paths import Layout
from redistopo.ops.start_with_data import DataStart, RestoreResult, start_with_data
from redistopo.progress import Progress, step, warn
from redistopo.project.load import layout_of_folder
from redistopo.project.trust import is_trusted
from redistopo.project.unfinished_changes import refuse_unfinished
from redistopo.quick_dataclass import dataclass
from redistopo.snapshot.manifest import Manifest
from redistopo.snapshot.stored import (
    find_snapshot,
    load_manifest,
    opened,
    require_checksums,
    snapshots_folder,
)
from redistopo.snapshot.target_folder import (
    has_data,
    refuse_data,
    require_own_folder,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreRequest:
    """The snapshot, by its name or path, of the project in `root`; it is restored there, or in the
    folder `into`. With `force`, data that is there is replaced; `verify` is whether the digest of
    the data is compared, None if the data is small."""

    root: Path
    name: str
    into: Path | None = None
    force: bool = False
    verify: bool | None = None
    seconds: float = 600.0


def restore(request: RestoreRequest, progress: Progress) -> RestoreResult:
    """Start a topology with the data of a snapshot.

    The folder's own topology file is used, otherwise the snapshot's. If it fails, the folder is as
    before. Raises RedistopoError, UsageError over data without `force`.
    """
    source = layout_of_folder(request.root)
    found = find_snapshot(source, request.name)
    own = found.parent == snapshots_folder(source) and source.root.is_dir() and is_trusted(source)
    with opened(found) as path:
        return _restore(request, path, source if own else None, progress)


def _restore(
    request: RestoreRequest, path: Path, source: Layout | None, progress: Progress
) -> RestoreResult:
    manifest = load_manifest(path)
    layout = layout_of_folder(request.into or request.root)
    require_own_folder(layout)
    refuse_unfinished(layout)
    other = _of_another(manifest, layout)
    if not request.force:
        refuse_data(layout, restore_over(request.name, request.into), other)
    if other:
        warn(progress, other)
    with step(progress, "compare the checksums", changes=False):
        require_checksums(path, manifest)
    start = DataStart(
        path=path,
        manifest=manifest,
        layout=layout,
        deadline=Deadline(request.seconds),
        force=request.force,
        verify=request.verify,
        source=source,
    )
    return start_with_data(start, progress)


def _of_another(manifest: Manifest, layout: Layout) -> str:
    """What to say before the data of a topology with another name replaces the folder's; ""
    otherwise."""
    if not has_data(layout):
        return ""
    text, name = read_text(layout.topology), ""
    with suppress(UsageError):  # the start reports it
        name = str(read_toml(text or "", layout.topology.name).get("name", ""))
    if not name or name == manifest.topology_name:
        return ""
    return f"the snapshot is of another topology, {manifest.topology_name}; this is {name}"
