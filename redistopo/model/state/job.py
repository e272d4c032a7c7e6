"""The record of a change of the topology that takes several steps, such as moving slots."""

from collections.abc import Mapping
from dataclasses import field

from redistopo.model.protocol.slots import SlotRange
from redistopo.quick_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMove:
    """Slots to move with their keys, from the shard of node `source` to that of node `target`.

    A node stands for the shard that it is in: which node of it is primary may change meanwhile.
    """

    source: str
    target: str
    slots: tuple[SlotRange, ...]

    def __len__(self) -> int:
        return sum(map(len, self.slots))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """The work of a verb that changes the topology: while its file exists, it isn't finished.

    `arguments` are those of the verb, as typed, `began` is ISO 8601, UTC; `file_before` is the
    text of the topology file before the verb edited it ("" if it didn't); `slots_before` maps
    the primaries to the slots that they had; `moves` are all its moves of slots.
    """

    verb: str
    arguments: tuple[str, ...]
    began: str
    file_before: str = field(default="", repr=False)
    slots_before: Mapping[str, tuple[SlotRange, ...]] = field(default_factory=dict)
    moves: tuple[SlotMove, ...] = ()

    @property
    def command(self) -> str:
        """The command, as it was typed."""
        return " ".join(["redistopo", self.verb, *self.arguments])
