"""Which words of a command are keys, by the table of the server that runs it (COMMAND).

Format: redis.io/commands/command. Since Redis 7.0 an entry lists its subcommands, with places of
their own.
"""

from collections.abc import Mapping, Sequence

from redistopo.quick_dataclass import dataclass

_SUBCOMMANDS = 9
"""The place of an entry's subcommands, since Redis 7.0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFacts:
    """The places of a command's keys: the first one (0 if it has none), the last one (counted from
    the end if negative), and the step. With `movable`, they depend on other words."""

    first: int
    last: int
    step: int
    movable: bool = False
    writes: bool = False


def parse_commands(reply: object) -> dict[str, CommandFacts]:
    """Return the commands in the reply to COMMAND by name, in lower case; subcommands are named
    like ``xgroup|create``."""
    found: dict[str, CommandFacts] = {}
    for entry in reply if isinstance(reply, list) else ():
        _add(found, entry)
    return found


def _add(found: dict[str, CommandFacts], entry: object) -> None:
    if not isinstance(entry, list) or len(entry) < 6 or not isinstance(entry[2], list):
        return
    flags = {_text(one) for one in entry[2]}
    first, last, step = (one if isinstance(one, int) else 0 for one in entry[3:6])
    found[_text(entry[0])] = CommandFacts(
        first=first,
        last=last,
        step=max(step, 1),
        movable="movablekeys" in flags,
        writes="write" in flags,
    )
    if len(entry) > _SUBCOMMANDS and isinstance(entry[_SUBCOMMANDS], list):
        for one in entry[_SUBCOMMANDS]:
            _add(found, one)


def name_of(words: Sequence[bytes]) -> str:
    """Return the name of a command in lower case."""
    return _text(words[0])


def facts_of(table: Mapping[str, CommandFacts], words: Sequence[bytes]) -> CommandFacts | None:
    """Return what is known of a command, of its subcommand if it has one."""
    name = name_of(words)
    if len(words) > 1 and (found := table.get(f"{name}|{_text(words[1][:80])}")):
        return found
    return table.get(name)


def keys_of(facts: CommandFacts, words: Sequence[bytes]) -> Sequence[bytes]:
    """Return the keys of a command that isn't `movable`."""
    if facts.first <= 0:
        return ()
    last = facts.last if facts.last >= 0 else len(words) + facts.last
    return words[facts.first : last + 1 : facts.step]


def other_database(words: Sequence[bytes]) -> tuple[int, bytes] | None:
    """Return the key that a command writes to in a database other than the selected one: MOVE
    key db, and COPY source destination DB db."""
    lowered = [_text(one[:8]) for one in words]
    if lowered[0] == "move" and len(words) == 3:
        return int(words[2]), words[1]
    if lowered[0] == "copy" and "db" in lowered[3:-1]:
        return int(words[lowered.index("db", 3) + 1]), words[2]
    return None


def _text(word: object) -> str:
    return (word.decode(errors="replace") if isinstance(word, bytes) else str(word)).lower()
