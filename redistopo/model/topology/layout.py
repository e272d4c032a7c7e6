"""Where a project's files lie; paths only, nothing is touched."""

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
        """Whether it is a Sentinel's, by its name: then its configuration is its own state."""
        return re.fullmatch(r"sentinel[0-9]+", self.root.name) is not None

    @property
    def _stem(self) -> str:
        return "sentinel" if self.sentinel else "redis"

    @property
    def config(self) -> Path:
        return self.root / f"{self._stem}.conf"

    @property
    def started(self) -> Path:
        """The configuration as it was at the last start; some of it waits for the next."""
        return self.root / "redis.conf.started"

    @property
    def rewritten(self) -> Path:
        """What a CONFIG REWRITE had made of the configuration, kept when it is written anew."""
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
        """The users of a topology with `acl`; no comments, as servers want it."""
        return self.root / "users.acl"

    @property
    def damaged(self) -> Path:
        """A nodes.conf that was refused, kept when another is written in its place."""
        return self.root / "nodes.conf.damaged"

    @property
    def listed(self) -> Path:
        """ACL LIST as the server told it right after its users were set, without passwords:
        servers write rules in a form of their own."""
        return self.root / "users.listed"

    @property
    def process(self) -> Path:
        """What we recorded of the process that we started here."""
        return self.root / "process.json"


@dataclass(frozen=True, slots=True)
class TlsFolder:
    """The private CA and what it signed; a .pem holds a certificate and its key."""

    root: Path

    @property
    def ca(self) -> Path:
        return self.root / "ca.crt"

    @property
    def ca_key(self) -> Path:
        return self.root / "ca.key"

    @property
    def client(self) -> Path:
        """What applications, and redistopo itself, present."""
        return self.root / "client.pem"

    @property
    def stranger(self) -> Path:
        """Signed by a CA that nobody trusts, to prove that it is refused."""
        return self.root / "stranger.pem"

    @property
    def made(self) -> Path:
        """For which address they were made."""
        return self.root / "made.json"

    def node(self, name: str) -> Path:
        return self.root / f"{name}.pem"


@dataclass(frozen=True, slots=True)
class Layout:
    """A project: `root` holds the topology file, and the state folder beside it."""

    root: Path

    @property
    def topology(self) -> Path:
        return self.root / TOPOLOGY_FILE

    @property
    def state(self) -> Path:
        return self.root / STATE_FOLDER

    @property
    def marker(self) -> Path:
        """Proves that the state folder is ours; nothing is removed without it."""
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
        """The password of one of our own users."""
        return self.state / f"password.{user}"

    @property
    def rotation(self) -> Path:
        """New passwords that are on their way to the servers."""
        return self.state / "rotation.json"

    @property
    def tls(self) -> TlsFolder:
        return TlsFolder(self.state / "tls")

    @property
    def nodes(self) -> Path:
        return self.state / "nodes"

    @property
    def doomed(self) -> Path:
        """Where a wipe puts the nodes before it removes them."""
        return self.state / "nodes.removed"

    @property
    def formation_log(self) -> Path:
        return self.state / "formation.log"

    @property
    def formation(self) -> Path:
        """What we recorded of a redis-cli at work."""
        return self.state / "formation.json"

    @property
    def drill(self) -> Path:
        """What a drill is about, from before its fault until all is mended."""
        return self.state / "drill.json"

    @property
    def events(self) -> Path:
        """What the last runs of `up` and `down` told, a JSON object a line."""
        return self.state / "events.jsonl"

    @property
    def checking(self) -> Path:
        """Locked while `demo --check` is at work: it stops a primary, and measures."""
        return self.state / "demo-check.lock"

    @property
    def database(self) -> Path:
        """The demo's items, behind its cache."""
        return self.state / "demo.sqlite"

    @property
    def failure(self) -> Path:
        """What the nodes said when the last `up` failed, before it was undone."""
        return self.state / "failure.json"

    def node(self, name: str) -> NodeFolder:
        return NodeFolder(self.nodes / name)
