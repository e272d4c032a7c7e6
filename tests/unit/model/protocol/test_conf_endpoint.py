"""Where a server is reached, by a table of configurations."""

import pytest

from redistopo.model.protocol.conf import read_conf
from redistopo.model.protocol.conf_endpoint import endpoint_of
from redistopo.model.protocol.endpoint import Endpoint


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("bind 127.0.0.2\nport 7000", "127.0.0.2", 7000),
        ("bind 127.0.0.2\nport 0\ntls-port 7001", "127.0.0.2", 7001),
        ("bind 0.0.0.0\nport 7000", "127.0.0.1", 7000),
        ("bind ::\nport 7000", "::1", 7000),
        ("bind 0.0.0.0\nport 7000\ncluster-announce-ip 10.0.0.5", "10.0.0.5", 7000),
        ("bind 0.0.0.0\nport 7000\nreplica-announce-ip 10.0.0.5", "10.0.0.5", 7000),
        ('bind 0.0.0.0\nport 7000\nsentinel announce-ip "10.0.0.5"', "10.0.0.5", 7000),
        ('bind 0.0.0.0\nport 7\nsentinel myid a\nsentinel announce-ip "::5"', "::5", 7),
        # another address is for others: behind a forwarded port, for example
        ("bind 127.0.0.1\nport 7000\ncluster-announce-ip 10.0.0.5", "127.0.0.1", 7000),
    ],
)
def test_the_endpoint_of_a_configuration(text: str, host: str, port: int) -> None:
    assert endpoint_of(read_conf(text)) == Endpoint(host, port)


@pytest.mark.parametrize("text", ["port 7000", "bind 127.0.0.1", "bind 127.0.0.1\nport x", ""])
def test_a_configuration_without_an_endpoint(text: str) -> None:
    assert endpoint_of(read_conf(text)) is None
