"""`snapshot --archive`, `--zstd`: one file with all that a snapshot's folder has, and input when
restored."""

import io
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

from support.engines import BUNDLED
from support.judge import client
from support.project import Project


def test_an_archive_is_listed_verified_restored_and_counted(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    with project.client() as node:
        node.set("kept", "yes")
    names = [f"20260101-00000{n}" for n in range(2)]
    made = project.run("snapshot", names[0], "--archive", "--json", check=0).json["result"]
    path = project.root / "snapshots" / f"{names[0]}.tar.gz"
    assert Path(made["path"]) == path
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as archive:
        assert archive.getnames() == ["manifest.json", "redistopo.toml", "shard1.rdb"]
    project.run("snapshot", names[0], check=2)  # a name that is taken
    listed = project.run("snapshots", "--verify", "--json", check=0).json["result"]["snapshots"]
    assert [(one["name"], one["fault"]) for one in listed] == [(names[0], "")]
    second = project.root / "second"
    project.run("restore", names[0], "--into", second, check=0)
    port = tomllib.loads((second / "redistopo.toml").read_text())["port"]
    with client(port, (second / ".redistopo" / "password").read_text().strip()) as node:
        assert node.get("kept") == "yes"
    project.run("down", "--dir", second, "--wipe", "--yes", check=0)
    project.env["PATH"] = str(second)  # without zstd nothing is saved first
    with project.client() as node:
        saved = node.lastsave()
        refused = project.run("snapshot", names[1], "--zstd", check=4)
        assert "zstd isn't installed" in refused.err
        assert "save the data" not in refused.err
        assert node.lastsave() == saved
    del project.env["PATH"]
    if shutil.which("zstd") is None:
        return
    newer = project.run("snapshot", names[1], "--zstd", "--keep", "1", "--json")
    assert newer.json["result"]["removed"] == [names[0]]
    path = project.root / "snapshots" / f"{names[1]}.tar.zst"
    left = {*path.parent.iterdir()}
    assert left == {path, path.with_name(".gitignore")}
    raw = subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        assert archive.getnames() == ["manifest.json", "redistopo.toml", "shard1.rdb"]
    project.run("snapshot", names[1], "--archive", check=2)  # a name that is taken
    project.run("snapshots", "--verify", check=0)
    project.run("restore", names[1], "--force", check=0)
    with project.client() as node:
        assert node.get("kept") == "yes"
    path.with_name("cut.tar.zst").write_bytes(path.read_bytes()[:-40])
    project.run("restore", "cut", "--into", second, check=1)
    assert not (second / ".redistopo" / "record.json").exists()


def test_a_damaged_or_foreign_archive_writes_nothing(project: Project, tmp_path: Path) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    project.run("snapshot", "good", "--archive", check=0)
    folder = project.root / "snapshots"
    whole = (folder / "good.tar.gz").read_bytes()
    (folder / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    (folder / "text.tar.gz").write_text("no archive")
    with tarfile.open(folder / "evil.tar.gz", "w:gz") as archive:
        with tarfile.open(folder / "good.tar.gz") as good:
            first = good.getmember("manifest.json")
            archive.addfile(first, good.extractfile(first))
        archive.addfile(tarfile.TarInfo("../../evil"), io.BytesIO())
    for name in ("cut", "text", "evil"):
        refused = project.run("restore", name, "--into", tmp_path / name)
        assert refused.code == 1
        assert f"the snapshot {name}.tar.gz can't be used" in refused.err, refused
        assert not (tmp_path / name).exists()
    assert not (project.root / "evil").exists()
    assert not [one for one in folder.iterdir() if one.name.endswith(".unpacked")]
