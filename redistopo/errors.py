"""The tree of errors; each error says what happened, what was seen and what to do next."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The command's exit status; documented in the README."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    FAULT = 3
    LACKING = 4
    INTERRUPTED = 130


class RedistopoError(Exception):
    """What happened (`message`), what was seen (`detail`), what to type next (`hint`)."""

    code = ExitCode.FAILED

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail
        self._noted: list[str] = []
        self._own_notes = 0

    @property
    def __notes__(self) -> list[str]:  # type: ignore[override]
        """What a traceback shows below the message: detail and hint, then what `add_note` added."""
        own = [self.detail, f"Next: {self.hint}" if self.hint else ""]
        self._noted[: self._own_notes] = own = list(filter(None, own))
        self._own_notes = len(own)
        return self._noted


class UsageError(RedistopoError):
    """The command line or the topology file asks for something that isn't possible."""

    code = ExitCode.USAGE


class Unhealthy(RedistopoError):
    """The servers run, but a check found a fault in the topology.

    `certain` is set if its hint is the remedy, whatever links are still down.
    """

    code = ExitCode.FAULT
    certain = False


class OtherHosts(UsageError):
    """A server names nodes at other hosts than the one given; `hosts` are theirs."""

    def __init__(self, message: str, *, hint: str, detail: str, hosts: tuple[str, ...]) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.hosts = hosts


class UntrustedFolder(UsageError):
    """A file of the project names a program of its own folder, which isn't trusted yet."""


class VaultLocked(RedistopoError):
    """An inventory has a vault, and its password isn't known or is wrong."""


class RestartNeeded(Unhealthy):
    """The topology is healthy, but some settings take effect only after a restart."""


class MissingPrerequisite(RedistopoError):
    """This machine lacks a server, a free port, a permission or disk space."""

    code = ExitCode.LACKING


class NoSuchEngine(MissingPrerequisite):
    """No server on this machine is what `engine` asks for."""


class Unreachable(RedistopoError):
    """A server didn't reply: connection refused, timed out, or closed.

    `address` is its address if a connection that was kept to a node failed.
    """

    address = ""


class AccessDenied(RedistopoError):
    """A server replied, but rejected our credentials."""


class NodeDied(RedistopoError):
    """A server that we started exited before it was ready."""


class TimedOut(RedistopoError):
    """A condition wasn't met before its deadline."""


class Interrupted(RedistopoError):
    """The user, or the system, interrupted the command."""

    code = ExitCode.INTERRUPTED


class BadReply(RedistopoError):
    """A server's reply doesn't follow its protocol; never treated as a healthy one."""
