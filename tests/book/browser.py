"""A real browser for the tests of pages; they are skipped where there is none."""

import shutil
from contextlib import contextmanager

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


@contextmanager
def chromium():
    """Start Chromium, or skip the test."""
    api = pytest.importorskip("playwright.sync_api")
    program = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("needs Chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        yield browser
        browser.close()


class Watched:
    """A page, and what went wrong on it: errors in its console, addresses outside the disk."""

    def __init__(self, browser, width=1280, height=900, dark=False, **more):
        scheme = "dark" if dark else "light"
        size = {"width": width, "height": height}
        self.page = browser.new_page(viewport=size, color_scheme=scheme, **more)
        self.faults = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("requestfailed", lambda it: self.faults.append(f"failed: {it.url}"))
        self.page.on("request", self._ask)

    def _listen(self, message):
        if message.type == "error":
            self.faults.append(message.text)

    def _ask(self, request):
        if not request.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1")):
            self.faults.append(f"remote: {request.url}")

    def open(self, path):
        address = path if "://" in str(path) else path.as_uri()
        self.page.goto(address)
        return self.page

    def sideways(self):
        """How many pixels the page is wider than the window."""
        return self.page.evaluate(
            "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
            " - document.documentElement.clientWidth"
        )

    def axe(self, **rules):
        """Return what keeps people out, a line for each: rule, element, what is wrong.

        `rules` are options of axe that choose its rules; without them all are asked.
        """
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page, options={"preload": False} | rules).response["violations"]
        return [
            f"{it['id']}: {node['target']}: {node['failureSummary']}"
            for it in found
            for node in it["nodes"]
        ]
