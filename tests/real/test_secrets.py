"""Secrets: seen by nobody, and no door is left open."""

import os
import stat
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from support.editing import edit, own_templates
from support.engines import BUNDLED
from support.project import Project

from redistopo.host.all_processes import all_processes

LOCKS = {"password": (), "acl": ("--acl",)}


def _secrets(project: Project) -> list[str]:
    """Every password that was made."""
    found = [path.read_text().strip() for path in (project.root / ".redistopo").glob("password*")]
    assert found
    assert all(found)
    return found


@pytest.mark.parametrize("locks", LOCKS)
def test_no_password_is_seen_anywhere(project: Project, locks: str) -> None:
    """Not in any argv or environment, not in output, not in a file that others may read."""
    project.init("cluster", *LOCKS[locks], engine=BUNDLED.path)
    words = [("up",), ("up", "--json"), ("verify", "--json"), ("verify",), ("status", "--json")]
    words += [("plan", "--json"), ("ps", "--json"), ("up", "--dry-run", "--json")]
    told = "".join(done.out + done.err for done in (project.run(*some) for some in words))
    with project.client() as node:
        node.config_set("maxmemory", "7mb") if locks == "password" else None
    edit(project, "[redis]", '[redis]\nmaxmemory = "9mb"')
    told += "".join(project.run(*some).out for some in (("plan", "--json"), ("up", "--json")))
    told += (project.root / ".redistopo" / "formation.log").read_text()
    told += "".join((project.folder(n) / "redis.log").read_text() for n in range(1, 7))
    for secret in _secrets(project):
        assert secret not in told
        for process in all_processes():
            with suppress(psutil.Error):  # it ended, or isn't ours to look at
                assert secret not in " ".join(process.cmdline())
                assert secret not in str(process.environ())
    assert _open_to_others(project.root / ".redistopo") == []
    holding = [secret for secret in _secrets(project) if _outside(project, secret)]
    assert holding == []


def _open_to_others(folder: Path) -> list[str]:
    """Files and folders that anybody but their owner may read."""
    paths = [folder, *folder.rglob("*")]
    return [str(path) for path in paths if stat.S_IMODE(path.lstat().st_mode) & 0o077]


def _outside(project: Project, secret: str) -> list[str]:
    """Files that hold the secret and aren't in the state folder."""
    return [
        str(path)
        for path in project.root.rglob("*")
        if path.is_file()
        and ".redistopo" not in path.parts
        and secret in path.read_text(errors="replace")
    ]


def test_a_drifted_password_is_not_told_in_json(project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    with project.client(project.ports[1]) as node:
        node.config_set("masterauth", "something else")
    said = project.run("plan", "--json", check=0).out
    assert "masterauth" in said
    assert project.password not in said


def test_a_password_in_a_line_that_redis_rejects_is_not_told(project: Project) -> None:
    """Redis prints the line that it doesn't understand; we don't repeat what it says."""
    project.init("standalone", engine=BUNDLED.path)
    security = own_templates(project) / "security.conf.j2"
    security.write_text("requirepass {{ password }} and more\n")
    failed = project.run("up", check=2)
    assert "requirepass" in failed.err
    assert project.password not in failed.err


def test_secret_show_is_the_one_command_that_prints_it(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    assert "no password was made yet" in project.run("secret", "show", check=2).err
    project.up()
    assert project.run("secret", "show", check=0).out.strip() == project.password
    assert "no user admin" in project.run("secret", "show", "--user", "admin", check=2).err


def test_another_password_is_told_at_once_and_never_made(project: Project) -> None:
    project.env["REDISTOPO_PASSWORD"] = "given by me"
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    del project.env["REDISTOPO_PASSWORD"]
    for words in (("up",), ("up", "--dry-run"), ("secret", "show")):
        assert "a password other" in project.run(*words, check=2).err
    assert "a password other" in project.run("plan", check=0).out
    assert not (project.root / ".redistopo" / "password").exists()


def test_a_template_that_says_the_password_does_not_make_us_say_it(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    security = own_templates(project) / "security.conf.j2"
    for line in ("requirepas {{ password }}", "{% include password %}", "{{ {}[password] }}"):
        security.write_text(line + "\n")
        failed = project.run("up", "--json")
        assert failed.code in (1, 2)
        assert project.password not in failed.out + failed.err
        for name in ("events.jsonl", "failure.json"):
            kept = project.root / ".redistopo" / name
            assert not kept.exists() or project.password not in kept.read_text()


def test_half_written_files_with_old_passwords_are_swept(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    left = [project.root / ".redistopo" / ".password.4711", project.folder(1) / ".redis.conf.4711"]
    for path in left:
        path.write_text("an old one")
    project.up()
    assert not any(path.exists() for path in left)


@pytest.mark.fault(
    "another user creates a symbolic link, or a folder, in the state folder",
    "refused before anything is read or written (exit 4)",
)
def test_planted_links_and_foreign_owners_are_refused(project: Project, tmp_path: Path) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    project.run("down", check=0)
    secret = project.root / ".redistopo" / "password"
    elsewhere = tmp_path / "elsewhere"
    secret.rename(elsewhere)
    secret.symlink_to(elsewhere)
    assert "is a symbolic link" in project.run("up", check=4).err
    secret.unlink()
    elsewhere.rename(secret)
    if os.geteuid() == 0:
        os.chown(project.folder(1), 65534, 65534)
        assert "belongs to another user (uid 65534" in project.run("up", check=4).err
        os.chown(project.folder(1), 0, 0)
    project.up()


@pytest.mark.fault(
    "a template allows access to a server without a password",
    "refused before it is written",
)
def test_a_template_without_a_password_is_refused(project: Project) -> None:
    project.init("standalone", "--no-auth", engine=BUNDLED.path)
    network = own_templates(project) / "network.conf.j2"
    network.write_text("bind 0.0.0.0\nport {{ node.port }}\nprotected-mode no\n")
    refused = project.run("up", check=2)
    assert "accept any client that can reach 0.0.0.0" in refused.err
    assert project.servers() == []
