"""Paths of a project's files; no file access."""

import re
from pathlib import Path
from typing import Any

from redistopo.quick_dataclass import dataclass

TOPOLOGY_FILE = "redistopo.toml"
STATE_FOLDER = ".redistopo"


@dataclass(frozen=True, slots=True)
class _Below:
    """An attribute of a folder: the path of a file in it, or in one of its folders."""

    name: str
    folder: str = "root"

    def __get__(self, owner: Any, kind: type) -> Path:
        folder: Path = getattr(owner, self.folder)
        return folder / self.name


@dataclass(frozen=True, slots=True)
class NodeFolder:
    """One node's files."""

    root: Path

    @property
    def sentinel(self) -> bool:
        """Whether it is a Sentinel's, by its name; its configuration then holds its state."""
        return re.fullmatch(r"sentinel[0-9]+", self.root.name) is not None

    @property
    def _stem(self) -> str:
        return "sentinel" if self.sentinel else "redis"

    @property
    def config(self) -> Path:
        return self.root / f"{self._stem}.conf"

    started = _Below("redis.conf.started")
    """The configuration of the last start; later changes may wait for the next one."""

    rewritten = _Below("redis.conf.rewritten")
    """A configuration changed by CONFIG REWRITE, kept when it is rendered again."""

    @property
    def log(self) -> Path:
        return self.root / f"{self._stem}.log"

    @property
    def pidfile(self) -> Path:
        return self.root / f"{self._stem}.pid"

    table = _Below("nodes.conf")
    """Redis's own nodes.conf."""

    users = _Below("users.acl")
    """The users of a topology with `acl`; without comments, which servers refuse."""

    damaged = _Below("nodes.conf.damaged")
    """A damaged nodes.conf, kept when it is rebuilt."""

    listed = _Below("users.listed")
    """ACL LIST as the server reported it right after its users were set, without passwords:
    servers normalize rules."""

    removed = _Below("removed")
    """Says that the node was removed from the topology: its folder is only kept."""

    process = _Below("process.json")
    """The mark of the process that we started here."""


@dataclass(frozen=True, slots=True)
class TlsFolder:
    """The private CA and its certificates; a .pem contains a certificate and its key."""

    root: Path

    ca = _Below("ca.crt")
    ca_key = _Below("ca.key")
    client = _Below("client.pem")
    """The client certificate of applications and of redistopo itself."""

    stranger = _Below("stranger.pem")
    """A certificate of an untrusted CA, to test that it is refused."""

    made = _Below("made.json")
    """The address that the certificates were made for."""

    def node(self, name: str) -> Path:
        return self.root / f"{name}.pem"

    @property
    def exports(self) -> Path:
        """The certificates of exports, whose nodes have other addresses."""
        return self.root / "exports"

    def export(self, target: str) -> "TlsFolder":
        """Return the folder of the certificates of one target."""
        return TlsFolder(self.exports / target)


@dataclass(frozen=True, slots=True)
class Layout:
    """A project: `root` contains the topology file and the state folder."""

    root: Path

    topology = _Below(TOPOLOGY_FILE)
    state = _Below(STATE_FOLDER)
    marker = _Below("MARKER", "state")
    """Marks the state folder as ours; nothing is removed without it."""

    record = _Below("record.json", "state")
    hosts = _Below("hosts.json", "state")
    """The machines of a topology over several hosts, and the nodes' places."""

    copies = _Below("copies.json", "state")
    """The digests of the nodes' own files on their hosts, as last written or seen there."""

    lock = _Below("lock", "state")
    password = _Below("password", "state")

    def secret(self, user: str) -> Path:
        """Return the password file of one of our own users."""
        return self.state / f"password.{user}"

    rotation = _Below("rotation.json", "state")
    """New passwords during a rotation."""

    @property
    def tls(self) -> TlsFolder:
        return TlsFolder(self.state / "tls")

    nodes = _Below("nodes", "state")
    removed_nodes = _Below("nodes.removed", "state")
    """Where `down --wipe` moves the nodes before it removes them."""

    formation_log = _Below("formation.log", "state")
    formation = _Below("formation.json", "state")
    """The mark of a running redis-cli."""

    drill = _Below("drill.json", "state")
    """The record of a drill, from before its fault until everything is restored."""

    job = _Below("job.json", "state")
    """The record of a change of the topology, from before its first step until its last."""

    events = _Below("events.jsonl", "state")
    """The progress events of the last runs that changed it, one JSON object per line."""

    checking = _Below("demo-check.lock", "state")
    """Locked while `demo --check` runs: it stops a primary, and measures."""

    database = _Below("demo.sqlite", "state")
    """The demo's database behind its cache."""

    failure = _Below("failure.json", "state")
    """The nodes' replies when the last `up` failed, before it was undone."""

    def stopped(self, name: str) -> Path:
        """Return the file with what a node had when redistopo stopped it."""
        return self.state / "stopped" / f"{name}.json"

    def node(self, name: str) -> NodeFolder:
        return NodeFolder(self.nodes / name)
