"""Any replies at the socket: `verify --connect` ends in time, with a result or an error of ours."""

import time

import pytest
from support.forms import FULL
from support.fuzzed import answers
from support.hostile import hostile
from support.project import Project

from redistopo.errors import RedistopoError
from redistopo.model.protocol.credentials import Login
from redistopo.ops.verify import VerifyRequest, verify
from redistopo.progress import no_progress
from redistopo.session.to_json import to_json

_BATCHES = 8
_CASES = 10_000 if FULL else 80
_FOUND = (6667,)
"""Cases that were answered with a traceback."""

_MOST_SECONDS = 30.0
"""On a busy machine; each reply is limited to 2 s, and most cases take milliseconds."""


@pytest.mark.fault(
    "a server sends replies that no Redis server sends: 10,000 cases by seed (`make test-full`)",
    "`verify --connect` ends with findings, or one error",
)
@pytest.mark.parametrize("batch", range(_BATCHES))
def test_any_replies_end_in_a_result_or_an_error_of_ours(project: Project, batch: int) -> None:
    for seed in sorted(one for one in {*_FOUND, *range(_CASES)} if one % _BATCHES == batch):
        ports: list[int] = []
        with hostile(answers(seed, lambda ports=ports: ports[0] if ports else 1)) as server:  # type: ignore[misc]
            ports.append(server.port)
            began = time.monotonic()
            request = VerifyRequest(
                root=project.root,
                connect=f"127.0.0.1:{server.port}",
                access=Login(password="secret", hosts=frozenset()),
                seconds=0,
            )
            try:
                to_json(verify(request, no_progress))
            except RedistopoError:
                pass
            except Exception as error:
                raise AssertionError(f"seed {seed}") from error
            assert time.monotonic() - began < _MOST_SECONDS, f"seed {seed}"


def test_fuzzed_replies_to_the_command_itself(project: Project) -> None:
    for seed in (3, 5, 11):
        ports: list[int] = []
        with hostile(answers(seed, lambda ports=ports: ports[0] if ports else 1)) as server:  # type: ignore[misc]
            ports.append(server.port)
            done = project.run(
                "verify", "--connect", f"127.0.0.1:{server.port}", "--timeout", "0", "--json"
            )
        assert done.code in (0, 1, 2, 3), (seed, done)
        assert "Traceback" not in done.err, seed
        assert done.json["verb"] == "verify"
