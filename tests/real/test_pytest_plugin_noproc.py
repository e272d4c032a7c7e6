"""The pytest plugin with servers that something else runs: nothing is deleted unless asked."""

import pytest
from support.engines import BUNDLED, TLS
from support.forms import spread
from support.project import Project
from support.suites import Suites, counts

SUITE = """
from redistopo.pytest_plugin import factories

existing = factories.noproc({arguments})
existing_client = factories.client("existing", decode_responses=True)

def test_roles(existing):
    assert [node.role for node in existing.nodes].count("primary") == {primaries}

def test_writes(existing_client):
    assert existing_client.get("theirs") == "1"
    assert existing_client.set("ours", "1")

def test_after(existing_client):
    assert existing_client.get("ours") == {after!r}
"""


@pytest.mark.parametrize(("shape", "primaries"), spread([("cluster", 3), ("sentinel", 1)], 1))
def test_servers_of_a_url_are_used_and_not_reset(
    suites: Suites, project: Project, shape: str, primaries: int
) -> None:
    project.init(shape, "--replicas", "1", engine=BUNDLED.path)
    project.up()
    url = project.run("url", check=0).out.strip()
    _write(project, shape == "cluster")
    text = SUITE.format(arguments=f"url={url!r}", primaries=primaries, after="1")
    suites.passes(text)
    assert suites.servers() == []
    text = SUITE.format(arguments="", primaries=primaries, after="1")
    suites.passes(text, REDIS_URL=url)
    text = SUITE.format(arguments=f"url={url!r}, reset=True", primaries=primaries, after=None)
    suites.passes(text.replace('get("theirs") == "1"', 'get("theirs") in ("1", None)'))


def _write(project: Project, clustered: bool) -> None:
    import redis

    kind = redis.RedisCluster if clustered else redis.Redis
    with kind(host="127.0.0.1", port=project.port, password=project.password) as client:
        assert client.set("theirs", "1")


@pytest.mark.skipif(TLS is None, reason="no server with TLS on this machine")
def test_tls_is_a_url_and_a_file(suites: Suites, project: Project) -> None:
    assert TLS
    project.init("standalone", "--tls", engine=TLS.path)
    project.up()
    variables = project.run("env", "--format", "json", check=0).json
    (pem,) = project.root.rglob("client.pem")
    suites.passes(
        f"""
from redistopo.pytest_plugin import factories

files = {{"ca": {variables["REDIS_TLS_CA"]!r}, "cert": {str(pem)!r}}}
existing = factories.noproc(url={variables["REDIS_URL"]!r}, **files)
existing_client = factories.client("existing")

def test(existing_client):
    assert existing_client.set("a", 1)
"""
    )


def test_a_failed_test_shows_their_roles(suites: Suites, project: Project) -> None:
    project.init("replication", engine=BUNDLED.path)
    project.up()
    url = project.run("url", check=0).out.strip()
    suites.write(
        test_it=f"""
from redistopo.pytest_plugin import factories

existing = factories.noproc(url={url!r})

def test(existing):
    assert not existing.nodes
"""
    )
    done = suites.pytest("--redistopo-keep")
    assert counts(done.out) == {"failed": 1}
    section = done.out.partition(" redistopo: existing ")[2]
    assert "primary" in section
    assert "keep" not in section


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("url='redis://127.0.0.1:1'", "127.0.0.1:1"),
        ("url='http://127.0.0.1'", "the URL can't be used"),
        ("", "factories.noproc(url=...), or set the variable REDIS_URL"),
    ],
)
def test_without_a_server_the_test_fails_with_what_was_seen(
    suites: Suites, arguments: str, text: str
) -> None:
    imported = "from redistopo.pytest_plugin import factories"
    made = f"existing = factories.noproc({arguments})"
    suites.write(test_it=f"{imported}\n{made}\ndef test(existing): pass")
    done = suites.pytest("--redistopo-missing=skip", REDIS_URL="")
    assert counts(done.out) == {"error": 1}
    assert text in done.out
    assert "Traceback" not in done.out
