"""An `up` at work, seen by what it tells."""

import json
import subprocess


def reach(up: "subprocess.Popen[str]", step: str) -> None:
    """That `up --json` has begun the step whose text begins so; fails where it never does."""
    assert up.stderr is not None
    for line in up.stderr:
        told = json.loads(line)
        if told["event"] == "started" and told["text"].startswith(step):
            return
    raise AssertionError(f"it ended before it began to {step}")
