"""What is found of programs that may be servers."""

from pathlib import Path

import pytest

from redistopo.errors import MissingPrerequisite, NoSuchEngine
from redistopo.host import engine_search
from redistopo.host.engine_search import choose_engine, find_engines
from redistopo.project.load import engine_request


@pytest.fixture
def hanging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The only server on PATH, which prints nothing for a long time."""
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engine_search, "_ANSWER_SECONDS", 0.2)
    return str(program)


@pytest.mark.parametrize("named", [True, False])
def test_a_server_that_is_slow_to_reply_is_not_taken_for_none(hanging: str, named: bool) -> None:
    """Nor is the next server chosen in its place."""
    with pytest.raises(MissingPrerequisite, match=f"`{hanging} --version` didn't end") as caught:
        choose_engine(engine_request(hanging if named else "auto"))
    assert "busy" in caught.value.detail


def test_without_any_server_none_of_them_can_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(engine_search.VARIABLE, raising=False)
    monkeypatch.setattr(engine_search, "_BUNDLED", {})
    with pytest.raises(NoSuchEngine) as caught:
        choose_engine(engine_request("redis 8.2"), advise=False)
    assert caught.value.detail == "no server was found at all"
    assert caught.value.hint.startswith("install it from")


def test_a_program_that_hangs_is_not_listed(hanging: str) -> None:
    assert hanging not in {one.path for one in find_engines()}
