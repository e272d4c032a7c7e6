"""Starts Ansible with a generated inventory, our own action and module."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

from redistopo.errors import MissingPrerequisite
from redistopo.host.fleet.encoding import AT, PLAY
from redistopo.host.fleet.host_program import host_program
from redistopo.host.fleet.vault import vault_settings
from redistopo.host.run_program import clean_environment
from redistopo.model.topology.hosts import LOCAL as LOCAL_CONNECTION
from redistopo.model.topology.hosts import Hosts, Machine

CONNECT_SECONDS = 5
"""A lost first packet is sent again after 1 s and after 3 s, and a bastion may take a while."""

_ALIVE_SECONDS = 2
_ALIVE_COUNT = 2
"""A control connection to a host that has died ends after the product of both; only then SSH tries
to connect again. That, and Ansible's start, take 11 s, and more on a busy machine."""

_PYTHON = "/usr/bin/python3"
MOST_FORKS = 32
SOCKET = "socket"
_PROGRAM = "program.py"

_SETTINGS = "[defaults]\ninternal_poll_interval = 0.02\n"
"""Its main process waits for workers that have nothing to report until the end."""

_PLAYBOOK = (
    "import gc, sys; gc.set_threshold(100_000, 50, 50); "
    "from ansible.cli.playbook import main; main(['ansible-playbook', *sys.argv[1:]])"
)
"""What the program ansible-playbook does, with less collection of garbage while it starts, which
takes a sixth of that time."""

_SSH = (
    "-o ControlMaster=auto -o ControlPersist=60s -o BatchMode=yes -o StrictHostKeyChecking=yes "
    f"-o ConnectTimeout={CONNECT_SECONDS} "
    f"-o ServerAliveInterval={_ALIVE_SECONDS} -o ServerAliveCountMax={_ALIVE_COUNT}"
)
"""Without ServerAlive, a host that died behind a live control connection hangs for ever."""


def require_ansible() -> None:
    """Raise MissingPrerequisite if Ansible isn't installed for this Python."""
    if importlib.util.find_spec("ansible") is None:
        raise MissingPrerequisite(
            "this topology is over several hosts, which needs Ansible",
            detail=f"{sys.executable} has no module ansible",
            hint="pip install 'redistopo[hosts]'",
        )


def start_ansible(
    hosts: Hosts, names: Sequence[str], folder: Path, output: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Start Ansible with a worker for each of these machines, which connects to the socket in the
    folder; the folder is removed when it ends."""
    return subprocess.Popen(
        ["/bin/sh", "-c", '"$@"; rm -rf "$0"', str(folder), *_arguments(hosts, names, folder)],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        env=_environment(hosts, len(names), folder),
        start_new_session=True,
    )


def _arguments(hosts: Hosts, names: Sequence[str], folder: Path) -> list[str]:
    """Ansible's command line, of files that are written to the folder."""
    inventory = hosts.inventory or str(folder / "inventory.json")
    if not hosts.inventory:
        Path(inventory).write_text(json.dumps(inventory_of(hosts)), encoding="utf-8")
    variables = {
        "redistopo_hosts": list(names),
        "redistopo_socket": str(folder / SOCKET),
        "redistopo_program": str(folder / _PROGRAM),
    }
    (folder / _PROGRAM).write_text(host_program(), encoding="utf-8")
    (folder / "ansible.cfg").write_text(_SETTINGS, encoding="utf-8")
    (folder / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
    argv = [sys.executable, "-c", _PLAYBOOK, "-i", inventory]
    if hosts.inventory:  # in ours, each machine has its own
        argv += ["--become"] if hosts.become else []
        argv += ["--user", hosts.user] if hosts.user else []
    return [*argv, "-e", f"@{folder / 'variables.json'}", str(PLAY)]


def _environment(hosts: Hosts, number: int, folder: Path) -> dict[str, str]:
    """Ansible's settings; the user's own ansible.cfg counts only with the user's own inventory."""
    ours = {
        "ANSIBLE_LIBRARY": str(AT / "library"),
        "ANSIBLE_MODULE_UTILS": str(AT / "module_utils"),
        "ANSIBLE_ACTION_PLUGINS": str(AT / "actions"),
        "ANSIBLE_CALLBACK_PLUGINS": str(AT / "callbacks"),
        "ANSIBLE_STDOUT_CALLBACK": "redistopo_lines",
        "ANSIBLE_LOCAL_TEMP": str(folder),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_KEEP_REMOTE_FILES": "0",  # or modules would go there as files, with their secrets
        "ANSIBLE_FORKS": str(min(number, MOST_FORKS)),
        "ANSIBLE_TIMEOUT": str(CONNECT_SECONDS),
        "ANSIBLE_SSH_ARGS": _SSH,
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(_control_folder()),
        "ANSIBLE_HOST_KEY_CHECKING": "1",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_TASK_TIMEOUT": "0",
        "ANSIBLE_DEBUG": "0",  # it prints what modules reply
        "ANSIBLE_VERBOSITY": "0",
        "ANSIBLE_LOG_PATH": os.devnull,  # an empty one would be the current folder
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    own = {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_INVENTORY_ENABLED": "yaml",
    }
    return clean_environment({**({} if hosts.inventory else own), **ours, **vault_settings(folder)})


def _control_folder() -> Path:
    """Where SSH's control connections are: a short path, since a socket's may have 104 bytes."""
    folder = Path(tempfile.gettempdir()) / f"redistopo-ssh-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.geteuid() or folder.is_symlink():
        raise MissingPrerequisite(
            f"{folder} belongs to another user",
            hint="remove it, or set TMPDIR to a folder of your own",
        )
    return folder


def inventory_of(hosts: Hosts) -> dict[str, Any]:
    """Return Ansible's inventory of a topology file's own machines."""
    return {"all": {"hosts": {one.name: _variables(hosts, one) for one in hosts.machines}}}


def _variables(hosts: Hosts, machine: Machine) -> dict[str, Any]:
    if machine.ssh == LOCAL_CONNECTION:
        return {"ansible_connection": "local", "ansible_python_interpreter": _PYTHON}
    found: dict[str, Any] = {
        "ansible_host": machine.ssh or machine.address,
        "ansible_python_interpreter": _PYTHON,
        "ansible_become": hosts.become,
    }
    if user := machine.user or hosts.user:
        found["ansible_user"] = user
    if machine.port:
        found["ansible_port"] = machine.port
    return found
