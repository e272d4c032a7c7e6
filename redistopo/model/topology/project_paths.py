"""Paths of a project's files; no file access."""

import re
from dataclasses import dataclass
from pathlib import Path

TOPOLOGY_FILE = "redistopo.toml"
STATE_FOLDER = ".redistopo"


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

    @property
    def started(self) -> Path:
        """The configuration of the last start; later changes may wait for the next one."""
        return self.root / "redis.conf.started"

    @property
    def rewritten(self) -> Path:
        """A configuration changed by CONFIG REWRITE, kept when it is rendered again."""
        return self.root / "redis.conf.rewritten"

    @property
    def log(self) -> Path:
        return self.root / f"{self._stem}.log"

    @property
    def pidfile(self) -> Path:
        return self.root / f"{self._stem}.pid"

    @property
    def table(self) -> Path:
        """Redis's own nodes.conf."""
        return self.root / "nodes.conf"

    @property
    def users(self) -> Path:
        """The users of a topology with `acl`; without comments, which servers refuse."""
        return self.root / "users.acl"

    @property
    def damaged(self) -> Path:
        """A damaged nodes.conf, kept when it is rebuilt."""
        return self.root / "nodes.conf.damaged"

    @property
    def listed(self) -> Path:
        """ACL LIST as the server reported it right after its users were set, without passwords:
        servers normalize rules."""
        return self.root / "users.listed"

    @property
    def process(self) -> Path:
        """The mark of the process that we started here."""
        return self.root / "process.json"


@dataclass(frozen=True, slots=True)
class TlsFolder:
    """The private CA and its certificates; a .pem contains a certificate and its key."""

    root: Path

    @property
    def ca(self) -> Path:
        return self.root / "ca.crt"

    @property
    def ca_key(self) -> Path:
        return self.root / "ca.key"

    @property
    def client(self) -> Path:
        """The client certificate of applications and of redistopo itself."""
        return self.root / "client.pem"

    @property
    def stranger(self) -> Path:
        """A certificate of an untrusted CA, to test that it is refused."""
        return self.root / "stranger.pem"

    @property
    def made(self) -> Path:
        """The address that the certificates were made for."""
        return self.root / "made.json"

    def node(self, name: str) -> Path:
        return self.root / f"{name}.pem"


@dataclass(frozen=True, slots=True)
class Layout:
    """A project: `root` contains the topology file and the state folder."""

    root: Path

    @property
    def topology(self) -> Path:
        return self.root / TOPOLOGY_FILE

    @property
    def state(self) -> Path:
        return self.root / STATE_FOLDER

    @property
    def marker(self) -> Path:
        """Marks the state folder as ours; nothing is removed without it."""
        return self.state / "MARKER"

    @property
    def record(self) -> Path:
        return self.state / "record.json"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def password(self) -> Path:
        return self.state / "password"

    def secret(self, user: str) -> Path:
        """Return the password file of one of our own users."""
        return self.state / f"password.{user}"

    @property
    def rotation(self) -> Path:
        """New passwords during a rotation."""
        return self.state / "rotation.json"

    @property
    def tls(self) -> TlsFolder:
        return TlsFolder(self.state / "tls")

    @property
    def nodes(self) -> Path:
        return self.state / "nodes"

    @property
    def removed_nodes(self) -> Path:
        """Where `down --wipe` moves the nodes before it removes them."""
        return self.state / "nodes.removed"

    @property
    def formation_log(self) -> Path:
        return self.state / "formation.log"

    @property
    def formation(self) -> Path:
        """The mark of a running redis-cli."""
        return self.state / "formation.json"

    @property
    def drill(self) -> Path:
        """The record of a drill, from before its fault until everything is restored."""
        return self.state / "drill.json"

    @property
    def events(self) -> Path:
        """The progress events of the last runs that changed it, one JSON object per line."""
        return self.state / "events.jsonl"

    @property
    def checking(self) -> Path:
        """Locked while `demo --check` runs: it stops a primary, and measures."""
        return self.state / "demo-check.lock"

    @property
    def database(self) -> Path:
        """The demo's database behind its cache."""
        return self.state / "demo.sqlite"

    @property
    def failure(self) -> Path:
        """The nodes' replies when the last `up` failed, before it was undone."""
        return self.state / "failure.json"

    def node(self, name: str) -> NodeFolder:
        return NodeFolder(self.nodes / name)
