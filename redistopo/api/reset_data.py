"""Deletes all data of a topology."""

from pathlib import Path

from redistopo.errors import RedistopoError
from redistopo.ops.call import CallRequest, call

_COMMANDS = (("FLUSHALL", "SYNC"), ("SCRIPT", "FLUSH", "SYNC"), ("FUNCTION", "FLUSH", "SYNC"))
"""The last one is new in Redis 7.0."""


def reset_data(folder: Path) -> None:
    """Run the commands on every primary, with redistopo's own login; raises RedistopoError."""
    for command in _COMMANDS:
        replies = call(CallRequest(root=folder, command=command, words=("primary",))).replies
        failed = [one for one in replies if one.error]
        if failed and not (command[0] == "FUNCTION" and "unknown command" in failed[0].error):
            raise RedistopoError(
                f"{' '.join(command)} failed on {failed[0].name}", detail=failed[0].error
            )
