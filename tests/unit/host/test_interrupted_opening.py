"""Ctrl-C while folders are opened one in another: it stays Ctrl-C, and nothing is closed twice."""

import os
import sys
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from redistopo.host.safe_open import parent_of


def _interrupted_at(step: int, path: Path) -> bool:
    """Whether it was: as a signal's handler raises between two instructions."""
    left = step

    def interrupt(frame: FrameType, event: str, _value: object) -> Any:
        nonlocal left
        if frame.f_code.co_name != "parent_of":
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return interrupt

    before = sys.gettrace()
    sys.settrace(interrupt)
    try:
        with parent_of(path) as (folder, name):
            os.stat(name, dir_fd=folder)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


def test_ctrl_c_at_any_instruction_is_ctrl_c(tmp_path: Path) -> None:
    path = tmp_path / ".redistopo" / "nodes" / "node1" / "redis.conf"
    path.parent.mkdir(parents=True)
    path.touch()
    step = next(n for n in count(1) if not _interrupted_at(n, path))
    assert step > 50
