"""The program that performs operations on a machine: our module without what Ansible adds to it.

Ansible packs a module with its own helpers, which Python compiles on each machine in each run: that
takes several times longer than what the module does. Playbooks that were exported run the module
as it is.
"""

import base64
import json
import zlib
from pathlib import PurePosixPath

from redistopo.host.fleet.encoding import module_files

_BOOT = """\
import base64, json, sys, zlib
from importlib.machinery import ModuleSpec

SOURCES = json.loads(zlib.decompress(base64.b64decode("%s")).decode())


class Sources:
    def find_spec(name, path=None, target=None):
        if name in SOURCES:
            return ModuleSpec(name, Sources, is_package=not SOURCES[name])

    def create_module(spec):
        return None

    def exec_module(module):
        name = module.__name__
        exec(compile(SOURCES[name], name, "exec"), module.__dict__)


sys.meta_path.insert(0, Sources)
"""
_PACKAGES = ("ansible", "ansible.module_utils")


def host_program() -> str:
    """Return the program's text, to which ``from redistopo_host import answer`` and a call of it
    are added."""
    sources = dict.fromkeys(_PACKAGES, "")
    for path, text in module_files().items():
        name = PurePosixPath(path)
        inside = name.parent.name == "module_utils"
        sources[f"ansible.module_utils.{name.stem}" if inside else name.stem] = text
    packed = zlib.compress(json.dumps(sources).encode(), 9)
    return _BOOT % base64.b64encode(packed).decode("ascii")
