"""Sets `engine` in the text of a topology file; everything else is preserved."""

import re
import tomllib
from contextlib import suppress

from redistopo.errors import UsageError

_LINE = re.compile(r'^(engine[ \t]*=[ \t]*)"[^"\\\n]*"', re.MULTILINE)


def with_engine(text: str, engine: str) -> str:
    """Set the key, preserving comments and layout; raises UsageError if the text can't be edited
    reliably."""
    wanted = {**tomllib.loads(text), "engine": engine}
    # its usual line; an import of tomlkit takes longer than the restart of a node
    edited = _LINE.sub(lambda found: f'{found[1]}"{engine}"', text, count=1)
    with suppress(ValueError):
        if tomllib.loads(edited) == wanted:
            return edited

    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(text)
        document["engine"] = engine
        changed = tomlkit.dumps(document)
        if tomllib.loads(changed) == wanted:
            return changed
    except (TOMLKitError, ValueError) as error:
        raise _not_editable(engine) from error
    raise _not_editable(engine)


def _not_editable(engine: str) -> UsageError:
    return UsageError(
        "the layout of the topology file can't be edited reliably",
        detail="nothing was changed",
        hint=f'set engine = "{engine}" there by hand, then redistopo upgrade',
    )
