"""An Ansible action: performs operations on its host, one request after the other, until the
controller ends the conversation. So a command with several runs starts Ansible once."""

import json
import re
import shlex
import socket
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase

MARK = "redistopo-replies "


class ActionModule(ActionBase):  # type: ignore[misc]
    """Each request is a line with the encoded operations; each reply is a line of JSON."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Serve requests until there are no more: the controller may also have been killed."""
        super().run(tmp, task_vars)
        with socket.socket(socket.AF_UNIX) as controller:
            controller.connect(str(self._task.args["socket"]))
            with controller.makefile("rw", encoding="utf-8") as lines:
                try:
                    name = task_vars["inventory_hostname"]
                    self._write(lines, {"host": name, "ssh": self._ssh()})
                    for line in lines:
                        self._write(lines, self._reply(line.strip(), task_vars))
                except OSError:  # it doesn't wait for the last reply
                    pass
        return {"changed": False}

    def _ssh(self) -> list[str]:
        """How the host is reached, as SSH's command line; [] by another kind of connection."""
        connection = self._connection
        if connection.transport != "ssh":
            return []
        option = connection.get_option
        words = [option(name) or "" for name in ("ssh_args", "ssh_common_args", "ssh_extra_args")]
        port, user = option("port"), option("remote_user")
        return [
            *(option("ssh_executable"), *shlex.split(" ".join(words))),
            *(["-o", f"Port={port}"] if port else []),
            *(["-l", user] if user else []),
            *("--", option("host") or self._play_context.remote_addr),
        ]

    def _write(self, lines: Any, values: dict[str, Any]) -> None:
        lines.write(json.dumps(values) + "\n")
        lines.flush()

    def _reply(self, ops: str, task_vars: Any) -> dict[str, str]:
        try:
            python = self._python(task_vars)
            return self._by_program(python, ops) if python else self._by_module(ops, task_vars)
        except AnsibleConnectionFailure as error:
            return {"event": "unreachable", "text": self._reason(str(error))}
        except Exception as error:  # noqa: BLE001  whatever it is, the controller reports it
            return {"event": "failed", "text": str(error)}

    def _python(self, task_vars: Any) -> str:
        """The path of the host's Python, if it is set, and can have a program as its input; "" for
        what Ansible finds, or passes as a file."""
        found = self._templar.template(task_vars.get("ansible_python_interpreter", ""))
        plain = re.fullmatch(r"/[\w./+-]+", str(found), re.ASCII)
        return str(found) if plain and self._is_pipelining_enabled("new") else ""

    def _by_program(self, python: str, ops: str) -> dict[str, str]:
        """What the program reports: isolated, Python imports nothing from the current folder."""
        program = Path(self._task.args["program"]).read_text(encoding="utf-8")
        call = f"from redistopo_host import answer\nprint({MARK!r} + answer({ops!r}))\n"
        done = self._low_level_execute_command(f"{python} -IS -", in_data=(program + call).encode())
        for line in reversed(done["stdout"].splitlines()):
            if line.startswith(MARK):
                return {"event": "ok", "text": line.removeprefix(MARK)}
        return {"event": "failed", "text": done["stderr"].strip() or done["stdout"].strip()}

    def _by_module(self, ops: str, task_vars: Any) -> dict[str, str]:
        values = self._execute_module(
            module_name="redistopo_host", module_args={"ops": ops}, task_vars=task_vars
        )
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
