"""The page fits its window with DejaVu Sans alone, the widest of the usual fonts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.browser import CHROMIUM, NEEDED, browser
from support.demo import Demo, one_project
from support.engines import BUNDLED
from support.forms import spread

pytestmark = pytest.mark.skipif(
    not CHROMIUM and not NEEDED, reason="no chromium here: apt-get install chromium"
)

WIDE = "body { font-family: 'DejaVu Sans', Verdana, sans-serif !important }"
GOLDEN = Path(__file__).parent.parent / "unit" / "goldens" / "drill.html"
LAPTOP, PHONE = (1280, 800), (375, 800)
CUT = """() => [...document.querySelectorAll(".who strong, #source, td, .circuit")]
    .filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"""
INK_AT_THE_EDGE = """() => {
    const canvas = document.getElementById("chart");
    const edge = canvas.getContext("2d").getImageData(0, 0, 1, canvas.height).data;
    return edge.some((value) => value > 0);
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as one:
        yield one


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    words = ("cluster", "--formation", "instant", "--name", "fits")
    with (
        one_project(tmp_path_factory, *words, engine=BUNDLED.path) as project,
        Demo(project, project.port + 15, "--db-delay", "2") as one,
    ):
        yield one


def _opened(chromium: Browser, demo: Demo, size: tuple[int, int]) -> Page:
    width, height = size
    place = chromium.new_context(
        viewport={"width": width, "height": height}, bypass_csp=True, reduced_motion="reduce"
    )
    page = place.new_page()
    page.goto(f"http://127.0.0.1:{demo.port}")
    page.add_style_tag(content=WIDE)
    page.set_viewport_size({"width": width - 1, "height": height})  # the chart measures again
    expect(page.locator("#stream")).to_have_text("live")
    expect(page.get_by_role("button", name="Stop node1")).to_be_visible()
    return page


@pytest.mark.parametrize("size", spread([LAPTOP, PHONE], 1), ids=str)
def test_no_name_and_no_figure_is_cut_and_a_laptop_shows_database_and_events(
    chromium: Browser, demo: Demo, size: tuple[int, int]
) -> None:
    page = _opened(chromium, demo, size)
    page.locator("#id").fill(f"{size}")  # not cached by the other case
    for _ in range(2):
        page.get_by_role("button", name="Get", exact=True).click()
        expect(page.locator("#answer")).to_have_attribute("aria-busy", "false", timeout=15_000)
    expect(page.locator("#ratio")).to_be_visible()
    page.get_by_role("button", name="Stop node1").click()
    expect(page.locator(".node").first.locator(".state")).to_have_text("stopped")
    assert page.evaluate(CUT) == []
    assert not page.evaluate(INK_AT_THE_EDGE)
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    if size == LAPTOP:
        assert page.evaluate("document.documentElement.scrollHeight") <= size[1]
    page.get_by_role("button", name="Start node1").click()
    expect(page.locator(".node").first.locator(".state")).not_to_have_text("stopped")
    page.context.close()


def test_a_drill_report_fits_a_phone(chromium: Browser) -> None:
    page = chromium.new_page(viewport={"width": PHONE[0], "height": PHONE[1]})
    page.goto(GOLDEN.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.close()
