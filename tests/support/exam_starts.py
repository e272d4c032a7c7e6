"""What doctor says of a redis.conf that servers take, refuse, or can't be asked about."""

from dataclasses import replace

from redistopo.doctor.facts import DoctorFacts
from redistopo.doctor.startup_verdict import EngineTrial, StartupRefusal, StartupVerdict
from redistopo.model.state.finding import Status
from support.exam_facts import FAIL, HEARD, OK, OPEN, SKIP, WARN, conf_of

CONF = "/etc/redis.conf"
LINE = StartupRefusal(path=CONF, line=3, text="maxmemry 3mb", message="Bad directive")
TAKES = EngineTrial(title="Valkey 9.1.2", path="/opt/valkey-server")
REFUSES = EngineTrial(title="Redis 7.0.15", path="/usr/bin/redis-server", refusal=LINE)
BEGUN = replace(HEARD, reply="", holder="")


def starting_of(
    *tried: EngineTrial, text: str = "", lacking: StartupRefusal | None = None
) -> DoctorFacts:
    return conf_of(text, BEGUN, starting=StartupVerdict(tried=tried, refused_by_all=lacking))


# Check, status, part of evidence, part of the hint, and the facts.
STARTS: list[tuple[str, Status, str, str, DoctorFacts]] = [
    (
        "config.starts",
        OK,
        "Valkey 9.1.2 accepts every line: it has none",
        "",
        starting_of(TAKES),
    ),
    ("config.starts", OK, "accepts every line", "", starting_of(TAKES, text="port 1")),
    (
        "config.starts",
        OK,
        "accepts every line that you can read",
        "",
        conf_of("port 1", BEGUN, starting=StartupVerdict(tried=(TAKES,)), unread=("x",)),
    ),
    (
        "config.starts",
        WARN,
        "if it is started in /etc: `include more.conf` is relative to the folder where",
        "write the absolute path: ${EDITOR:-vi} /etc/redis.conf",
        conf_of(
            "port 1", BEGUN, starting=StartupVerdict(tried=(TAKES,)), start_relative=("more.conf",)
        ),
    ),
    (
        "config.bind",
        WARN,
        "can't read what it includes: a (Permission denied), b (it is a FIFO), c (x) and 1 more",
        "sudo redistopo doctor --config /etc/redis.conf",
        conf_of("port 1", unread=("a (Permission denied)", "b (it is a FIFO)", "c (x)", "d (x)")),
    ),
    (
        "config.bind",
        WARN,
        "can't read what it includes: b (it is a FIFO)",
        "include plain files: ${EDITOR:-vi} /etc/redis.conf",
        conf_of("port 1", unread=("b (it is a FIFO)",)),
    ),
    (
        "config.starts",
        OK,
        "except `dir /srv`, which you have no access to",
        "",
        starting_of(replace(TAKES, skipped="`dir /srv`")),
    ),
    (
        "config.starts",
        FAIL,
        "Redis 7.0.15 doesn't start with it: line 3 `maxmemry 3mb`: Bad directive",
        "${EDITOR:-vi} +3 /etc/redis.conf",
        starting_of(REFUSES),
    ),
    (
        "config.starts",
        FAIL,
        "no server here starts with it: line 3 `maxmemry",
        "+3 /etc/redis.conf",
        starting_of(REFUSES, replace(TAKES, refusal=LINE)),
    ),
    (
        "config.starts",
        FAIL,
        "line 3 of /etc/my part.conf `maxmemry",
        "+3 '/etc/my part.conf'",
        starting_of(replace(REFUSES, refusal=replace(LINE, path="/etc/my part.conf"))),
    ),
    (
        "config.starts",
        WARN,
        "Redis 7.0.15 doesn't start with it, Valkey 9.1.2 does: line 3",
        "remove that line, or: /opt/valkey-server /etc/redis.conf",
        starting_of(REFUSES, TAKES),
    ),
    (
        "config.starts",
        FAIL,
        "no server starts with it: line 3",
        "+3",
        starting_of(TAKES, lacking=LINE),
    ),
    (
        "config.starts",
        FAIL,
        "binds 10.9.9.9, which this machine doesn't have",
        "${EDITOR:-vi} /etc/redis.conf",
        conf_of(
            "bind 10.9.9.9",
            BEGUN,
            starting=StartupVerdict(tried=(TAKES,)),
            foreign_addresses=("10.9.9.9",),
        ),
    ),
    ("config.starts", SKIP, "not tried: no server is here", "", starting_of()),
    ("config.starts", SKIP, "Valkey 9.1.2: hm", "", starting_of(replace(TAKES, unsure="hm"))),
    # what it would stumble over, or let in, comes before its start
    (
        "config.running",
        WARN,
        "nothing runs",
        "start it: /opt/valkey-server /etc/redis.conf",
        starting_of(TAKES, text="bind 127.0.0.1"),
    ),
    (
        "config.running",
        WARN,
        "nothing runs",
        "start it: /opt/valkey-server /etc/redis.conf --sentinel",
        starting_of(TAKES, text="bind 127.0.0.1\nsentinel monitor a 127.0.0.1 1 1"),
    ),
    (
        "config.running",
        WARN,
        "nothing runs",
        "first fix what config.starts reports, then: /usr/bin/redis-server /etc/redis.conf",
        starting_of(REFUSES, text="bind 127.0.0.1"),
    ),
    (
        "config.running",
        WARN,
        "nothing runs",
        "first fix what config.bind reports, then: /opt/valkey-server /etc/redis.conf",
        starting_of(TAKES, text=OPEN),
    ),
    (
        "config.bind",
        FAIL,
        "full control",
        "(and no `user` line has `nopass`)",
        starting_of(TAKES, text=OPEN),
    ),
    ("config.bind", FAIL, "full control", "`nopass`); then restart it", conf_of(OPEN, HEARD)),
]
