"""The key `engine` of a topology file is set, and nothing else is changed."""

import re
import tomllib

import pytest

from redistopo.render.engine_edit import with_engine
from redistopo.render.jinja_templates import sources
from redistopo.render.own_directives import OWN_DIRECTIVES


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('engine = "auto"  # any\n[redis]\n', 'engine = "redis 8.2"  # any\n[redis]\n'),
        ('name = "a"\r\nengine="x"\r\n', 'name = "a"\r\nengine="redis 8.2"\r\n'),
        ("engine = 'auto'  # any\n", 'engine = "redis 8.2"  # any\n'),
        ('"engine" = "auto"\n', '"engine" = "redis 8.2"\n'),
        ('engine = """\nauto"""\n', 'engine = "redis 8.2"\n'),
        ('name = "a"\n', 'name = "a"\nengine = "redis 8.2"\n'),
        # the first such line is part of a text
        (
            'x = """\nengine = "a"\n"""\nengine = "b"\n',
            'x = """\nengine = "a"\n"""\nengine = "redis 8.2"\n',
        ),
    ],
)
def test_only_the_engine_changes(before: str, after: str) -> None:
    assert with_engine(before, "redis 8.2") == after


@pytest.mark.parametrize("engine", ['/a "b"/redis-server', "/a\\1/redis-server", "/a\tb/redis"])
def test_any_path_is_an_engine(engine: str) -> None:
    assert tomllib.loads(with_engine('engine = "auto"\n', engine)) == {"engine": engine}


def test_what_is_not_asked_of_a_server_is_in_a_template() -> None:
    text = "".join(text for path, text in sources() if path.startswith("conf/"))
    assert set(re.findall(r'line\("([a-z-]+)"', text)) >= OWN_DIRECTIVES
