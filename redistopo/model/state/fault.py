"""What a drill does to a node."""

from enum import StrEnum


class Fault(StrEnum):
    """`NONE` does nothing: what is reported then is the drill's own noise."""

    KILL = "kill"
    FREEZE = "freeze"
    SHUTDOWN = "shutdown"
    PARTITION = "partition"
    NONE = "none"

    @property
    def story(self) -> str:
        """What it is, and what it stands for."""
        return _STORIES[self]


_STORIES = {
    Fault.KILL: "SIGKILL: the process is gone at once, as in a crash or an out-of-memory kill",
    Fault.FREEZE: "SIGSTOP: the process hangs and its connections stay open, as on a stalled disk "
    "or a paused virtual machine; it goes on with what it has once it is mended",
    Fault.SHUTDOWN: "SIGTERM: what `systemctl stop` sends; since Redis 7.0 the server first waits "
    "for its replicas to catch up, up to shutdown-timeout",
    Fault.PARTITION: "every packet between it and the other servers is dropped, both ways, as by "
    "a firewall; it runs on, and clients that reach it still do",
    Fault.NONE: "nothing is done: what is reported is the drill's own noise",
}
