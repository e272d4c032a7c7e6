"""How long a connection and a reply may take, and how large a reply may be."""

from redistopo.model.protocol.resp import MOST_BYTES
from redistopo.quick_dataclass import dataclass

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Seconds until a connection is made and until a reply is complete, and a reply's bytes; with
    `binary`, bulk strings are bytes."""

    connect: float = CONNECT_SECONDS
    answer: float = ANSWER_SECONDS
    most_bytes: int = MOST_BYTES
    binary: bool = False
