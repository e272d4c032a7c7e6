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
