"""Only one module opens files of a project: the others can't follow a planted link, or block."""

import ast
from collections.abc import Iterator
from pathlib import Path

OPENING = {
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "touch", "chmod", "lchmod",
    "symlink_to", "hardlink_to", "copy", "copyfile", "move", "rmtree", "NamedTemporaryFile",
}  # fmt: skip

PACKAGE_DATA = "files of the installed package"
SYSTEM = "files of the system, whose names are constants"

EXCEPTIONS = {
    "host/safe_open.py": "the module itself",
    "host/files.py": "a descriptor of safe_open, a report's path that the user named, and rmtree "
    "relative to a descriptor",
    "host/archive.py": "creates a new file (O_EXCL) at a path that the user named",
    "host/trial_server.py": "in a temporary folder of its own",
    "host/loading_server.py": "in a temporary folder of its own; a data file that the user named",
    "host/fleet/fleet_logs.py": "in a temporary folder of its own",
    "host/fleet/conversation.py": "a folder that was just made (mkdtemp)",
    "host/fleet/encoding.py": "a file of our own package",
    "host/fleet/run_ansible.py": "files in a folder that was just made (mkdtemp)",
    "host/fleet/vault.py": "a file in a folder that was just made (mkdtemp)",
    "host/fleet/actions/redistopo_serve.py": "a file in a folder that was just made (mkdtemp)",
    "host/fleet/library/redistopo_host.py": "a constant name in our folder on another host",
    "host/fleet/module_utils/redistopo_files.py": "runs on another host; O_NOFOLLOW",
    "host/fleet/module_utils/redistopo_processes.py": "runs on another host; O_NOFOLLOW",
    "host/fleet/module_utils/redistopo_packages.py": "in folders of root on another host",
    "host/fleet/module_utils/redistopo_units.py": "in a folder of root on another host",
    "host/fleet/module_utils/redistopo_network.py": "a constant name in our folder on another host",
    "host/fleet/module_utils/redistopo_seen.py": "runs on another host; O_NOFOLLOW, and /proc",
    "host/large_files.py": "new files (O_EXCL), and a descriptor of safe_open",
    "host/packed_folder.py": "new files (O_EXCL), and a descriptor of safe_open",
    "host/owner_watcher.py": "relative to descriptors of folders that are no links; and /proc",
    "host/run_in_foreground.py": "/dev/tty",
    "host/end_with_owner.py": "/dev/null",
    "host/server_process.py": SYSTEM,
    "host/peer_user.py": SYSTEM,
    "host/limits.py": SYSTEM,
    "host/ports.py": SYSTEM,
    "host/kernel_settings.py": SYSTEM,
    "host/package_managers.py": SYSTEM,
    "host/listening_sockets.py": SYSTEM,
    "doctor/distro_backports.py": SYSTEM,
    "cli/streams.py": "/dev/null",
    "cli/commands/demo.py": "webbrowser.open",
    "cli/complete.py": PACKAGE_DATA,
    "doctor/vulnerabilities.py": PACKAGE_DATA,
    "render/topics.py": PACKAGE_DATA,
    "render/jinja_templates.py": PACKAGE_DATA,
}


def _opened(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func
            if isinstance(name, ast.Name) and name.id == "open":
                yield "open"
            if isinstance(name, ast.Attribute) and name.attr in OPENING:
                owner = name.value
                # dict.copy() and self.open(...) of the demo's gates are no files
                if isinstance(owner, ast.Name) and owner.id in ("self", "cls"):
                    continue
                if name.attr in ("copy", "move") and not (
                    isinstance(owner, ast.Name) and owner.id == "shutil"
                ):
                    continue
                yield name.attr


def test_files_are_opened_by_one_module(root: Path) -> None:
    package = root / "redistopo"
    found = {}
    for path in package.rglob("*.py"):
        if opened := set(_opened(ast.parse(path.read_text(encoding="utf-8")))):
            found[path.relative_to(package).as_posix()] = opened
    assert {name: what for name, what in found.items() if name not in EXCEPTIONS} == {}
    assert EXCEPTIONS.keys() - found.keys() == set(), "an exception that is no longer needed"
