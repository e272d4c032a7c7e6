"""The manifest of a snapshot: what was saved, of which topology, when and where; pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any

from redistopo.model.protocol.slots import SLOT_COUNT, SlotRange
from redistopo.quick_dataclass import dataclass

FORMAT = 1
"""The format that this version writes and reads."""

KIND = "redistopo snapshot"

_FILE = re.compile(r"shard[0-9]{1,4}\.rdb")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_TIME = "%Y%m%d-%H%M%S"
_GIVEN_BY_TIME = re.compile(r"\d{8}-\d{6}")


class BadManifest(ValueError):
    """A manifest that can't be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataDigest:
    """A digest of keys and values that depends neither on the engine, nor on where a key is: of
    `keys` in all, those that don't expire are in `digest`, `expiring` are not."""

    keys: int
    expiring: int
    digest: str

    def __add__(self, other: "DataDigest") -> "DataDigest":
        total = (int(self.digest, 16) + int(other.digest, 16)) % (1 << 128)
        return DataDigest(
            keys=self.keys + other.keys,
            expiring=self.expiring + other.expiring,
            digest=f"{total:032x}",
        )


NO_DATA = DataDigest(keys=0, expiring=0, digest="0" * 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardFile:
    """The data of one shard: its file with its checksum, and the node, offset and moment (seconds
    since the epoch) of the save; `keys` of each database, of which `expiring` have a TTL."""

    number: int
    file: str
    bytes: int
    sha256: str
    slots: tuple[tuple[int, int], ...]
    node: str
    role: str
    engine: str
    replication_id: str
    offset: int
    taken: float
    keys: Mapping[str, int]
    expiring: int

    @property
    def ranges(self) -> tuple[SlotRange, ...]:
        """The slots that the shard owned."""
        return tuple(SlotRange(first, last) for first, last in self.slots)

    @property
    def total(self) -> int:
        """Its keys in all databases."""
        return sum(self.keys.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A snapshot. `consistency` is "one moment" if writes were paused on all primaries, which took
    `paused_ms`, else "per shard"; `digest` is None until the data was verified; `secrets` are the
    names of password files in it, `topology_sha256` the checksum of the topology file."""

    name: str
    created: str
    topology_id: str
    topology_name: str
    shape: str
    engine: str
    consistency: str
    paused_ms: float | None
    topology_sha256: str
    shards: tuple[ShardFile, ...]
    digest: DataDigest | None = None
    secrets: tuple[str, ...] = ()
    format: int = FORMAT
    kind: str = KIND

    @property
    def keys(self) -> int:
        """The keys of all shards."""
        return sum(one.total for one in self.shards)

    @property
    def bytes(self) -> int:
        """The size of all data files."""
        return sum(one.bytes for one in self.shards)


def time_name(now: datetime) -> str:
    """Return the name of a snapshot that the user didn't name."""
    return now.strftime(_TIME)


def is_time_name(name: str) -> bool:
    """Whether a snapshot was named by its time, not by the user."""
    return _GIVEN_BY_TIME.fullmatch(name) is not None


def is_name(text: str) -> bool:
    """Return whether a snapshot may have that name."""
    return _NAME.fullmatch(text) is not None


def format_manifest(manifest: Manifest) -> str:
    """Write the manifest as JSON, with a checksum of its own."""
    values = asdict(manifest)
    return json.dumps({**values, "checksum": _checksum(values)}, indent=1) + "\n"


def _checksum(values: Mapping[str, object]) -> str:
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def parse_manifest(text: str) -> Manifest:
    """Read a manifest; raises BadManifest with the reason if it isn't one of this format."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadManifest("the manifest is damaged: it is not JSON") from error
    if not isinstance(values, dict) or values.get("kind") != KIND:
        raise BadManifest("it is not a snapshot of redistopo")
    if isinstance(version := values.get("format"), int) and version > FORMAT:
        raise BadManifest(f"it was written by a newer redistopo (format {version})")
    checksum = values.pop("checksum", None)
    if checksum != _checksum(values):
        raise BadManifest("the manifest is damaged: its checksum differs")
    try:
        return _read(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadManifest(f"the manifest is damaged: {error}") from error


def _read(values: Mapping[str, Any]) -> Manifest:
    shards = tuple(_shard(one) for one in values["shards"])
    digest = values.get("digest")
    read = Manifest(
        **{
            **values,
            "shards": shards,
            "digest": DataDigest(**digest) if digest else None,
            "secrets": tuple(values.get("secrets", ())),
        }
    )
    if not shards or len({one.file for one in shards}) != len(shards):
        raise ValueError("its list of files is wrong")
    if not is_name(read.name) or any(not re.fullmatch(r"[a-z.]+", one) for one in read.secrets):
        raise ValueError("it names files outside the snapshot")
    if read.digest:
        int(read.digest.digest, 16)
    return read


def _shard(values: Mapping[str, Any]) -> ShardFile:
    """One shard's entry; its file's name is input, and must not lead out of the folder."""
    slots = tuple((int(first), int(last)) for first, last in values["slots"])
    if any(not 0 <= first <= last < SLOT_COUNT for first, last in slots):
        raise ValueError("a range of slots is wrong")
    if not _FILE.fullmatch(str(values["file"])):
        raise ValueError("it names files outside the snapshot")
    keys = {str(int(name)): int(count) for name, count in values["keys"].items()}
    return ShardFile(**{**values, "slots": slots, "keys": keys})
