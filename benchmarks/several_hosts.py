"""Three hosts with two nodes each, brought up by `up` and by a playbook of the usual role."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.stage import Stage

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from hosts.lab import BASE, Lab, opened, why_not
from support.judge import faults_at
from support.network import isolate, isolated

_ROLE = Path(__file__).parent / "role"
_FIRST = 16000
_AGAIN = 2.0
"""Seconds that a second `up`, with nothing to do, may take, on a machine that does nothing else."""


def up_on_hosts(stage: Stage) -> tuple[float, float]:
    """Seconds of `up`, whose cluster an independent judge finds healthy; and of the role."""
    if reason := why_not():
        raise SystemExit(f"hosts-up: {reason}")
    if not isolated():
        isolate()
    with opened(stage.folder("hosts"), 3) as lab:
        return _by_redistopo(stage, lab), _by_role(stage, lab)


def _by_redistopo(stage: Stage, lab: Lab) -> float:
    folder = stage.folder("project")
    lines = ["format = 1", 'name = "bench"', 'shape = "cluster"', f"port = {_FIRST}"]
    lines += ["[hosts]", 'user = "root"', 'service = "process"', f'engine = "{stage.server}"']
    for one in lab.hosts.values():
        lines += [f"[hosts.{one.name}]", f'address = "{one.address}"']
    (folder / "redistopo.toml").write_text("\n".join([*lines, ""]))
    took = _timed(stage, lab, "up --trust", folder)
    password = (folder / ".redistopo" / "password").read_text().strip()
    nodes = [(one.address, port) for one in lab.hosts.values() for port in (_FIRST, _FIRST + 1)]
    stage.violations += [
        f"up returned too early: {one}" for one in faults_at(nodes, password, cluster=True)
    ]
    again = _timed(stage, lab, "up --trust", folder)
    if stage.shards_of_many > 3 and again > _AGAIN:
        stage.violations.append(f"a second up took {again:.1f} s")
    _timed(stage, lab, "down", folder)
    return took


def _timed(stage: Stage, lab: Lab, verb: str, folder: Path) -> float:
    return _seconds(
        [*stage.command, *verb.split(), "--dir", str(folder)], stage.environment | lab.env
    )


def _by_role(stage: Stage, lab: Lab) -> float:
    """From empty folders to a healthy cluster."""
    folder = stage.folder("role")
    ports = [_FIRST, _FIRST + 1]
    endpoints = [f"{one.address}:{port}" for port in ports for one in lab.hosts.values()]
    shared = {
        "ports": ports, "server": stage.server, "cli": stage.cli, "base": f"{BASE}/role",
        "all_endpoints": endpoints, "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
    }  # fmt: skip
    hosts = {
        one.name: {"ansible_host": one.address, "address": one.address}
        for one in lab.hosts.values()
    }
    inventory = folder / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts, "vars": shared}}))
    argv = [sys.executable, "-m", "ansible", "playbook", "-i", str(inventory)]
    return _seconds([*argv, str(_ROLE / "playbook.yml")], _settings(lab, folder))


def _settings(lab: Lab, folder: Path) -> dict[str, str]:
    """As one has it who looked up how Ansible gets fast."""
    return {
        **os.environ, **lab.env,
        "ANSIBLE_ROLES_PATH": str(_ROLE), "ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": "10",
        "ANSIBLE_LOCAL_TEMP": str(folder), "ANSIBLE_SSH_CONTROL_PATH_DIR": str(lab.keys.folder),
        "LC_ALL": "C.UTF-8",
    }  # fmt: skip


def _seconds(argv: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - began
