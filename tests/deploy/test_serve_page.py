"""The page of the server in a real browser: what is shown to it, what it sends, what it tells."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from try_server import picture, running, write_network

import cnnbook
from cnnbook.deploy import _serve_answers
from cnnbook.deploy._serve_page import PAGE, PAGE_HEADERS, STYLE
from cnnbook.deploy.serve import make_app
from cnnbook.widgets.drawing_pad import center_drawing
from tests.book.browser import WIDTHS, Watched, chromium

LOOK = Path(cnnbook.__file__).parent / "book" / "web" / "look.css"


def networks(folder):
    write_network(folder / "grey.onnx", (28, 28, 1), 10)
    write_network(folder / "photos.onnx")
    (folder / "photos.json").write_text('{"class_names": ["red <b>", "green", "blue"]}')
    return {name: folder / f"{name}.onnx" for name in ("grey", "photos")}


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with running(make_app(networks(tmp_path_factory.mktemp("page")))) as ask:
        yield f"http://127.0.0.1:{ask.port}/"


@pytest.fixture
def window(browser, server):
    """The page, as it comes; no fault in its console at the end."""
    watched = Watched(browser)
    watched.open(server).wait_for_selector("#pad:not([hidden])")
    yield watched
    assert watched.faults == []
    watched.page.close()


def draw(page, points=((0.2, 0.3), (0.5, 0.3), (0.45, 0.5))):
    """Draw a line, which is neither centred nor large."""
    box = page.locator("#pad").bounding_box()
    places = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    with page.expect_request("**/classify") as sent:
        page.mouse.up()
    page.wait_for_selector("#classes li")
    return sent.value


def drawn(page):
    """Return the brightness of each pixel of the pad."""
    return page.evaluate("[...pen.getImageData(0, 0, 280, 280).data].filter((_, k) => k % 4 == 0)")


def choose_photos(page):
    page.select_option("#network", "photos")
    page.wait_for_selector("#drop:not([hidden])")


def classes(page):
    return page.locator("#classes li").all_inner_texts()


@pytest.mark.slow
def test_a_drawing_goes_out_as_digits_are_in_mnist(window, monkeypatch):
    page, read = window.page, _serve_answers.read_picture
    sent = []
    monkeypatch.setattr(_serve_answers, "read_picture", lambda *it: sent.append(it[0]) or read(*it))
    assert draw(page).url.endswith("/v2/models/grey/classify")
    [content] = sent
    sent = np.asarray(Image.open(io.BytesIO(content)).convert("L"))
    pixels = drawn(page)
    wanted = center_drawing(np.reshape(pixels, (280, 280)), 28, 28)
    assert sent.shape == (28, 28)
    assert np.abs(sent - wanted).mean() < 6  # of 255; another way of averaging
    assert abs(sent.sum() / wanted.sum() - 1) < 0.05
    for axis in (0, 1):
        assert np.flatnonzero(sent.max(axis) > 60).size == pytest.approx(
            np.flatnonzero(wanted.max(axis) > 60).size, abs=1
        )


@pytest.mark.slow
def test_it_shows_five_classes_with_the_most_probable_first_and_wipes_them(window):
    page = window.page
    draw(page)
    shown = classes(page)
    assert len(shown) == 5
    shares = [float(re.search(r"([\d.]+) %", row)[1]) for row in shown]
    assert shares == sorted(shares, reverse=True)
    widths = page.locator(".bar i").evaluate_all("all => all.map((it) => it.style.width)")
    assert [float(width[:-1]) for width in widths] == pytest.approx(shares, abs=0.06)
    assert re.fullmatch(r"Answered in \d+ ms\.", page.inner_text("#status"))
    page.click("#wipe")
    assert classes(page) == [] and "Draw a digit" in page.inner_text("#status")
    assert not any(drawn(page))


@pytest.mark.slow
def test_a_photograph_is_chosen_dropped_or_pasted_and_named(window, server):
    page = window.page
    choose_photos(page)
    assert page.is_hidden("#pad") and page.is_visible("#hint")
    file = {"name": "a.png", "mimeType": "image/png", "buffer": picture()}
    page.set_input_files("#file", [file])
    page.wait_for_selector("#classes li")
    assert page.is_visible("#picture") and page.is_hidden("#hint")
    chosen = classes(page)
    assert {row.splitlines()[0] for row in chosen} == {"red <b>", "green", "blue"}
    page.select_option("#network", "grey")
    page.wait_for_selector("#pad:not([hidden])")
    for way in ("drop", "paste"):
        choose_photos(page)
        assert classes(page) == []
        page.evaluate(
            """([way, numbers]) => {
              const data = new DataTransfer();
              data.items.add(new File([new Uint8Array(numbers)], "a.png", { type: "image/png" }));
              const [target, options] = way === "drop" ? [drop, { dataTransfer: data }] :
                [document, { clipboardData: data }];
              const kind = way === "drop" ? DragEvent : ClipboardEvent;
              target.dispatchEvent(new kind(way, { ...options, bubbles: true }));
            }""",
            [way, [*picture()]],
        )
        page.wait_for_selector("#classes li")
        assert classes(page) == chosen
        page.select_option("#network", "grey")
        page.wait_for_selector("#pad:not([hidden])")


@pytest.mark.slow
def test_what_is_no_picture_is_told_in_words(browser, server):
    watched = Watched(browser)
    page = watched.open(server)
    page.wait_for_selector("#pad:not([hidden])")
    choose_photos(page)
    page.set_input_files("#file", [{"name": "a", "mimeType": "image/png", "buffer": b"<html>"}])
    page.wait_for_selector("#status:has-text('No answer: the body is no picture')")
    assert classes(page) == []
    page.close()


@pytest.mark.slow
def test_a_server_with_a_token_asks_for_it_once(browser, tmp_path):
    watched = Watched(browser)
    with running(make_app(networks(tmp_path), token="secret")) as ask:
        page = watched.open(f"http://127.0.0.1:{ask.port}/")
        page.wait_for_selector("#token-row:not([hidden])")
        assert page.is_hidden("#work")
        page.fill("#token", "wrong")
        page.click("#token-row button")
        page.wait_for_selector("#token-row:not([hidden])")
        page.fill("#token", "secret")
        page.click("#token-row button")
        page.wait_for_selector("#pad:not([hidden])")
        assert page.is_hidden("#token-row")
        draw(page)
        page.close()


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_every_width_in_light_and_dark_and_keeps_nobody_out(browser, server, width, dark):
    watched = Watched(browser, *WIDTHS[width], dark, bypass_csp=True)  # axe runs its own script
    page = watched.open(server)
    page.wait_for_selector("#pad:not([hidden])")
    draw(page)
    assert (watched.sideways(), watched.axe(), watched.faults) == (0, [], [])
    choose_photos(page)
    page.set_input_files("#file", [{"name": "a", "mimeType": "image/png", "buffer": picture()}])
    page.wait_for_selector("#classes li")
    assert (watched.sideways(), watched.axe(), watched.faults) == (0, [], [])
    page.close()


@pytest.mark.slow
def test_no_other_script_runs_on_it(browser, server):
    watched = Watched(browser)
    page = watched.open(server)
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), "
        "{ textContent: 'window.ran = 1' }))"
    )
    assert page.evaluate("window.ran") is None
    assert any("Content Security Policy" in fault for fault in watched.faults)
    page.close()


def test_its_colours_are_those_of_the_book():
    def palettes(text):
        blocks = re.findall(r"\{([^{}]*--paper:[^{}]*)\}", text)
        return [dict(re.findall(r"--(\w+): ?(#\w+)", block)) for block in blocks]

    book, page = palettes(LOOK.read_text()), palettes(STYLE)
    assert len(book) == len(page) == 2
    for of_book, of_page in zip(book, page, strict=True):
        assert len(of_page) > 7 and of_page.items() <= of_book.items()


def test_it_needs_nothing_from_elsewhere():
    assert not re.search(r"(?:https?:)?//\w", re.sub(r"^//.*|^ *// .*", "", PAGE, flags=re.M))
    assert "default-src 'none'" in PAGE_HEADERS["content-security-policy"]
    assert "unsafe" not in PAGE_HEADERS["content-security-policy"]
