"""redistopo talks to this machine's own servers, and to nobody else."""

import ast

import pytest
from support.apart import apart
from support.engines import BUNDLED
from support.project import COMMAND, Project


def test_the_whole_path_needs_no_network_but_loopback(project: Project) -> None:
    """In a network of its own, with nothing in it but loopback."""
    script = (
        f"ip link set lo up && {COMMAND} init cluster --port {project.port} "
        f"--engine {BUNDLED.path} && {COMMAND} up && {COMMAND} verify && {COMMAND} down"
    )
    done = apart(project, "--net", "sh", "-c", script)
    assert done.returncode == 0, done
    assert "6 servers stopped" in done.stdout


NETWORKERS = {"http", "urllib.request", "ftplib", "smtplib", "requests", "httpx", "xmlrpc"}


def test_no_module_knows_how_to_talk_to_anything_else(pytestconfig: pytest.Config) -> None:
    for path in (pytestconfig.rootpath / "redistopo").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if not any(name in text for name in NETWORKERS):
            continue
        for node in ast.walk(ast.parse(text)):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert not {name for name in names if name in NETWORKERS}, path
