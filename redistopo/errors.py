"""Everything that can go wrong, as one tree; each error says what to do next."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the command's exit status means; documented in the README."""

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


class UsageError(RedistopoError):
    """The command line or the topology file asks for something that can't be."""

    code = ExitCode.USAGE


class Unhealthy(RedistopoError):
    """The servers run, but a check found that the topology isn't what it should be."""

    code = ExitCode.FAULT


class RestartNeeded(Unhealthy):
    """All is well, but servers that ran before have settings that only a restart changes."""


class MissingPrerequisite(RedistopoError):
    """This machine lacks a server, a free port, a permission or disk space."""

    code = ExitCode.LACKING


class Unreachable(RedistopoError):
    """A server didn't answer: refused, timed out, or hung up."""


class AccessDenied(RedistopoError):
    """A server answered, but doesn't accept the password that we have."""


class NodeDied(RedistopoError):
    """A server that we started ended before it was ready."""


class TimedOut(RedistopoError):
    """A condition didn't come true before its deadline."""


class Interrupted(RedistopoError):
    """The user, or the system, asked us to stop half-way."""

    code = ExitCode.INTERRUPTED


class BadReply(RedistopoError):
    """A server's answer isn't what its protocol says; it is never taken for a healthy one."""
