"""How good does Lighthouse find the pages? Four scores for each kind of page, phone and desktop.

Needs Node and the package lighthouse of npm, which is no part of this project: install it into a
folder of its own, `npm install --prefix FOLDER lighthouse`, and give that folder. The pages are
those of build/book, served on this machine, packed, as a server of static files would. Let nothing
else run meanwhile: Lighthouse slows the page down by what it takes the machine to be.
"""

import argparse
import functools
import gzip
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KINDS = ("performance", "accessibility", "best-practices", "seo")
NEEDED = {"phone": 80, "desktop": 95}  # performance; of the other three it is 100
PAGES = {
    "first page": "index.html",
    "chapter": "[0-9]*.html",
    "live page": "draw_a_digit.html",
    "glossary": "glossary.html",
    "claims": "claims.html",
    "search": "search.html",
    "reference": "reference/explain/grad_cam.html",
}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PACKED = (".html", ".css", ".js", ".svg")


class Served(http.server.SimpleHTTPRequestHandler):
    """Serves files, packed where that pays."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Send a file."""
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        if not path.is_file():
            self.send_error(404)
            return
        body = path.read_bytes()
        self.send_response(200)
        if path.suffix in PACKED and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = _packed(path)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", self.guess_type(str(path)))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "max-age=31536000")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@functools.cache
def _packed(path: Path) -> bytes:
    return gzip.compress(path.read_bytes(), 6)


def scores(program: Path, address: str, device: str, report: Path) -> dict[str, int]:
    """Let Lighthouse look at one page; return its scores, 0 to 100."""
    flags = "--headless=new --no-sandbox --disable-gpu --disable-background-networking"
    command = [
        *(str(program), address, "--quiet", "--output=json", f"--output-path={report}"),
        *(f"--only-categories={','.join(KINDS)}", f"--chrome-flags={flags}"),
        *(["--preset=desktop"] if device == "desktop" else []),
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)
    categories = json.loads(report.read_text(encoding="utf-8"))["categories"]
    return {kind: round(100 * (categories[kind]["score"] or 0)) for kind in KINDS}


def faults(report: Path) -> list[str]:
    """List what cost points, with what Lighthouse says of it."""
    found = json.loads(report.read_text(encoding="utf-8"))
    weights = {
        each["id"]: each["weight"]
        for category in found["categories"].values()
        for each in category["auditRefs"]
    }
    lost = [
        (weights[name] * (1 - audit["score"]), name, audit.get("displayValue", ""))
        for name, audit in found["audits"].items()
        if weights.get(name) and audit["score"] is not None and audit["score"] < 0.9
    ]
    return [f"{name} {value}".strip() for _, name, value in sorted(lost, reverse=True)]


def main() -> None:
    """Print a table of the scores; the exit status says whether all are as they must be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where npm has installed lighthouse")
    parser.add_argument("--site", type=Path, default=ROOT / "build" / "book", help="the pages")
    parser.add_argument("--page", action="append", choices=PAGES, help="one kind of page; several")
    parser.add_argument("--reports", type=Path, help="folder for Lighthouse' own reports")
    given = parser.parse_args()
    program = given.folder / "node_modules" / ".bin" / "lighthouse"
    if not program.is_file():
        raise SystemExit(f"No lighthouse there: npm install --prefix {given.folder} lighthouse")
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        raise SystemExit("Lighthouse needs Chromium: on Debian, apt-get install chromium.")
    os.environ["CHROME_PATH"] = browser
    handler = functools.partial(Served, directory=str(given.site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"{'page':<12}{'device':<9}" + "".join(f"{kind:>16}" for kind in KINDS))
    bad = 0
    with tempfile.TemporaryDirectory() as temporary:
        reports = given.reports or Path(temporary)
        reports.mkdir(parents=True, exist_ok=True)
        for kind in given.page or PAGES:
            found = sorted(given.site.glob(PAGES[kind]))
            if not found:
                print(f"{kind:<12}is not there")
                continue
            page = found[min(1, len(found) - 1)].relative_to(given.site).as_posix()
            for device, least in NEEDED.items():
                report = reports / f"{kind.replace(' ', '_')}_{device}.json"
                address = f"http://127.0.0.1:{server.server_port}/{page}"
                given_scores = scores(program, address, device, report)
                print(
                    f"{kind:<12}{device:<9}" + "".join(f"{it:>16}" for it in given_scores.values())
                )
                first, *others = given_scores.values()
                if first < least or min(others) < 100:
                    bad += 1
                    print(f"{'':<12}{'; '.join(faults(report)[:6])}", flush=True)
    raise SystemExit(min(bad, 1))


if __name__ == "__main__":
    main()
