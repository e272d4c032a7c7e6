"""Keeps the compiled code of shipped templates beside them, as Python keeps that of modules."""

import os
import pickle
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

from redistopo.host.safe_open import read_bytes, replacing


class TemplateBytecode(BytecodeCache):
    """A cache in the folder `__pycache__` of the templates, or where PYTHONPYCACHEPREFIX says.

    To compile the templates of redis.conf is a tenth of what `up` computes. Jinja rejects code that
    another version compiled, or of another text. Whoever can write there can also change redistopo
    itself; so the templates of users, whose folders are input, are never kept.
    """

    def __init__(self, *, markup: bool) -> None:
        self._kind = "markup" if markup else "text"

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Return the path of the compiled code; values are escaped by the code, so it tells
        markup from other text."""
        return cache_from_source(filename or name, optimization=self._kind)

    def load_bytecode(self, bucket: Bucket) -> None:
        """Load the code if it is there; code that is damaged is compiled again."""
        with suppress(OSError, EOFError, ValueError, pickle.UnpicklingError):
            bucket.bytecode_from_string(read_bytes(Path(bucket.key)))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep the code, where Python would keep its own and this user may write."""
        if sys.dont_write_bytecode:
            return
        path = Path(bucket.key)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, 0o644) as handle:
                os.write(handle, bucket.bytecode_to_string())
