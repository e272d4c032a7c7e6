"""What the tests of the command line have: the installed script itself, and no fork of it."""

from collections.abc import Callable

import pytest
from support.project import Project


@pytest.fixture
def projects(projects: Callable[[str], Project]) -> Callable[[str], Project]:
    """Projects whose commands are run by the installed script, but for what prepares a test."""

    def make(name: str) -> Project:
        project = projects(name)
        project.installed = True
        return project

    return make
