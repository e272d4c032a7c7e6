"""Sets `engine` in the text of a topology file; everything else is preserved."""

import tomllib

from redistopo.errors import UsageError


def with_engine(text: str, engine: str) -> str:
    """Set the key, preserving comments and layout; raises UsageError if the text can't be edited
    reliably."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    wanted = {**tomllib.loads(text), "engine": engine}
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
