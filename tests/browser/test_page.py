"""The page of `redistopo demo` in a real browser, against real servers.

Judged by what stands on the page, and by what the servers say to redis-py.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect
from support.browser import CHROMIUM, NEEDED, browser
from support.contrast import least_contrast, lightness
from support.demo import Demo, one_project
from support.engines import BUNDLED
from support.forms import spread
from support.project import Project
from support.waiting import until

pytestmark = pytest.mark.skipif(
    not CHROMIUM and not NEEDED, reason="no chromium here: apt-get install chromium"
)

DELAY = 0.2
"""Seconds that the database takes for a read."""

expect.set_options(timeout=15_000)


@dataclass(frozen=True)
class Shown:
    """A cluster, the demo that uses it, and a browser to look at it."""

    project: Project
    url: str
    browser: Browser


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    """One for all tests of this file; each leaves it as it was, but for who leads."""
    words = ("cluster", "--formation", "instant", "--node-timeout", "1000", "--name", "shop")
    with (
        one_project(tmp_path_factory, *words, engine=BUNDLED.path) as project,
        Demo(project, project.port + 15, "--db-delay", str(DELAY)) as demo,
        browser() as one,
    ):
        yield Shown(project, f"http://127.0.0.1:{demo.port}", one)


@contextmanager
def opened(shown: Shown, url: str = "", **context: object) -> Iterator[Page]:
    """The page, live; nothing on it was refused by its own Content-Security-Policy, or failed."""
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # a refused request is noted, too, and told on the page
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            wrong.append(message.text)

    place = shown.browser.new_context(reduced_motion="reduce", **context)  # type: ignore[arg-type]
    page = place.new_page()
    page.on("console", heard)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(url or shown.url)
    expect(page.locator("#stream")).to_have_text("live")
    yield page
    place.close()
    assert not wrong


def get(page: Page, item: str) -> None:
    """The item was asked for, and answered."""
    _item(page).fill(item)
    page.get_by_role("button", name="Get").click()
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")


def _item(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Item")


def node(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name, exact=True)


def number(page: Page, figure: str) -> float:
    return float(page.locator(f"#{figure}").inner_text().replace(",", ""))


def test_the_first_is_slow_the_second_fast_and_after_its_time_slow_again(shown: Shown) -> None:
    with opened(shown) as page, shown.project.client() as redis:
        page.get_by_role("button", name="Clear cache").click()
        expect(page.locator("#load-told")).to_have_text("The cache is empty.")
        page.get_by_label("TTL, s").fill("5")  # a busy machine takes 2 s for the clicks
        page.get_by_role("button", name="Set").click()
        expect(page.locator("#load-told")).to_contain_text("stay 5 s")
        get(page, "41")
        expect(page.locator("#source")).to_have_text("from the database")
        assert number(page, "took") >= DELAY * 1000
        get(page, "41")
        expect(page.locator("#source")).to_have_text("from the cache")
        assert number(page, "took") < DELAY * 1000
        expect(page.locator("#what-name")).to_have_text("Item 41")
        slot = redis.execute_command("CLUSTER KEYSLOT", "data:41")
        expect(page.locator("#place")).to_have_text(re.compile(rf"^A hit: node\d, slot {slot:,}$"))
        expect(page.locator("#ttl-text")).to_have_text(
            re.compile(r"^[34]\.\d s left in the cache$")
        )
        expect(page.locator("#ttl-text")).to_have_text(
            # it counts down; a busy browser may draw the next text after the end
            re.compile(r"^([0-2]\.\d s left in the cache|expired.*)$")
        )
        expect(page.locator("#ttl-text")).to_contain_text("expired")
        get(page, "41")
        expect(page.locator("#source")).to_have_text("from the database")
        past = page.locator("#past li").evaluate_all("all => all.map((one) => one.dataset.source)")
        assert past == ["database", "cache", "database"]
        page.get_by_label("TTL, s").fill("60")
        page.get_by_role("button", name="Set").click()
        expect(page.locator("#load-told")).to_contain_text("stay 60 s")


def test_drop_and_clear(shown: Shown) -> None:
    with opened(shown) as page:
        for button in ("Delete copy", "Clear cache"):
            get(page, "42")
            expect(page.locator("#ttl-text")).to_contain_text("s left in the cache")
            page.get_by_role("button", name=button).click()
            expect(page.locator("#ttl-text")).to_have_text("not in the cache")
            get(page, "42")
            expect(page.locator("#source")).to_have_text("from the database")


def test_names_and_ids_are_text_and_never_markup(shown: Shown) -> None:
    name = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    with opened(shown) as page:
        get(page, "43")
        page.get_by_text("Change it").click()
        page.get_by_label("Name").fill(name)
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#ask-told")).to_have_text("Saved, and the cached copy is deleted.")
        get(page, "43")
        expect(page.locator("#source")).to_have_text("from the database")
        expect(page.locator("#what-name")).to_have_text(name)
        for odd in (name, "ü/日本 {x}?#%", ".."):
            _item(page).fill(odd)
            page.get_by_role("button", name="Get").click()
            told = page.locator("#ask-told" if odd == ".." else "#past .of").first
            expect(told).to_contain_text(odd)
        assert page.locator("main img, main script").count() == 0
        assert page.title() == "shop · redistopo demo"


def test_the_load_is_seen_in_figures(shown: Shown) -> None:
    with opened(shown) as page:
        slider = page.get_by_label("Load")
        slider.focus()
        for _ in range(5):
            page.keyboard.press("ArrowRight")
        expect(page.locator("#rate-text")).to_have_text("20 /s")
        expect(slider).to_have_attribute("aria-valuetext", "20 requests per second")
        before = number(page, "requests")
        until(lambda: number(page, "requests") > before + 20, what="requests are counted")
        expect(page.locator("#hit-rate")).to_have_text(re.compile(r"^\d+ %$"))
        expect(page.locator("#hit-p50")).to_have_text(re.compile(r"ms$"))
        expect(page.locator("#ratio")).to_have_text(re.compile(r"^[\d,.]+\W as fast"))
        expect(page.locator("#chart-empty")).to_be_hidden()
        shares = page.locator(".node .state")
        until(lambda: set(shares.all_inner_texts()) - {"", "0 %"}, what="somebody has a share")
        # another page sees the same rate
        with opened(shown) as other:
            expect(other.locator("#rate-text")).to_have_text("20 /s")
        page.keyboard.press("Home")
        expect(page.locator("#rate-text")).to_have_text("off")


def test_a_stopped_primary_and_its_way_back(shown: Shown) -> None:
    with opened(shown) as page:
        shard = page.locator(".shard").first
        led = shard.locator(".node[data-role=primary]").get_attribute("aria-label") or ""
        follows = shard.locator(".node[data-role=replica]").get_attribute("aria-label") or ""
        primary, replica = node(page, led), node(page, follows)
        expect(primary.get_by_role("button")).to_have_text(["Stop", "Freeze"])
        primary.get_by_role("button", name="Stop").click()
        expect(primary).to_have_attribute("data-state", "gone")
        expect(primary.locator(".state")).to_have_text("stopped")
        # nobody to take over from
        if replica.get_attribute("data-role") == "replica":
            expect(replica.get_by_role("button", name="Promote")).to_be_disabled()
        expect(replica).to_have_attribute("data-role", "primary")
        log = page.get_by_role("log")
        for words in (
            f"redistopo stop {led}",
            f"{led} .* stopped replying",
            "the other nodes agreed",
            f"{follows} .* promoted",
        ):
            expect(log).to_contain_text(re.compile(words))
        # and beside the buttons, what happened last
        expect(page.locator("#topology-line")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d \w"))
        with shown.project.client(shown.project.port + int(follows[4:]) - 1) as redis:
            assert redis.role()[0] in ("master", b"master")
        expect(primary.get_by_role("button", name="Freeze")).to_be_disabled()
        primary.get_by_role("button", name="Start").click()
        expect(primary).to_have_attribute("data-state", "up")
        expect(primary).to_have_attribute("data-role", "replica")
        expect(log).to_contain_text(re.compile(f"{led} .* replies again"))
        # and it leads again, by a hand-over
        primary.get_by_role("button", name="Promote").click()
        expect(primary).to_have_attribute("data-role", "primary")
        expect(replica).to_have_attribute("data-role", "replica")


def test_all_by_keyboard(shown: Shown) -> None:
    with opened(shown) as page:
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the topology")).to_be_focused()
        assert _ring(page)
        for _ in range(2):
            page.keyboard.press("Tab")
        expect(_item(page)).to_be_focused()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.type("44")
        page.keyboard.press("Enter")
        # whichever: the load of a test before it may have asked for it
        expect(page.locator("#source")).to_contain_text("from the")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")  # skips
        freeze = page.locator(".node[data-role=replica] [data-verb=freeze]").first
        name = freeze.locator("xpath=ancestor::*[@role='group']").get_attribute("aria-label") or ""
        second = node(page, name).get_by_role("button").nth(1)
        for _ in range(30):
            page.keyboard.press("Tab")
            if second.evaluate("one => one === document.activeElement"):
                break
        expect(second).to_be_focused()
        assert _ring(page)
        page.keyboard.press("Enter")
        # it stays where the keyboard is, and means the other thing now
        expect(second).to_have_accessible_name(f"Resume {name}")
        expect(second).to_be_enabled()
        expect(second).to_be_focused()
        expect(node(page, name).locator(".state")).to_have_text("frozen")
        expect(node(page, name).get_by_role("button", name="Stop")).to_be_disabled()
        page.keyboard.press("Enter")
        expect(second).to_have_accessible_name(f"Freeze {name}")
        expect(node(page, name)).to_have_attribute("data-state", "up")


def _ring(page: Page) -> bool:
    """Whether the focus is seen."""
    style = "getComputedStyle(document.activeElement)"
    return bool(page.evaluate(f"parseFloat({style}.outlineWidth) >= 2"))


@pytest.mark.parametrize("scheme", spread(["light", "dark"], 1))
def test_on_a_phone_by_day_and_by_night(shown: Shown, scheme: str) -> None:
    phone = {"width": 320, "height": 640}
    with opened(shown, viewport=phone, color_scheme=scheme, has_touch=True, is_mobile=True) as page:
        get(page, "45")
        assert page.evaluate("document.documentElement.scrollWidth") <= 320
        small = page.locator("button:visible").evaluate_all(
            "all => all.filter((one) => one.offsetHeight < 40).length"
        )
        assert small == 0
        assert (lightness(page) > 0.5) == (scheme == "light")
        assert least_contrast(page) >= 4.5


class _Elsewhere(BaseHTTPRequestHandler):
    """A page of nobody's, on another port of this machine."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: object) -> None:
        pass


