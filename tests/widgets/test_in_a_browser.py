"""A reader's hands: a slider moved and a digit drawn in JupyterLab, in a real browser.

Needs Chromium and Playwright; without them the tests are skipped. Set CNNBOOK_SCREENSHOTS to a
folder to look at what the browser showed.
"""

import base64
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import nbformat
import numpy as np
import pytest

from cnnbook.widgets.convolution import convolution_widget
from tests.book.browser import BROWSERS, SWITCHES

pytestmark = pytest.mark.slow

FOLDERS = (
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)
SECONDS = 120  # for a very busy machine

CONVOLUTION = """\
import numpy as np
from cnnbook.widgets.convolution import convolution_widget

convolution_widget({"stairs": np.eye(40)})"""

LAYERS = """\
import keras
import numpy as np
from cnnbook.plots.layer_step import plot_layer
from cnnbook.widgets.drawing_pad import DrawingPad
from cnnbook.widgets.layers import layers_widget

keras.utils.set_random_seed(0)
images = keras.Input((28, 28, 1))
x = keras.layers.Conv2D(8, 5, activation="relu", name="conv1")(images)
x = keras.layers.MaxPooling2D(4, name="pool1")(x)
x = keras.layers.Dense(10, name="logits")(keras.layers.Flatten(name="flatten")(x))
digits = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1)).astype("uint8")
layers_widget(keras.Model(images, x), digits, plot_layer, DrawingPad)"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab of its own: a free port, a token, and no settings of the user."""
    home = tmp_path_factory.mktemp("lab")
    folder = home / "notebooks"
    folder.mkdir()
    for name, source in (("convolution", CONVOLUTION), ("layers", LAYERS)):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(notebook, folder / f"{name}.ipynb")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    own = {name: str(home / name.lower()) for name in FOLDERS}
    own["KERAS_BACKEND"] = "jax" if find_spec("jax") else "tensorflow"  # starts in half the time
    quiet = Path(own["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", "apputils-extension")
    quiet.mkdir(parents=True)
    settings = '{"fetchNews": "false", "checkForUpdates": false}'
    (quiet / "notification.jupyterlab-settings").write_text(settings)
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.root_dir": folder,
        "ServerApp.allow_root": True,
        "ServerApp.open_browser": False,
        "IdentityProvider.token": token,
    }
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab"]
            + [f"--{name}={value}" for name, value in options.items()],
            env=os.environ | own,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        await_answer(f"{address}/api/status?token={token}", server, home / "log")
        yield lambda name: f"{address}/doc/tree/{name}.ipynb?token={token}&reset"
    finally:
        stop(server)


def await_answer(address, server, log):
    """Wait until the server answers."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"no answer: {log.read_text()[-2000:]}")


def stop(server):
    """End the server, which ends its kernels; a kernel whose server is gone ends itself."""
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(20)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Python's playwright")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"needs a browser: none of {', '.join(BROWSERS)} is on the path")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    page.set_default_timeout(1000 * SECONDS)
    yield page
    page.close()


def run_first_cell(page, address):
    """Open a notebook and press Shift+Enter in its cell; wait for the widget's picture."""
    page.goto(address)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    cell = page.locator(".jp-CodeCell").first
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    error = page.locator(".jp-OutputArea [data-mime-type='application/vnd.jupyter.stderr']")
    page.locator(".jp-OutputArea img.widget-image").or_(error).first.wait_for()
    assert not error.count(), error.first.inner_text()
    return shown(page)


def shown(page):
    """The bytes of the picture that the widget shows."""
    script = """async (image) => {
        const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
        return btoa(String.fromCharCode(...bytes));
    }"""
    image = page.locator(".jp-OutputArea img.widget-image")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            return base64.b64decode(image.evaluate(script))
        except Exception as error:  # replaced by the next picture while we read it
            if "fetch" not in str(error):
                raise
    raise AssertionError("the picture cannot be read")


def await_picture(page, is_it):
    """Wait until the widget shows a picture that will do."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        picture = shown(page)
        if is_it(picture):
            return picture
        page.wait_for_timeout(100)
    raise AssertionError("the picture did not change")


def press(page, control, key):
    """Press a key on the handle of a slider."""
    handle = page.locator(".widget-slider", has_text=control).locator(".noUi-handle")
    handle.focus()
    page.keyboard.press(key)


def keep_screenshot(page, name):
    if folder := os.environ.get("CNNBOOK_SCREENSHOTS"):
        page.screenshot(path=Path(folder, f"{name}.png"))


def test_a_stride_moved_in_the_browser_shows_the_picture_of_that_stride(lab, page):
    expected = convolution_widget({"stairs": np.eye(40)})
    first = run_first_cell(page, lab("convolution"))
    assert first == expected.controls["figure"].value
    keep_screenshot(page, "convolution")

    press(page, "strides", "ArrowRight")
    expected.strides = 2
    await_picture(page, lambda picture: picture == expected.controls["figure"].value)
    press(page, "padding", "ArrowRight")
    expected.padding = 1
    await_picture(page, lambda picture: picture == expected.controls["figure"].value)
    page.locator(".widget-dropdown", has_text="kernel").locator("select").select_option("outline")
    expected.kernel = "outline"
    await_picture(page, lambda picture: picture == expected.controls["figure"].value)
    keep_screenshot(page, "convolution_moved")


def test_a_layer_stepped_and_a_digit_drawn_in_the_browser_change_the_picture(lab, page):
    first = run_first_cell(page, lab("layers"))
    keep_screenshot(page, "layers")
    press(page, "layer", "ArrowRight")
    second = await_picture(page, lambda picture: picture != first)
    press(page, "layer", "ArrowLeft")
    await_picture(page, lambda picture: picture == first)

    canvas = page.locator(".jp-OutputArea canvas")
    canvas.scroll_into_view_if_needed()
    corner = canvas.bounding_box()
    points = [(40, 40), (120, 40), (80, 90), (60, 140)]  # a seven
    for step, (right, down) in enumerate(points):
        page.mouse.move(corner["x"] + right, corner["y"] + down, steps=5)
        if step == 0:
            page.mouse.down()
    page.mouse.up()
    drawn = await_picture(page, lambda picture: picture not in (first, second))
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # the whole stroke has come
    keep_screenshot(page, "layers_drawn")
    assert canvas.evaluate("c => c.getContext('2d').getImageData(80, 40, 1, 1).data[0]") == 255

    page.get_by_role("button", name="Wipe").click()
    await_picture(page, lambda picture: picture == first)
    assert drawn != first
    assert canvas.evaluate("c => c.getContext('2d').getImageData(80, 40, 1, 1).data[0]") == 0
