"""What every test has: a state folder of its own, so that no test sees another's topologies."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_world(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty XDG state folder, and none of the variables that redistopo reads."""
    state = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    for name in (
        "REDISTOPO_PASSWORD",
        "REDISTOPO_SERVER",
        "REDISTOPO_DIR",
        "REDISCLI_AUTH",
        "NO_COLOR",
    ):
        monkeypatch.delenv(name, raising=False)
    return state
