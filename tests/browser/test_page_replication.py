"""The page of `redistopo demo` on a replication whose primary is away: it says what still works."""

import re
from itertools import count

import pytest
from playwright.sync_api import expect
from support.browser import CHROMIUM, NEEDED, browser
from support.demo import Demo, one_project
from support.engines import BUNDLED
from support.waiting import until

pytestmark = pytest.mark.skipif(
    not CHROMIUM and not NEEDED, reason="no chromium here: apt-get install chromium"
)

PHONE = {"width": 360, "height": 740}


def test_hits_only_and_what_mends_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    with (
        one_project(tmp_path_factory, "replication", engine=BUNDLED.path) as project,
        Demo(project, project.port + 15, "--db-delay", "10ms") as demo,
        browser() as chromium,
    ):
        demo.get("1")
        for port in project.ports[1:]:
            with project.client(port) as client:
                until(lambda client=client: client.exists("data:1"))
        page = chromium.new_page(viewport=PHONE)  # type: ignore[arg-type]  # a dict
        page.goto(f"http://127.0.0.1:{demo.port}")
        fuse = page.locator(".shard .circuit")
        expect(fuse).to_have_text("cache in use")
        project.crash(1)
        items = (str(10 + number % 50) for number in count())
        # on a busy machine a read may time out, too: its circuit closes again, the writes' doesn't
        until(lambda: demo.get(next(items)) and fuse.inner_text().startswith("writes failed"))
        expect(fuse).to_have_text("writes failed: hits only")
        expect(page.locator("#topology-line")).to_contain_text("redistopo up repairs it")
        promote = page.get_by_role("button", name="Promote node2")
        expect(promote).to_be_disabled()
        expect(promote).to_have_attribute("title", re.compile("redistopo up repairs it"))
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= PHONE["width"]
        project.up()
        expect(fuse).to_have_text(re.compile("failed|testing"))  # nobody has asked yet
        # a look must have found the primary again before a write gets there
        until(lambda: demo.ask("GET", "/healthz").json["status"] == "ok")
        expect(fuse).to_have_text("cache in use")
