"""An Ansible action: performs operations on its host, one request after the other, until the
controller ends the conversation. So a command with several runs starts Ansible once."""

import json
import socket
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]
    """Each request is a line with the encoded operations; each reply is a line of JSON."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Serve requests until there are no more: the controller may also have been killed."""
        super().run(tmp, task_vars)
        with socket.socket(socket.AF_UNIX) as controller:
            controller.connect(str(self._task.args["socket"]))
            with controller.makefile("rw", encoding="utf-8") as lines:
                try:
                    self._write(lines, {"host": task_vars["inventory_hostname"]})
                    for line in lines:
                        self._write(lines, self._reply(line.strip(), task_vars))
                except OSError:  # it doesn't wait for the last reply
                    pass
        return {"changed": False}

    def _write(self, lines: Any, values: dict[str, str]) -> None:
        lines.write(json.dumps(values) + "\n")
        lines.flush()

    def _reply(self, ops: str, task_vars: Any) -> dict[str, str]:
        try:
            values = self._execute_module(
                module_name="redistopo_host", module_args={"ops": ops}, task_vars=task_vars
            )
        except AnsibleConnectionFailure as error:
            return {"event": "unreachable", "text": self._reason(str(error))}
        except Exception as error:  # noqa: BLE001  whatever it is, the controller reports it
            return {"event": "failed", "text": str(error)}
        if values.get("unreachable"):
            return {"event": "unreachable", "text": str(values.get("msg"))}
        if "replies" in values and not values.get("failed"):
            return {"event": "ok", "text": str(values["replies"])}
        names = ("module_stderr", "exception", "msg")
        text = next((str(values[name]) for name in names if values.get(name)), "")
        return {"event": "failed", "text": text}

    def _reason(self, text: str) -> str:
        """What SSH prints, where Ansible noticed only that it ended before it had read its input:
        on a busy machine, a refused connection is a broken pipe."""
        if "Broken pipe" not in text:
            return text
        try:
            _code, _out, printed = self._connection.exec_command("true", sudoable=False)
        except AnsibleConnectionFailure as error:
            return str(error)
        return str(printed.decode(errors="replace")) or text
