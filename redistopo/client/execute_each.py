"""Commands for several servers at once, without a thread for each."""

from collections.abc import Mapping, Sequence

from redistopo.client.connection import Command, Connections, Reply
from redistopo.errors import RedistopoError
from redistopo.model.protocol.endpoint import Endpoint


def execute_each(
    client: Connections, commands: Mapping[Endpoint, Sequence[Command]]
) -> dict[Endpoint, list[Reply] | RedistopoError]:
    """Send commands to several servers, to all before any reply is awaited; returns for each what
    `execute` of the connections returns or raises."""
    found: dict[Endpoint, list[Reply] | RedistopoError] = {}
    for endpoint, wanted in commands.items():
        try:
            client.post(endpoint, wanted)
        except RedistopoError as error:
            found[endpoint] = error
    for endpoint in commands.keys() - found.keys():
        try:
            found[endpoint] = client.collect(endpoint, len(commands[endpoint]))
        except RedistopoError as error:
            found[endpoint] = error
    return found
