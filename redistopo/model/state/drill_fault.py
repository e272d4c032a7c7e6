"""The faults that a drill can inject."""

from enum import StrEnum


class Fault(StrEnum):
    """`NONE` injects no fault: it measures the drill's own noise."""

    KILL = "kill"
    FREEZE = "freeze"
    SHUTDOWN = "shutdown"
    PARTITION = "partition"
    NONE = "none"

    @property
    def story(self) -> str:
        """The fault, and the incident that it simulates."""
        return _STORIES[self]


_STORIES = {
    Fault.KILL: "SIGKILL: the process ends at once, as in a crash or an out-of-memory kill",
    Fault.FREEZE: "SIGSTOP: the process hangs and its connections stay open, as on a stalled disk "
    "or a paused virtual machine; it continues where it was when it is resumed",
    Fault.SHUTDOWN: "SIGTERM: what `systemctl stop` sends; since Redis 7.0 the server first waits "
    "for its replicas to catch up, up to shutdown-timeout",
    Fault.PARTITION: "every packet between it and the other servers is dropped, both ways, as by "
    "a firewall; it keeps running, and clients can still connect to it",
    Fault.NONE: "no fault is injected: measures the drill's own noise",
}
