"""`import redistopo` beside others: their ports, programs that start at one moment, other hosts."""

from support.hostile import hostile, replication
from support.ports import leased
from support.programs import MADE, Programs


def test_the_ports_of_others_are_left_alone(programs: Programs) -> None:
    with leased() as port:
        programs.quiet(
            f"""
with redistopo.standalone(port={port}) as one, redistopo.standalone() as other:
    assert one.nodes[0].port == {port} != other.nodes[0].port
    try:
        with redistopo.standalone(port={port}):
            raise SystemExit("started")
    except redistopo.MissingPrerequisite:
        pass
    assert one.verify().healthy
""",
        )


def test_programs_that_start_at_one_moment_get_ports_of_their_own(programs: Programs) -> None:
    text = MADE + "with redistopo.replication(1) as topology: print(topology.verify().healthy)"
    begun = [programs.begin(text) for _ in range(4)]
    assert [one.communicate(timeout=120) for one in begun] == [("True\n", "")] * 4
    assert programs.servers() == []


def test_connect_takes_a_password_to_no_other_host(programs: Programs) -> None:
    line = "slave0:ip=169.254.169.254,port=80,state=online,offset=1,lag=0"
    with hostile(replication("role:master", line)) as server:
        lines = programs.quiet(
            """
import sys
for ask in (lambda one: one.verify(timeout=0), lambda one: one.nodes, lambda one: one.client()):
    try:
        ask(redistopo.connect(sys.argv[1]))
    except redistopo.OtherHosts as error:
        print(error.hosts)
""",
            f"redis://:secret@127.0.0.1:{server.port}",
        )
    assert lines == ["('169.254.169.254',)"] * 3
