"""Where our files for Ansible are, and the encoding that our module uses."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

AT = Path(__file__).parent
"""The folder with the folders of modules, their helpers and callbacks."""

PLAY = AT / "play.yml"


def encode(values: Any) -> str:
    """Encode values as text that is neither a template nor readable in a log."""
    return base64.b64encode(zlib.compress(json.dumps(values).encode())).decode("ascii")


def decode(text: str) -> Any:
    """Decode what `encode`, or the module, returned."""
    return json.loads(zlib.decompress(base64.b64decode(text)).decode())


def module_files() -> dict[str, str]:
    """Return the files of our module, by their paths below a playbook's folder."""
    paths = (path for name in ("library", "module_utils") for path in (AT / name).glob("*.py"))
    return {path.relative_to(AT).as_posix(): path.read_text(encoding="utf-8") for path in paths}
