"""A session takes what it says that it needs, and lets go of it on every path."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from redistopo.errors import RedistopoError, UsageError
from redistopo.model.topology.project_paths import Layout
from redistopo.progress import Event, note
from redistopo.project.state_folder import claim_state_folder
from redistopo.session.open import hold_lock, open_session
from redistopo.session.session import CredentialSource, SessionRequest

TOPOLOGY = 'format = 1\nname = "here"\nshape = "replication"\nport = 7000\nreplicas = 1\n'


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder with a topology file, of which nothing was started."""
    (tmp_path / "redistopo.toml").write_text(TOPOLOGY)
    return tmp_path


def _claimed(root: Path) -> Layout:
    layout = Layout(root)
    claim_state_folder(layout)
    return layout


def _query(root: Path) -> SessionRequest:
    return SessionRequest(root=root, needs_started=False)


def _change(root: Path) -> SessionRequest:
    return SessionRequest(root=root, lock="stop", seconds=0, needs_started=False)


def test_a_query_makes_nothing(root: Path) -> None:
    with open_session(_query(root)) as session:
        assert session.topology.name == "here"
        assert session.state is None
        assert session.targets == ()
        assert session.observe().nodes == ()
    assert [path.name for path in root.iterdir()] == ["redistopo.toml"]


@pytest.mark.parametrize("ended_by", [None, RedistopoError("no"), KeyboardInterrupt()])
def test_the_lock_is_free_and_the_log_is_closed_however_it_ends(
    root: Path, ended_by: BaseException | None
) -> None:
    layout, told = _claimed(root), list[Event]()

    def ended() -> None:
        with open_session(_change(root), told.append) as session:
            assert session.locked
            with (
                pytest.raises(RedistopoError, match="is being changed by `redistopo stop`"),
                open_session(_change(root)),
            ):
                pass
            note(session.progress, "logged")
            kept.append(session)
            if ended_by is not None:
                raise ended_by

    kept: list = []
    if ended_by is None:
        ended()
    else:
        with pytest.raises(type(ended_by)):
            ended()
    note(kept[0].progress, "after the end")
    with open_session(_change(root)) as again:
        assert again.locked
    assert [event.text for event in told] == ["logged", "after the end"]
    lines = [json.loads(line) for line in layout.events.read_text().splitlines()]
    assert "logged" in [line["text"] for line in lines]
    assert "after the end" not in [line["text"] for line in lines]


def test_no_secret_leaves_it_nor_enters_the_log(root: Path) -> None:
    layout = _claimed(root)
    layout.password.write_text("sesame-opens\n")
    with pytest.raises(RedistopoError) as error, open_session(_change(root)):
        raise RedistopoError("it said sesame-opens", detail="sesame-opens")
    assert "sesame" not in error.value.message + error.value.detail
    assert "sesame" not in layout.events.read_text()


def test_without_the_lock_a_refusal_touches_nothing(root: Path) -> None:
    request = SessionRequest(root=root, credentials=CredentialSource.MADE, needs_started=False)
    with open_session(request) as session:
        assert not (root / ".redistopo").exists()
        with hold_lock(session, "up", make=True):
            assert session.locked
            assert session.credentials.own.password
        assert not session.locked
    assert (root / ".redistopo" / "password").exists()


def test_what_must_be_there(root: Path, tmp_path: Path) -> None:
    with (
        pytest.raises(RedistopoError, match="nothing was started"),
        open_session(SessionRequest(root=root)),
    ):
        pass
    (root / "redistopo.toml").write_text("shape = 7")
    with pytest.raises(UsageError), open_session(_query(root)):
        pass
    broken = SessionRequest(root=root, needs_file=False, needs_started=False)
    with open_session(broken) as session:
        assert session.rendered == {}
    (root / "redistopo.toml").unlink()
    with pytest.raises(UsageError, match=r"there is no redistopo\.toml"), open_session(broken):
        pass
    anywhere = SessionRequest(
        root=root, needs_file=False, needs_started=False, needs_topology=False
    )
    with open_session(anywhere) as session:
        assert session.state is None


def test_files_are_read_once_until_they_are_refreshed(root: Path) -> None:
    layout = _claimed(root)
    with open_session(_query(root)) as session:
        assert session.rendered == {}
        folder = layout.node("node1")
        folder.root.mkdir(parents=True)
        folder.config.write_text("bind 127.0.0.1\nport 7000\nrequirepass one\n")
        assert session.rendered == {}
        session.refresh()
        assert [one.name for one in session.targets] == ["node1"]
        assert session.credentials.own.password == "one"
        client = session.client
        folder.config.write_text("bind 127.0.0.1\nport 7000\nrequirepass two\n")
        assert session.client.credentials.own.password == "one"
        session.refresh()
        assert session.client is client
        assert session.client.credentials.own.password == "two"
