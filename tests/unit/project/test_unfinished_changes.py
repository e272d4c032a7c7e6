"""What errors say while a change is on record."""

from pathlib import Path

import pytest

from redistopo.errors import RedistopoError, Unhealthy
from redistopo.model.state.job import Job
from redistopo.model.topology.project_paths import Layout
from redistopo.project.job_file import save_job
from redistopo.project.unfinished_changes import GO_ON, naming_ways_on

JOB = Job(verb="scale", arguments=("--shards", "4"), began="2026-01-01T00:00:00+00:00")


@pytest.mark.parametrize(
    ("recorded", "hint", "wanted"),
    [
        (True, "", GO_ON),
        (True, "see its log", f"see its log; then {GO_ON}"),
        (True, f"first this; then {GO_ON}", f"first this; then {GO_ON}"),
        (False, "see its log", "see its log"),
    ],
)
def test_an_error_names_the_ways_on_while_a_change_is_on_record(
    tmp_path: Path, recorded: bool, hint: str, wanted: str
) -> None:
    layout = Layout(tmp_path)
    layout.state.mkdir()
    if recorded:
        save_job(layout, JOB)
    with pytest.raises(RedistopoError) as caught, naming_ways_on(layout):
        raise Unhealthy("no", hint=hint)
    assert caught.value.hint == wanted
