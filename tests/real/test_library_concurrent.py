"""`import redistopo` in asyncio, threads and forks: topologies of their own, and nothing left."""

import pytest
from support.forms import spread
from support.programs import Programs


def test_asyncio_gets_a_topology_off_its_loop(programs: Programs) -> None:
    programs.quiet(
        """
import asyncio, time

async def beat(gaps):
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.01)
        gaps.append(time.monotonic() - began)

async def main():
    gaps = []
    beating = asyncio.create_task(beat(gaps))
    async with redistopo.cluster(3, 0) as one, redistopo.standalone() as other:
        client = one.async_client(decode_responses=True)
        await client.set("a", "1")
        assert await client.get("a") == "1"
        await client.aclose()
        async with other.async_client() as client:
            assert await client.ping()
        assert set(one.urls).isdisjoint(other.urls)
    beating.cancel()
    assert len(gaps) > 20, gaps

asyncio.run(main())
""",
    )


CANCELLED = {
    "once": "begun.cancel(); go.set(); await ended(begun)",
    "twice": "begun.cancel(); await asyncio.sleep(0); begun.cancel(); go.set(); await ended(begun)",
    "twice, while it ends": """
    begun.cancel(); await asyncio.sleep(0); go.set()
    while not gone.is_set():
        await asyncio.sleep(0)
    begun.cancel(); await ended(begun)""",
    "by the end of the loop": "asyncio.get_running_loop().call_later(0.1, go.set)",
}


@pytest.mark.parametrize("how", spread(list(CANCELLED), 2))
def test_a_cancelled_start_leaves_nothing(programs: Programs, how: str) -> None:
    programs.quiet(
        f"""
import asyncio, threading
from redistopo.ops.ephemeral import EphemeralServers
begins, go, gone = threading.Event(), threading.Event(), threading.Event()

def progress(event):
    begins.set()
    assert go.wait(20)

def end(self, _end=EphemeralServers.end, **more):
    gone.set()
    _end(self, **more)

EphemeralServers.end = end

async def ended(begun):
    try:
        await begun
    except asyncio.CancelledError:
        return
    raise SystemExit("not cancelled")

async def main():
    begun = asyncio.create_task(redistopo.standalone(progress=progress).__aenter__())
    while not begins.is_set():
        await asyncio.sleep(0.001)
    {CANCELLED[how]}

asyncio.run(main())
assert gone.is_set()
""",
    )


def test_threads_have_topologies_of_their_own(programs: Programs) -> None:
    lines = programs.quiet(
        """
from concurrent.futures import ThreadPoolExecutor

def one(_number):
    with redistopo.standalone() as topology, topology.client() as client:
        client.set("a", "1")
        topology.set("maxmemory", "3mb")
        return topology.nodes[0].port

with ThreadPoolExecutor(3) as pool:
    print(len(set(pool.map(one, range(3)))))
with redistopo.replication(1) as shared:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: shared.set("maxmemory", "5mb").value, range(4)))
    print(set(found))
""",
    )
    assert lines == ["3", "{('5mb',)}"]


def test_an_exception_and_a_fork_in_the_block(programs: Programs) -> None:
    lines = programs.quiet(
        """
import sys
try:
    with redistopo.standalone() as topology:
        raise KeyError("of the body")
except KeyError:
    print(topology.folder.exists())
with redistopo.standalone() as topology:
    child = os.fork()
    if not child:
        sys.exit(0)  # leaves the block, too
    os.waitpid(child, 0)
    with topology.client() as client:
        print(client.ping())
""",
    )
    assert lines == ["False", "True"]
