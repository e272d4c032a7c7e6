"""Reads from replicas: of nodes that hang, how many does one request wait for?"""

import socket
from contextlib import ExitStack

import pytest
from redis.exceptions import TimeoutError as NoAnswer

from redistopo.demo.redis_clients import Route, RoutedClient
from redistopo.model.protocol.credentials import Login


def test_a_request_waits_for_two_nodes_at_most() -> None:
    """They listen and say nothing, as frozen servers do."""
    with ExitStack() as stack:
        silent = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(5)]
        primary, *replicas = [one.getsockname()[:2] for one in silent]
        client = RoutedClient(lambda: Route(primary, tuple(replicas)), Login)
        with pytest.raises(NoAnswer):
            client.execute_command("GET", "a")
        client.close()
        asked = []
        for one in silent:
            one.setblocking(False)
            try:
                stack.enter_context(one.accept()[0])
                asked.append(one.getsockname()[:2])
            except BlockingIOError:
                continue
        assert len(asked) == 2
        assert primary in asked
        assert client.served is None
