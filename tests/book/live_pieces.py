"""What the tests of live pieces share: Node, and pages of pieces that need no large network."""

import json
import subprocess
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from browser import Watched

from cnnbook.book import _live, _live_data

WEB = Path(_live.__file__).with_name("web") / "live"
CACHE = Path(__file__).parents[2] / "build" / "live"  # also of `cnnbook book`: only the first pays


def node() -> Path:
    """The program that Playwright brings along."""
    package = find_spec("playwright")
    path = Path(package.origin).parent / "driver" / "node" if package else Path("none")
    if not path.is_file():
        pytest.skip("needs Node, which the package playwright brings")
    return path


def in_node(script, code, **given):
    """Run lines that `return` something; `sums` is what a script of web/live exports."""
    path = json.dumps(str(WEB / script))
    begin = f"const sums = require({path}), given = JSON.parse(require('fs').readFileSync(0));"
    text = f"{begin} process.stdout.write(JSON.stringify((() => {{{code}}})()));"
    command = [str(node()), "-e", text]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write_pages(folder, *names):
    """Write the previews of all pieces, with the scripts of data that are named; none: all."""
    with pytest.MonkeyPatch.context() as patch:
        groups = {name: _live_data.GROUPS[name] for name in names or _live_data.GROUPS}
        patch.setattr(_live_data, "GROUPS", groups)
        pages = _live.preview(folder, CACHE)
    return {page.stem: page for page in pages}


@contextmanager
def opened(browser, path, piece, width=1280, height=900, dark=False, **more):
    """Open the page of a piece and wait until it is ready; no fault at the end."""
    watched = Watched(browser, width, height, dark, **more)
    yield opened_again(watched, path, piece, dark)
    assert watched.faults == [], watched.faults
    watched.page.close()


def opened_again(watched, path, piece, dark=False):
    """Open the page of a piece where another was open, which is quicker than a new window."""
    watched.page.mouse.move(0, 0)
    watched.page.goto(path.as_uri() + ("?dark" if dark else ""))
    watched.page.wait_for_selector(f"#live-{piece}[data-ready=yes]")
    return watched


def too_small(page):
    """What a finger would miss: controls that are under 24 pixels wide or high."""
    controls = "button, select, label, input:not([type=radio], [type=file]), [role=slider]"
    return page.evaluate(
        """(controls) => [...document.querySelectorAll(`.live :is(${controls})`)]
          .filter((it) => Math.min(it.offsetWidth, it.offsetHeight) < 24 && it.offsetWidth > 0)
          .map((it) => it.outerHTML)""",
        controls,
    )
