"""`templates export`: our templates as files to edit."""

from dataclasses import field
from pathlib import Path

from redistopo.errors import ExitCode, UsageError
from redistopo.host.files import absolute, changed_files, write_public
from redistopo.model.remedies.of_topology import replace_file
from redistopo.quick_dataclass import dataclass
from redistopo.render.jinja_templates import plain_files, sources


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplatesResult:
    """The template files written."""

    folder: Path
    files: tuple[Path, ...]
    code: ExitCode = field(default=ExitCode.DONE)


def export_templates(folder: Path, *, force: bool = False) -> TemplatesResult:
    """Write the shipped templates to a folder, to be edited and named by the `templates` key.

    Raises UsageError if one of them would be overwritten, unless `force`.
    """
    target = absolute(folder)
    wanted = {target / name: text for name, text in (*sources(), *plain_files())}
    changed = changed_files(wanted)
    if changed and not force:
        raise UsageError(
            f"{len(changed)} templates in {target} are there already, and differ from ours",
            detail="\n".join(str(path.relative_to(target)) for path in changed),
            hint=replace_file("", "", " replaces them"),
        )
    for path, text in wanted.items():
        write_public(path, text)
    return TemplatesResult(folder=target, files=tuple(wanted))