FORGED = """([url, mode, kind]) => {
  const body = JSON.stringify({node: "node1"});
  return fetch(url, {method: "POST", mode, body, headers: {"Content-Type": kind}})
    .then((reply) => reply.text())
    .then((text) => text || "nothing to read", () => "nothing to read");
}"""


def test_a_page_from_elsewhere_breaks_nothing(shown: Shown) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    pid = shown.project.pid(1)
    page = shown.browser.new_page()
    try:
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        for mode, kind in (("no-cors", "text/plain"), ("cors", "application/json")):
            told = page.evaluate(FORGED, [f"{shown.url}/actions/stop", mode, kind])
            assert told == "nothing to read"
    finally:
        page.close()
        server.shutdown()
        server.server_close()
    assert shown.project.pid(1) == pid


def test_a_lost_stream_is_told_and_comes_back(shown: Shown) -> None:
    """The same with servers that aren't the page's to break."""
    own = shown.project
    project = Project(own.root, own.port, {**own.env, "REDISTOPO_PASSWORD": own.password})
    words = (project, own.port + 16, "--connect", f"127.0.0.1:{own.port}")
    with Demo(*words) as demo, opened(shown, f"http://127.0.0.1:{demo.port}") as page:
        expect(page.locator(".node")).to_have_count(6)
        assert page.locator(".node button:visible").count() == 0
        expect(page.locator("#topology-line")).to_contain_text("Read-only")
        demo.end()
        expect(page.locator("#stream")).to_have_text("stream lost")
        expect(page.locator("#lost")).to_contain_text("The page shows the state of")
        page.get_by_role("button", name="Get").click()
        expect(page.locator("#ask-told")).to_contain_text("the demo does not respond")
        with Demo(*words):
            expect(page.locator("#stream")).to_have_text("live")
            expect(page.locator("#lost")).to_be_hidden()
            # it has a new token, and the page knows
            page.get_by_role("button", name="Set").click()
            expect(page.locator("#load-told")).to_contain_text("stay 60 s")
