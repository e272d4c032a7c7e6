"""Runs operations on many hosts by one run of Ansible: generated inventory, our own module."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redistopo.errors import MissingPrerequisite, RedistopoError
from redistopo.host.fleet.encoding import AT, PLAY, decode, encode
from redistopo.host.fleet.vault import vault_settings
from redistopo.host.run_program import clean_environment
from redistopo.model.topology.hosts import Hosts, Machine

Op = Mapping[str, Any]

LOCAL_CONNECTION = "local"
"""The value of `ssh` of a machine that is this one."""

_CONNECT_SECONDS = 8
_ALIVE_SECONDS = 3
_ALIVE_COUNT = 3
_PYTHON = "/usr/bin/python3"
_MOST_FORKS = 32

_SSH = (
    "-o ControlMaster=auto -o ControlPersist=60s -o BatchMode=yes -o StrictHostKeyChecking=yes "
    f"-o ConnectTimeout={_CONNECT_SECONDS} "
    f"-o ServerAliveInterval={_ALIVE_SECONDS} -o ServerAliveCountMax={_ALIVE_COUNT}"
)
"""Without ServerAlive, a host that died behind a live control connection hangs for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResults:
    """What came of the operations on one host: their `results`, up to the first that failed; or
    why it wasn't `unreachable`, or why the module `failed` there."""

    results: tuple[Mapping[str, Any], ...] = ()
    unreachable: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: the hosts of a topology, and the operations for each machine that takes part.

    `seconds` is how long the operations themselves may take.
    """

    hosts: Hosts
    ops: Mapping[str, Sequence[Op]]
    seconds: float = field(default=30.0)


def require_ansible() -> None:
    """Raise MissingPrerequisite if Ansible isn't installed for this Python."""
    if importlib.util.find_spec("ansible") is None:
        raise MissingPrerequisite(
            "this topology is over several hosts, which needs Ansible",
            detail=f"{sys.executable} has no module ansible",
            hint="pip install 'redistopo[hosts]'",
        )


def run_ops(run: Run) -> dict[str, HostResults]:
    """Perform the operations on all machines at once; returns each machine's results.

    Raises MissingPrerequisite without Ansible, RedistopoError if it couldn't run at all.
    """
    with _started(run) as child:
        try:
            out, err = child.communicate(timeout=run.seconds + 2 * _CONNECT_SECONDS)
        except subprocess.TimeoutExpired:
            child.terminate()
            out, err = child.communicate()
    found = dict(_results(out))
    if not found:
        raise RedistopoError(
            "Ansible could not run on the hosts",
            detail="\n".join((err or out).strip().splitlines()[-8:]),
            hint="to see what it does by itself: ansible -m ping with the same inventory",
        )
    late = HostResults(unreachable=f"no result within {run.seconds:g} s")
    return {name: found.get(name, late) for name in run.ops}


@contextmanager
def _started(run: Run) -> Iterator["subprocess.Popen[str]"]:
    """A running Ansible; what it reads is in a private folder that is removed after it."""
    require_ansible()
    with (
        tempfile.TemporaryDirectory(prefix="redistopo-hosts.") as name,
        subprocess.Popen(
            _arguments(run, Path(name)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=_environment(run, Path(name)),
            start_new_session=True,
        ) as child,
    ):
        try:
            yield child
        except BaseException:
            child.kill()
            raise


def run_in_background(run: Run) -> None:
    """Perform operations without secrets, and wait for nothing."""
    folder = tempfile.mkdtemp(prefix="redistopo-hosts.")
    subprocess.Popen(
        ["/bin/sh", "-c", '"$@"; rm -rf "$0"', folder, *_arguments(run, Path(folder))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(run, Path(folder)),
        start_new_session=True,
    )


def _arguments(run: Run, folder: Path) -> list[str]:
    """Ansible's command line, of files that are written to the folder."""
    inventory = run.hosts.inventory or str(folder / "inventory.json")
    if not run.hosts.inventory:
        Path(inventory).write_text(json.dumps(inventory_of(run.hosts)), encoding="utf-8")
    variables = {
        "redistopo_hosts": list(run.ops),
        "redistopo_ops": {one: encode(list(ops)) for one, ops in run.ops.items()},
    }
    (folder / "ansible.cfg").touch()
    (folder / "ops.json").write_text(json.dumps(variables), encoding="utf-8")
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", inventory]
    if run.hosts.inventory:  # in ours, each machine has its own
        argv += ["--become"] if run.hosts.become else []
        argv += ["--user", run.hosts.user] if run.hosts.user else []
    return [*argv, "-e", f"@{folder / 'ops.json'}", str(PLAY)]


def _environment(run: Run, folder: Path) -> dict[str, str]:
    """Ansible's settings; the user's own ansible.cfg counts only with the user's own inventory."""
    ours = {
        "ANSIBLE_LIBRARY": str(AT / "library"),
        "ANSIBLE_MODULE_UTILS": str(AT / "module_utils"),
        "ANSIBLE_CALLBACK_PLUGINS": str(AT / "callbacks"),
        "ANSIBLE_STDOUT_CALLBACK": "redistopo_lines",
        "ANSIBLE_LOCAL_TEMP": str(folder),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_FORKS": str(min(len(run.ops), _MOST_FORKS)),
        "ANSIBLE_TIMEOUT": str(_CONNECT_SECONDS),
        "ANSIBLE_SSH_ARGS": _SSH,
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(_control_folder()),
        "ANSIBLE_HOST_KEY_CHECKING": "1",
        "ANSIBLE_GATHERING": "explicit",
        "ANSIBLE_LOG_PATH": "",
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_NOCOLOR": "1",
        "LC_ALL": "C.UTF-8",
    }
    own = {} if run.hosts.inventory else {"ANSIBLE_CONFIG": str(folder / "ansible.cfg")}
    return clean_environment({**own, **ours, **vault_settings(folder)})


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


def _results(out: str) -> Iterator[tuple[str, HostResults]]:
    for line in out.splitlines():
        if not line.startswith("{"):
            continue
        one = json.loads(line)
        match one["event"]:
            case "ok":
                yield one["host"], HostResults(results=tuple(decode(one["text"])))
            case "unreachable":
                yield one["host"], HostResults(unreachable=_plain(one["text"]))
            case _:
                yield one["host"], HostResults(failed=_plain(one["text"]))


def _plain(text: str) -> str:
    """Ansible's reason in one line, with what SSH printed and without its own preamble."""
    last = [line.strip() for line in text.splitlines() if line.strip()]
    return (" ".join(last) if len(last) <= 3 else last[-1])[:400]
