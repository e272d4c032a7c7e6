"""An Ansible callback: one JSON object per line and host on stdout, and nothing else."""

import json
import sys
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: redistopo_lines
type: stdout
short_description: one JSON object per line and host
description: What redistopo reads of a playbook's run.
"""


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Prints why there is no worker for a host; workers send results themselves."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "redistopo_lines"

    def _print(self, event: str, result: Any, *names: str) -> None:
        values = result._result
        text = next((str(values[name]) for name in names if values.get(name)), "")
        line = {"host": result._host.get_name(), "event": event, "text": text}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def v2_runner_on_failed(self, result: Any, **_kwargs: Any) -> None:
        """Print why the module failed; what it wrote to stderr says more than its message."""
        self._print("failed", result, "module_stderr", "exception", "msg")

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Print why the host wasn't reached."""
        self._print("unreachable", result, "msg")
