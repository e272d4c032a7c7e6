"""What the plugin needs of the servers that tests use, whatever runs them."""

from collections.abc import Mapping
from typing import Any, Protocol

from redistopo.api.results import LogLine


class Tested(Protocol):
    """What tests use: servers of this process's own, shared ones, or those of something else."""

    topology: Any

    @property
    def roles(self) -> Mapping[str, str]:
        """Each node's role when tests began to use it."""

    @property
    def folder(self) -> str:
        """The folder, if this process can leave it to the user."""

    @property
    def ended(self) -> bool:
        """Whether it was ended, or left to the user."""

    @property
    def touched(self) -> bool:
        """Whether it was used since it was restored, for certain."""

    def restore(self) -> tuple[str, ...]:
        """Return to the state before the test; say what it took beyond data."""

    def replace(self) -> None:
        """Start other servers in the place of those that can't be restored."""

    def end(self, *, keep: bool = False) -> None:
        """End what this process started."""

    def current_roles(self) -> dict[str, str]:
        """Each node's role now, by its name."""

    def logged(self, began: float) -> list[LogLine]:
        """What the nodes logged since that time, and since they were ready."""
