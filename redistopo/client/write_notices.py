"""Which keys a server's stream of commands changes, each with its database; pure.

The stream is only read as a notice: the keys are then copied as they are, so that it doesn't
matter what a command does, and in which order.
"""

from collections.abc import Iterable, Mapping, Sequence

from redistopo.client.key_changes import Name
from redistopo.model.protocol.command_keys import (
    CommandFacts,
    facts_of,
    keys_of,
    name_of,
    other_database,
)

ANY = -1
"""In place of a database: the stream began behind the SELECT that chose it."""


class WriteNotices:
    """What was noted of one stream and not yet taken.

    `unresolved` are commands whose keys only the server can tell, with their databases;
    `everything` is whether any key may have changed, as by FLUSHALL, and `functions` whether a
    library did.
    """

    def __init__(self, table: Mapping[str, CommandFacts]) -> None:
        self._table = table
        self._database = ANY
        self.names: set[Name] = set()
        self.unresolved: list[tuple[int, Sequence[bytes]]] = []
        self.everything = False
        self.functions = False

    def __bool__(self) -> bool:
        """Return whether something was noted."""
        return bool(self.names or self.unresolved or self.everything or self.functions)

    def add(self, words: Sequence[bytes]) -> None:
        """Note what a command of the stream changes."""
        name, facts = name_of(words), facts_of(self._table, words)
        if name == "select":
            self._database = int(words[1])
        elif name == "function":
            self.functions = True
        elif facts is None:
            self.everything = True
        elif facts.movable:
            self.unresolved.append((self._database, words))
        elif keys := keys_of(facts, words):
            self.add_keys(self._database, keys)
            if name in ("move", "copy") and (other := other_database(words)):
                self.names.add(other)
        else:
            # FLUSHDB, SWAPDB, and what a module or a renamed command does
            self.everything = self.everything or facts.writes

    def add_keys(self, database: int, keys: Iterable[bytes]) -> None:
        """Note keys."""
        self.names.update((database, key) for key in keys)

    def take_names(self) -> set[Name]:
        """Return the names that were noted; they are no longer."""
        taken, self.names = self.names, set()
        return taken
