"""A scene: a captured topology, edited step by step, with what it should be."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

import pytest

from redistopo.checks.catalogue import judge
from redistopo.checks.check_types import Expected
from redistopo.doctor.doctor_checks import run_extra_checks
from redistopo.model.protocol.conf import read_conf
from redistopo.model.state.finding import Finding
from redistopo.model.state.observed import NodeSeen, Observed, ProcessState, WriteProbeResult
from redistopo.model.state.shards import shards_of

Sample = Callable[[str, str], Mapping[str, Mapping[str, str]]]


@dataclass(frozen=True)
class Scene:
    """Each method gives a changed copy; nodes are named, as in node1."""

    seen: Observed
    expected: Expected

    def node(self, name: str, **fields: Any) -> Self:
        """The node with other fields."""
        return self._each(lambda node: replace(node, **fields) if node.name == name else node)

    def every(self, **fields: Any) -> Self:
        """All nodes with other fields."""
        return self._each(lambda node: replace(node, **fields))

    def info(self, name: str, **said: object) -> Self:
        """The node with other fields of INFO."""
        told = {field: str(value) for field, value in said.items()}
        return self.node(name, info={**self.named(name).info, **told})

    def silent(self, name: str, seconds: int) -> Self:
        """The node's primary has heard nothing of it for that long."""
        port = self.named(name).port
        primary = next(node for node in self.seen.nodes if f"port={port}," in str(node.info))
        field = next(key for key, value in primary.info.items() if f"port={port}," in value)
        told = re.sub(r"lag=\d+", f"lag={seconds}", primary.info[field])
        return self.info(primary.name, **{field: told})

    def cluster(self, name: str, **said: object) -> Self:
        """The node with other fields of CLUSTER INFO."""
        told = {field: str(value) for field, value in said.items()}
        return self.node(name, cluster={**self.named(name).cluster, **told})

    def config(self, name: str, **said: str) -> Self:
        """The node with another live configuration; `_` stands for `-`."""
        told = {directive.replace("_", "-"): value for directive, value in said.items()}
        return self.node(name, config={**(self.named(name).config or {}), **told})

    def member(self, name: str, about: str, **fields: Any) -> Self:
        """The node with another belief of a node, or of itself."""
        port = self.named(about).port
        members = tuple(
            replace(member, **fields) if member.port == port else member
            for member in self.named(name).members
        )
        return self.node(name, members=members)

    def forgets(self, name: str, about: str) -> Self:
        """The node no longer knows another one."""
        port = self.named(about).port
        kept = tuple(one for one in self.named(name).members if one.port != port)
        return self.node(name, members=kept)

    def down(self, *names: str) -> Self:
        """Nodes whose process ended."""
        scene = self
        for name in names:
            scene = scene.node(
                name,
                process=ProcessState.ABSENT,
                pid=0,
                error="its process isn't running",
                info={},
                cluster={},
                members=(),
                config=None,
                anonymous=None,
                listening=None,
            )
        return scene

    def proofs(self, **fields: Any) -> Self:
        """The data proof of each shard; `fields` for the first one's."""
        made = [
            WriteProbeResult(
                shard=shard.number,
                key="redistopo:verify:1",
                primary=shard.primary.address if shard.primary else "",
                replicas=tuple(node.address for node in shard.replicas),
                milliseconds=1.5,
            )
            for shard in shards_of(self.seen)
        ]
        return self._with(replace(self.seen, write_probes=(replace(made[0], **fields), *made[1:])))

    def expect(self, **fields: Any) -> Self:
        """The same scene, measured by something else."""
        return replace(self, expected=replace(self.expected, **fields))

    def findings(self, check: str) -> tuple[Finding, ...]:
        """That check's findings, out of all of `verify` and `doctor`."""
        found = (*self.judged, *run_extra_checks(self.seen, self.expected))
        return tuple(one for one in found if one.check == check)

    @property
    def judged(self) -> tuple[Finding, ...]:
        return judge(self.seen, self.expected)

    def named(self, name: str) -> NodeSeen:
        """The node of that name."""
        return next(node for node in self.seen.nodes if node.name == name)

    def _each(self, change: Callable[[NodeSeen], NodeSeen]) -> Self:
        nodes: Iterable[NodeSeen] = map(change, self.seen.nodes)
        return self._with(replace(self.seen, nodes=tuple(nodes)))

    def _with(self, seen: Observed) -> Self:
        return replace(self, seen=seen)


@pytest.fixture(scope="session")
def scene(observed: Callable[[str, str], Observed], sample: Sample) -> Callable[[str, str], Scene]:
    """A healthy topology as it was captured: (engine, shape); the data proof isn't made yet."""

    @cache
    def made(engine: str, shape: str) -> Scene:
        seen = observed(engine, shape)
        files = {name: replies["redis.conf"] for name, replies in sample(engine, shape).items()}
        clustered = shape == "cluster"
        expected = Expected(
            shards=3 if clustered else 1,
            replicas=1 if clustered else 2,
            auth=True,
            host="127.0.0.1",
            config={name: read_conf(text) for name, text in files.items()},
            configs={node.name: node.info["config_file"] for node in seen.nodes},
        )
        return Scene(seen, expected)

    return made
