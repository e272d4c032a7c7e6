"""`explain` in a pipe, as JSON, on a terminal, and for a topic that isn't there."""

from support.project import Project
from support.terminal import Terminal

from redistopo.render.topics import list_topics


def test_in_a_pipe_it_is_the_file(project: Project) -> None:
    text = next(one.text for one in list_topics() if one.name == "slots")
    assert project.run("explain", "slots", check=0).out == text
    told = project.run("explain", "slots", "--json", check=0).json["result"]["topics"]
    assert [one["text"] for one in told] == [text]
    listed = project.run("explain", check=0).out
    assert all(f"\n{one.name} " in f"\n{listed}" for one in list_topics())


def test_a_topic_that_is_not_there(project: Project) -> None:
    wrong = project.run("explain", "slot", check=2)
    assert "there is no topic 'slot'" in wrong.err
    assert "Next: redistopo explain slots" in wrong.err
    for unlike in ("zebra", "nonsense"):
        wrong = project.run("explain", unlike, "--json", check=2)
        assert wrong.json["error"]["hint"] == "redistopo explain lists them"


def test_on_a_terminal_it_is_drawn(project: Project) -> None:
    for columns in (40, 80):
        terminal = Terminal(project, "explain", "failover", columns=columns, rows=120)
        assert terminal.end() == 0
        assert "How it works in a cluster" in terminal.read()
        assert "##" not in terminal.read()
        # what runs the tests may have set COLUMNS
        told = {"COLUMNS": str(columns)}
        listed = Terminal(project, "explain", columns=columns, rows=120, **told)
        assert listed.end() == 0
        named = {one.name: one.summary for one in list_topics()}
        found = listed.read().split()
        # no word is broken where a line ends
        assert found == [
            *(word for name, said in named.items() for word in (name, *said.split())),
            *["One", "of", "them:", "redistopo", "explain", "cluster"],
        ]
    words = {"_REDISTOPO_COMPLETE": "bash_complete", "COMP_WORDS": "redistopo explain c"}
    project.env |= {**words, "COMP_CWORD": "2"}
    assert project.run().out.split() == ["plain,cache-aside", "plain,cluster"]
