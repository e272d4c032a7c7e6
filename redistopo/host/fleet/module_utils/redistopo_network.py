"""What the module redistopo_host does on a host's network: connections to the other hosts, and a
partition from them, which ends by itself.

Python 3.8 or newer with its standard library; Ansible sends it beside the module.
"""

from __future__ import annotations

import errno
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from typing import Any, Dict, List

from ansible.module_utils.redistopo_processes import signalled
from ansible.module_utils.redistopo_seen import process_seen, text_of

Op = Dict[str, Any]
RECORD = ".partition"
PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
TOOL_SECONDS = 20.0


def reach(op: Op) -> Op:
    """Connect to all endpoints at once; returns those that can't be reached, with the reason."""
    waiting: Dict[int, Any] = {}
    failed: List[List[Any]] = []
    poll = select.poll()
    for host, port in op["endpoints"]:
        one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        one.setblocking(False)
        code = one.connect_ex((host, port))
        if code in (0, errno.EINPROGRESS):
            waiting[one.fileno()] = (one, host, port)
            poll.register(one, select.POLLOUT)
        else:
            failed.append([host, port, os.strerror(code)])
            one.close()
    until = time.monotonic() + op["seconds"]
    while waiting and time.monotonic() < until:
        for handle, _event in poll.poll(max(0.0, until - time.monotonic()) * 1000):
            one, host, port = waiting.pop(handle)
            poll.unregister(handle)
            code = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                failed.append([host, port, os.strerror(code)])
            one.close()
    for one, host, port in waiting.values():
        failed.append([host, port, "no reply within %g s" % op["seconds"]])
        one.close()
    return {"failed": failed}


def cut(op: Op) -> Op:
    """Drop every packet between this host and `others` from or to a port of `ports`, both ways;
    without `seconds`, only tell whether that is possible.

    A process that outlives this connection ends it after so many seconds, whatever happens.
    """
    tool = shutil.which("nft", path=PATH) or shutil.which("iptables-restore", path=PATH)
    why = "" if tool else "it has neither nft nor iptables"
    if os.geteuid() != 0:
        why = "filters of packets take root, and this is user %d" % os.geteuid()
    if why or not op.get("seconds"):
        return {"refused": "partition", "why": why} if why else {}
    heal(op)
    undo = "sleep %d\n%s" % (op["seconds"], "\n".join(_undo(op["name"])))
    child = subprocess.Popen(
        ["/bin/sh", "-c", undo], cwd="/", env={"PATH": PATH}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    seen = process_seen(child.pid, lost=False)
    with open(os.path.join(op["base"], RECORD), "w", encoding="ascii") as file:
        json.dump([seen["pid"], seen["started"], seen["boot"]], file)
    by_family = _nft(op) if os.path.basename(str(tool)) == "nft" else _iptables(op)
    for argv, text in by_family:
        done = _run(argv, text)
        if done.returncode:
            heal(op)
            said = (done.stderr.strip() or "exit code %d" % done.returncode).splitlines()[0]
            return {"refused": "partition", "why": "%s: %s" % (argv[0], said)}
    return {}


def heal(op: Op) -> Op:
    """End a partition, and the process that would end it later; does nothing if there is none."""
    path = os.path.join(op["base"], RECORD)
    with suppress(ValueError, TypeError, OSError):
        pid, started, boot = json.loads(text_of(path))
        if signalled(pid, started, boot, signal.SIGSTOP):  # so that it can't end before this
            os.killpg(pid, signal.SIGKILL)
    for line in _undo(op["name"]):
        _run(["/bin/sh", "-c", line], "")
    with suppress(OSError):
        os.unlink(path)
    return {}


def _run(argv: List[str], text: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        argv, input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TOOL_SECONDS,
        universal_newlines=True, env={"PATH": PATH}, check=False,
    )  # fmt: skip


def _undo(name: str) -> List[str]:
    """Commands of a shell that remove our rules, and fail where there are none."""
    lines = ["nft delete table inet %s" % name]
    for tool in ("iptables", "ip6tables"):
        lines += ["%s -w 5 -D %s -j %s" % (tool, chain, name) for chain in ("INPUT", "OUTPUT")]
        lines += ["%s -w 5 -F %s" % (tool, name), "%s -w 5 -X %s" % (tool, name)]
    return lines


def _families(op: Op) -> Dict[str, List[str]]:
    """The other hosts' addresses by the family that nft names."""
    found: Dict[str, List[str]] = {}
    for one in op["others"]:
        found.setdefault("ip6" if ":" in one else "ip", []).append(one)
    return found


def _nft(op: Op) -> List[Any]:
    ports = "{ %s }" % ", ".join(str(port) for port in op["ports"])
    lines = ["table inet %s {" % op["name"]]
    for hook, side in (("input", "saddr"), ("output", "daddr")):
        lines.append("chain %s { type filter hook %s priority -300; policy accept;" % (hook, hook))
        for family, others in _families(op).items():
            there = "%s %s { %s }" % (family, side, ", ".join(others))
            lines += ["%s tcp %s %s drop" % (there, end, ports) for end in ("dport", "sport")]
        lines.append("}")
    return [(["nft", "-f", "-"], "\n".join([*lines, "}", ""]))]


def _iptables(op: Op) -> List[Any]:
    made = []
    for family, others in _families(op).items():
        tool = "ip6tables" if family == "ip6" else "iptables"
        lines = ["*filter", ":%s - [0:0]" % op["name"]]
        for side in ("-s", "-d"):
            for other in others:
                lines += [
                    "-A %s %s %s -p tcp -m tcp --%s %d -j DROP"
                    % (op["name"], side, other, end, port)
                    for port in op["ports"]
                    for end in ("dport", "sport")
                ]
        lines += ["-I INPUT -j %s" % op["name"], "-I OUTPUT -j %s" % op["name"], "COMMIT", ""]
        made.append((["%s-restore" % tool, "-w", "5", "--noflush"], "\n".join(lines)))
    return made
