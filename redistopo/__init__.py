"""redistopo: real Redis topologies in seconds, proven to work.

import redistopo

with redistopo.cluster(shards=3, replicas=1) as topology:
    topology.client().set("greeting", "hello")
"""

__version__ = "0.1.0"

TYPE_CHECKING = False  # as in typing, which takes longer to import than all of this
if TYPE_CHECKING:
    from redistopo.api import Topology, cluster, connect, replication, sentinel, standalone
    from redistopo.errors import (
        AccessDenied,
        BadReply,
        Interrupted,
        MissingPrerequisite,
        NodeDied,
        NoSuchEngine,
        OtherHosts,
        RedistopoError,
        RestartNeeded,
        TimedOut,
        Unhealthy,
        Unreachable,
        UntrustedFolder,
        UsageError,
        VaultLocked,
    )

__all__ = [
    "AccessDenied",
    "BadReply",
    "Interrupted",
    "MissingPrerequisite",
    "NoSuchEngine",
    "NodeDied",
    "OtherHosts",
    "RedistopoError",
    "RestartNeeded",
    "TimedOut",
    "Topology",
    "Unhealthy",
    "Unreachable",
    "UntrustedFolder",
    "UsageError",
    "VaultLocked",
    "cluster",
    "connect",
    "replication",
    "sentinel",
    "standalone",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: the command line starts without any of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    errors = import_module("redistopo.errors")
    found: object = getattr(errors, name, None) or getattr(import_module("redistopo.api"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
