"""Exports run as their target runs them, without the target: servers of a test's own folder."""

import os
import re
import shlex
import socket
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from redistopo.export.exported_file import ExportedFile
from redistopo.model.planning.plan import Plan
from redistopo.model.planning.plan_nodes import make_plan
from redistopo.model.protocol.credentials import Credentials, Login, TlsTexts, single_credential
from redistopo.model.protocol.engine import Engine, Product, Version
from redistopo.model.topology.parse import parse_topology
from redistopo.model.topology.project_paths import Layout
from support.project import Project

_ENGINE = Engine(product=Product.REDIS, version=Version(7, 2, 4), path="/bin/redis-server")


@dataclass
class Units:
    """The units of `export systemd`, started in their order; none outlives `close`."""

    folder: Path
    root: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def nodes(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "nodes").iterdir())

    def unit(self, node: str) -> dict[str, str]:
        """What a node's unit sets; of a key with several values, the last one."""
        path = next((self.folder / "units").glob(f"*-{node}.service"))
        lines = path.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if re.match("[A-Za-z]+=", line))

    def start(self, node: str) -> bytes:
        """The unit's own commands ran, with its folders below the test's; returns what the server
        reported to systemd within 10 s, b"" for a unit that doesn't wait for it."""
        unit = self.unit(node)
        state = self.root / unit["StateDirectory"]
        state.mkdir(exist_ok=True)
        credentials = self.root / f"{node}.credentials"
        credentials.mkdir(exist_ok=True)
        subprocess.run(["cp", "-r", f"{self.folder}/nodes/{node}/.", credentials], check=True)
        for path in credentials.iterdir():
            path.write_text(self._moved(path.read_text(), unit, state))
        env = {
            **os.environ, "STATE_DIRECTORY": str(state), "CREDENTIALS_DIRECTORY": str(credentials)
        }  # fmt: skip
        subprocess.run(["sh", self.folder / "prepare.sh"], env=env, check=True)
        argv = shlex.split(self._moved(unit["ExecStart"], unit, state))
        argv = [word.replace("%%", "%").replace("$$", "$") for word in argv]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
            notified.bind(address := f"{self.root}/{len(self.started)}.notify")
            notified.settimeout(10)
            env["NOTIFY_SOCKET"] = address
            server = subprocess.Popen(argv, cwd=state, env=env, stdout=subprocess.DEVNULL)
            self.started.append(server)
            if unit["Type"] != "notify":
                return b""
            told = b""
            while b"READY=1" not in told:
                told = notified.recv(4096)
            return told

    def _moved(self, text: str, unit: dict[str, str], state: Path) -> str:
        return text.replace(unit["WorkingDirectory"], str(state))

    def script(self, name: str, *words: str, of: str = "") -> subprocess.CompletedProcess[str]:
        """A script of the export ran as its unit runs it, or the unit `of` a node."""
        credentials = self.folder / "nodes" / of if of else self.folder
        env = {**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)}
        return subprocess.run(
            ["sh", self.folder / name, *words],
            env=env, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def close(self) -> None:
        for one in self.started:
            one.kill()
            one.wait()


def rendered(
    files: Callable[[Plan, Credentials, TlsTexts], Iterable[ExportedFile]],
    *,
    names: Callable[[Plan], dict[str, tuple[str, ...]]] | None = None,
    password: str = "correct-horse",
    engine: Engine | None = None,
    **keys: object,
) -> dict[str, ExportedFile]:
    """The files of an export by their paths, of a topology with these keys."""
    topology, problems = parse_topology({"format": 1, "shape": "cluster", **keys})
    assert topology is not None, problems
    layout = Layout(Path("/srv/a b"))
    plan = make_plan(topology, layout, engine or _ENGINE, "asked for")
    sentinel = Login(password="sentinel-horse") if topology.sentinels else None
    held = replace(single_credential(Login(password=password)), sentinel=sentinel)
    if topology.acl:
        held = replace(
            held,
            own=Login(user="admin", password="admin-horse"),
            replication=Login(user="replication", password="replica-horse"),
        )
    return {one.path: one for one in files(plan, held, tls_texts(plan, names))}


def tls_texts(
    plan: Plan, names: Callable[[Plan], dict[str, tuple[str, ...]]] | None = None
) -> TlsTexts:
    """Texts in the place of certificates, with TLS: each node's has its `names`."""
    if not plan.topology.tls:
        return TlsTexts()
    each = names(plan) if names else {node.name: (node.name,) for node in plan.nodes}
    blocks = "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n"
    client = blocks.format("CERTIFICATE", "client") + blocks.format("PRIVATE KEY", "client's key")
    return TlsTexts(
        authority=blocks.format("CERTIFICATE", "authority"),
        client=client,
        nodes={node: f"{node}: {', '.join(found)}\n" for node, found in each.items()},
        expires="2030-01-31",
    )


def exported(project: Project, target: str, *words: str) -> Path:
    """The folder of an export."""
    project.run("export", target, "out", *words, check=0)
    return project.root / "out"


def replicas_of_shards(node: Any) -> list[int]:
    """How many replicas each primary with slots has, as that node knows; CLUSTER SLOTS leaves out
    those of a cluster without any write (cluster_legacy.c, isReplicaAvailable)."""
    known = node.execute_command("CLUSTER NODES").values()
    of = [one["master_id"] for one in known if "slave" in one["flags"]]
    return [of.count(one["node_id"]) for one in known if one["slots"]]
