"""What our Ansible module does to a host's network, in a network namespace of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from redistopo.host.fleet.encoding import AT

_TOOLS = {"nft": "nft", "iptables": "iptables-restore"}

# 10.9.0.1 is the host, 10.9.0.2 another host of the topology, 10.9.0.3 the controller
_RUN = r"""
import json, os, runpy, socket, subprocess, sys, time
import ansible.module_utils
at, base, tools = sys.argv[1:]
ansible.module_utils.__path__.append(at + "/module_utils")
from ansible.module_utils import redistopo_network
redistopo_network.PATH = tools
perform = runpy.run_path(at + "/library/redistopo_host.py")["perform"]
for words in ("link set lo up", *("address add 10.9.0.%d/32 dev lo" % n for n in (1, 2, 3))):
    subprocess.run(["ip", *words.split()], check=True)
servers = [socket.create_server(("10.9.0.%d" % n, p)) for n in (1, 2) for p in (7000, 22)]

def reached(source, target, port):
    with socket.socket() as one:
        one.settimeout(0.2)
        one.bind((source, 0))
        try:
            one.connect((target, port))
        except OSError:
            return False
        return True

def seen():
    ends = (("10.9.0.2", "10.9.0.1", 7000), ("10.9.0.1", "10.9.0.2", 7000),
            ("10.9.0.3", "10.9.0.1", 7000), ("10.9.0.2", "10.9.0.1", 22))
    return [reached(*one) for one in ends]

op = {"base": base, "name": "redistopo_0123456789ab", "others": ["10.9.0.2", "fd00::2"],
      "ports": [7000, 17000]}
cut, heal = {"op": "cut", **op}, {"op": "heal", **op}
ends = [["10.9.0.1", 7000], ["10.9.0.1", 7001], ["10.9.0.2", 22]]
found = {"possible": perform([{**cut, "seconds": 0}]), "before": seen(),
         "reach": perform([{"op": "reach", "endpoints": ends, "seconds": 2}])}
found["done"] = perform([{**cut, "seconds": 60}])
found["cut"] = seen()
found["again"] = perform([{**cut, "seconds": 60}])
perform([heal, heal])
found["healed"] = seen()
found["left"] = os.listdir(base)
perform([{**cut, "seconds": 1}])
until = time.monotonic() + 20
while not all(seen()) and time.monotonic() < until:
    pass
found["by itself"] = seen()
os.setuid(65534)
found["without root"] = perform([{**cut, "seconds": 60}])
print(json.dumps(found))
"""


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="takes root on Linux")
@pytest.mark.parametrize("tool", _TOOLS)
def test_a_partition_drops_what_the_topology_sends_and_ends(tmp_path: Path, tool: str) -> None:
    """Between hosts only, both ways; SSH and clients elsewhere still get through."""
    if not shutil.which(_TOOLS[tool]):
        pytest.skip(f"{tool} isn't on this machine")
    tools, base = tmp_path / "tools", tmp_path / "base"
    tools.mkdir()
    base.mkdir()
    wanted = ("nft",) if tool == "nft" else ("iptables", "ip6tables")
    for name in (*wanted, *(f"{one}-restore" for one in wanted), "sleep"):
        if path := shutil.which(name):
            (tools / name).symlink_to(path)
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", _RUN, AT, base, tools],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["possible"] == [{}]
    assert found["before"] == [True, True, True, True]
    assert found["reach"] == [{"failed": [["10.9.0.1", 7001, "Connection refused"]]}]
    assert found["done"] == [{}]
    assert found["cut"] == [False, False, True, True]
    assert found["again"] == [{}]
    assert found["healed"] == [True, True, True, True]
    assert found["left"] == []
    assert found["by itself"] == [True, True, True, True]
    why = "filters of packets take root, and this is user 65534"
    assert found["without root"] == [{"refused": "partition", "why": why}]
