"""What `status` prints of running nodes, beside what they reply themselves."""

import time

from support.engines import BUNDLED
from support.project import Project
from support.waiting import until


def _rate(project: Project) -> int | None:
    (node,) = project.run("status", "--json", check=0).json["result"]["nodes"]
    rate: int | None = node["operations"]
    return rate


def test_the_commands_of_up_are_no_load(project: Project) -> None:
    project.init("standalone", engine=BUNDLED.path)
    project.up()
    ended = time.monotonic()
    with project.client() as node:
        until(lambda: node.info("stats")["instantaneous_ops_per_sec"] > 5)
        assert _rate(project) is None
        until(lambda: time.monotonic() > ended + 3)  # the first replies are of before
        assert _rate(project) in range(5)
        ended = time.monotonic()
        until(
            lambda: (
                time.monotonic() > ended + 2.5
                and node.ping()
                and node.info("stats")["instantaneous_ops_per_sec"] > 20
            )
        )
        assert (_rate(project) or 0) > 10
