"""What a Host promises of files, held by this machine and by the one in memory alike."""

from collections.abc import Callable
from pathlib import Path

import pytest
from support.memory_host import MemoryHost

from redistopo.errors import MissingPrerequisite
from redistopo.host.host import FileKind, Files
from redistopo.host.local_host import LOCAL
from redistopo.model.topology.project_paths import Layout


@pytest.fixture(params=["local", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """The files of either; `tmp_path` is an empty folder on it."""
    if request.param == "local":
        return LOCAL.files
    found = MemoryHost(Layout(tmp_path / "project")).files
    found.folders = {tmp_path, *tmp_path.parents}
    found.texts.clear()
    return found


def test_what_is_written_is_read(files: Files, tmp_path: Path) -> None:
    files.write(tmp_path / "a", "old")
    files.write(tmp_path / "a", "né\n")
    assert files.read(tmp_path / "a") == "né\n"
    found = files.status(tmp_path / "a")
    assert found is not None
    assert (found.kind, found.size) == (FileKind.FILE, 4)
    assert found.modified > 0


def test_what_is_not_there_is_nothing(files: Files, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert files.read(gone) is None
    assert files.status(gone) is None
    assert files.names(gone) == ()
    assert files.tail(gone, 10) == ""


@pytest.mark.parametrize("most", [1, 3, 5, 99])
def test_a_tail_is_the_last_bytes(files: Files, tmp_path: Path, most: int) -> None:
    files.write(tmp_path / "log", "12345")
    assert files.tail(tmp_path / "log", most) == "12345"[-most:]


def test_a_folder_comes_with_its_parents_and_goes_with_its_files(
    files: Files, tmp_path: Path
) -> None:
    deep = tmp_path / "a" / "b"
    files.private_folder(deep)
    files.private_folder(deep)
    files.write(deep / "2", "")
    files.write(deep / "1", "")
    assert files.names(tmp_path) == ("a",)
    assert files.names(deep) == ("1", "2")
    found = files.status(deep)
    assert found is not None
    assert found.kind is FileKind.FOLDER
    files.remove(tmp_path / "a")
    assert files.names(tmp_path) == ()
    assert files.read(deep / "1") is None


def test_a_file_is_renamed_over_another(files: Files, tmp_path: Path) -> None:
    files.write(tmp_path / "a", "new")
    files.write(tmp_path / "b", "old")
    files.rename(tmp_path / "a", tmp_path / "b")
    assert files.names(tmp_path) == ("b",)
    assert files.read(tmp_path / "b") == "new"


def test_a_folder_is_renamed_with_its_files(files: Files, tmp_path: Path) -> None:
    files.private_folder(tmp_path / "a" / "in")
    files.write(tmp_path / "a" / "in" / "f", "kept")
    files.rename(tmp_path / "a", tmp_path / "c")
    assert files.names(tmp_path) == ("c",)
    assert files.read(tmp_path / "c" / "in" / "f") == "kept"


@pytest.mark.parametrize(
    "act",
    [
        lambda files, gone: files.write(gone / "f", "text"),
        lambda files, gone: files.remove(gone),
        lambda files, gone: files.rename(gone, gone.with_name("other")),
    ],
    ids=["write", "remove", "rename"],
)
def test_what_can_not_be_done_is_one_error(
    files: Files, tmp_path: Path, act: Callable[[Files, Path], None]
) -> None:
    with pytest.raises(MissingPrerequisite, match="can't write"):
        act(files, tmp_path / "gone")
    assert files.names(tmp_path) == ()


def test_here_all_is_for_its_user_alone_and_links_are_not_followed(tmp_path: Path) -> None:
    files = LOCAL.files
    files.private_folder(tmp_path / "d")
    files.write(tmp_path / "d" / "f", "text")
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("d", "d/f")]
    assert modes == [0o700, 0o600]
    (tmp_path / "link").symlink_to(tmp_path / "d")
    found = files.status(tmp_path / "link")
    assert found is not None
    assert found.kind is FileKind.OTHER
    files.remove(tmp_path / "link")
    assert files.read(tmp_path / "d" / "f") == "text"
