"""The page and its files fit together, as far as their texts tell; a browser tells the rest."""

import re

import pytest

from redistopo.render.demo_page import asset, page
from redistopo.render.jinja_templates import plain_files

FILES = {name.removeprefix("demo/"): text for name, text in plain_files()}
SCRIPTS = [name for name in FILES if name.endswith(".js")]
PAGE = page("a-token")


def test_what_the_page_loads_is_what_is_shipped() -> None:
    loaded = set(re.findall(r'(?:href|src)="/([^"]+)"', PAGE))
    imported = {name for script in SCRIPTS for name in re.findall(r'"\./(\w+\.js)"', FILES[script])}
    assert loaded | imported == set(FILES)


def test_nothing_comes_from_elsewhere_and_nothing_is_inline() -> None:
    addresses = re.findall(r"https?://[^\s\"]+", "".join((PAGE, *FILES.values())))
    assert set(addresses) == {"http://www.w3.org/2000/svg"}  # a name, never asked
    assert not re.search(r"<style|<script>|<script [^>]*>[^<]|\s(style|on\w+)=", PAGE)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_finds_its_elements_and_makes_no_markup(script: str) -> None:
    wanted = set(re.findall(r'byId\("([\w-]+)"\)', FILES[script]))
    assert wanted <= set(re.findall(r'\bid="([\w-]+)"', PAGE))
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval", FILES[script]
    )


def test_every_icon_that_is_used_is_drawn() -> None:
    drawn = set(re.findall(r'<symbol id="i-(\w+)"', PAGE))
    assert set(re.findall(r'href="#i-(\w+)"', PAGE)) <= drawn


def test_a_token_is_text() -> None:
    assert 'content="&#34;&gt;&lt;script&gt;"' in page('"><script>')


def test_a_file_that_is_none_is_none() -> None:
    assert asset("nothing.js") is None
