"""Take the picture of the demo's page: a primary was stopped, and its replica was promoted.

Run it from a checkout, with chromium installed: .venv/bin/python docs/shoot.py
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

PICTURE = Path(__file__).with_name("demo.png")
PORT = 5000
SIZE = {"width": 1280, "height": 912}

expect.set_options(timeout=30_000)


@contextmanager
def demo(folder: Path) -> Iterator[str]:
    """Start a cluster of six nodes and the demo, and yield the address of its page."""
    program = str(Path(sys.executable).parent / "redistopo")

    def run(*words: str) -> None:
        subprocess.run([program, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    run("init", "cluster", "--node-timeout", "1000")
    run("up")
    serving = subprocess.Popen(
        [program, "demo", "--port", str(PORT)], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    try:
        line = serving.stdout.readline() if serving.stdout else ""
        yield re.findall(r"http://[^ ]+", line)[0]
    finally:
        serving.terminate()
        serving.wait()
        run("down", "--wipe", "--yes")


def play(page: Page) -> None:
    """Produce a miss and a hit, some load, and a failover."""
    answer = page.locator("#answer")
    for source in ("database", "cache"):
        page.get_by_role("button", name="Get").click()
        expect(answer).to_have_attribute("data-source", source)
    page.get_by_label("Load").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(20_000)  # the chart fills
    page.get_by_role("button", name="Get").click()
    page.get_by_role("button", name="Stop node2").click()
    expect(page.get_by_role("log")).to_contain_text("requests were served from the database")
    page.wait_for_timeout(3_000)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")


def shoot() -> None:
    """Write docs/demo.png."""
    with (
        tempfile.TemporaryDirectory() as folder,
        sync_playwright() as playwright,
    ):
        root = Path(folder) / "shop"
        root.mkdir()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        with demo(root) as url:
            page = browser.new_page(viewport=SIZE, device_scale_factor=1.25)
            page.goto(url)
            play(page)
            page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    shoot()
