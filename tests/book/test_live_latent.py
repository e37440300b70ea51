"""A plane full of digits: its sums, its drawings against Keras, and the page as one uses it."""

import base64
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from browser import WIDTHS
from live_pieces import in_node, opened, opened_again, too_small, write_pages
from PIL import Image

from cnnbook.book._live_data import data_file, latent_scripts, unseen_digits

CROWDS = [[-1, -1], [1, 0], [0, 2], [10, 10], [12, 10], [10, 14], [0.4, 0.5]]
LABELS = [3, 3, 3, 7, 7, 7, 3]


def weights():
    with np.load(io.BytesIO(data_file("latent_net/weights.npz").read_bytes())) as arrays:
        return dict(arrays)


def drawn_by_numpy(codes):
    """What the decoder draws, without Keras."""
    net = weights()
    hidden = np.maximum(codes @ net["hidden/kernel"] + net["hidden/bias"], 0)
    logits = hidden @ (net["drawing/kernel"] * net["drawing/scale"]) + net["drawing/bias"]
    return 1 / (1 + np.exp(-logits))


def plane_sums(code, **given):
    begin = "const codes = Float32Array.from(given.codes.flat()), { labels } = given;"
    labels = given.pop("labels", LABELS)
    return in_node("latent_sums.js", begin + code, codes=CROWDS, labels=labels, **given)


# ---- Sums ----


def test_the_nearest_are_found_with_their_distances():
    code = "return sums.nearest(codes, given.point, 3);"
    found = plane_sums(code, point=[9, 9])
    apart = np.linalg.norm(np.float32(CROWDS) - [9, 9], axis=1)
    assert [it["index"] for it in found] == np.argsort(apart)[:3].tolist() == [3, 4, 5]
    assert [it["distance"] for it in found] == pytest.approx(np.sort(apart)[:3])


def test_a_way_leads_from_middle_to_middle_or_to_the_farthest_of_the_kind():
    code = """
    const [from, to] = sums.ends(codes, labels, 3, 7);
    const points = [from, to].map((i) => sums.numbersOf(codes, i));
    return { from, to, same: sums.ends(codes, labels, 7, 7), way: sums.along(...points, 5) };
    """
    found = plane_sums(code)
    assert (found["from"], found["to"]) == (6, 3)  # nearest to the medians (0.2, 0.25), (10, 10)
    assert found["same"] == [3, 5]
    expected = np.linspace(np.float32(CROWDS[6]), CROWDS[3], 5)
    assert np.allclose(found["way"], expected)


def test_places_of_a_frame_lead_back_to_their_points_and_nothing_leaves_it():
    code = """
    const whole = sums.wholeFrame(codes), close = sums.closeFrame(codes, whole);
    const back = (point) => sums.fromPlace(close, sums.toPlace(close, point));
    const ticks = [{ low: [-7, 0], side: 20 }, { low: [-20, 0], side: 60 }];
    return { whole, close, there: given.points.map(back), corner: sums.toPlace(whole, whole.low),
      wide: sums.closeFrame(codes, whole, 0.8),
      ticks: ticks.map((frame) => sums.ticks(frame, 0)),
      kept: given.points.map((point) => sums.inside(close, point)), grid: sums.grid(whole, 3) };
    """
    points = [[1, 2], [99, -99], [-3, 7]]
    found = plane_sums(code, points=points)
    low, side = np.array(found["whole"]["low"]), found["whole"]["side"]
    assert side == pytest.approx(1.06 * 15)
    assert np.all(np.min(CROWDS, axis=0) >= low) and np.all(np.max(CROWDS, axis=0) <= low + side)
    assert np.allclose(found["corner"], [0, 1])  # below is the end, as on a screen
    assert np.allclose(found["there"], points)
    near, far = np.array(found["close"]["low"]), found["close"]["side"]
    assert np.allclose(near, np.median(CROWDS, axis=0) - far / 2) and far < side / 2
    assert np.allclose(found["wide"]["low"], low)  # it would go beyond
    assert np.allclose(found["kept"], np.clip(points, near, near + far))
    assert np.allclose(found["grid"][0], [low[0] + side / 6, low[1] + side * 5 / 6])
    assert np.allclose(found["grid"][5], [low[0] + side * 5 / 6, low[1] + side / 2])
    assert found["ticks"] == [[-5, 0, 5, 10], [-20, -10, 0, 10, 20, 30, 40]]


# ---- The numbers that the page gets ----


def test_what_is_stated_of_the_network_holds():
    record = json.loads(data_file("latent_net/record.json").read_text())
    images, labels = unseen_digits()
    codes, pixels = weights()["codes"], images.reshape(-1, 784) / 255
    assert record["test_images"] == len(codes) == 1_500
    error = np.mean((drawn_by_numpy(codes) - pixels) ** 2)
    assert error == pytest.approx(record["squared_error"], abs=1e-5)
    assert error < 0.7 * np.var(pixels, axis=0).mean()  # of drawing the mean digit each time
    apart = np.linalg.norm(codes[:, None] - codes, axis=-1)
    np.fill_diagonal(apart, np.inf)
    agree = np.mean(labels[apart.argmin(axis=1)] == labels)
    assert agree == pytest.approx(record["nearest_has_same_label"], abs=1e-3)
    assert 0.58 < agree < 0.62  # "four in ten" in latent.md


def test_ones_are_more_alike_than_sixes_and_fill_more_of_the_plane():
    (images, labels), codes = unseen_digits(), weights()["codes"]
    pixels = images.reshape(-1, 784) / 255
    ones, sixes = (pixels[labels == k].var(axis=0).sum() for k in (1, 6))
    assert ones < 0.7 * sixes
    ones, sixes = (np.prod(codes[labels == k].std(axis=0)) for k in (1, 6))
    assert ones > 5 * sixes


@pytest.fixture(scope="module")
def scripts():
    return latent_scripts()


def content_of(script):
    return json.loads(script[script.index("{") :].rstrip(";\n"))


def decoded(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


@pytest.mark.slow
def test_the_page_draws_what_keras_draws(scripts):
    from cnnbook.book._latent_plane import build_decoder

    code = """
    (0, eval)(given.model);
    const net = new sums.Network(CNN_MODELS.latent);
    return given.codes.map((code) => Array.from(net.run(code, ["drawing"]).drawing.data));
    """
    codes = np.float32([*weights()["codes"][:20], [40, -50], [-20, 3], [0, 0]])
    ours = in_node("engine.js", code, model=scripts["latent_model.js"], codes=codes.tolist())
    theirs = build_decoder(weights()).predict(codes, verbose=0)
    assert np.abs(np.array(ours) - theirs).max() < 1e-5
    assert np.abs(theirs - drawn_by_numpy(codes)).max() < 1e-5


@pytest.mark.slow
def test_the_page_gets_thirty_digits_of_each_kind_and_little_to_load(scripts):
    assert sum(map(len, scripts.values())) <= 200_000
    digits = content_of(scripts["latent_digits.js"])
    labels, codes = decoded(digits["labels"], "u1"), decoded(digits["codes"], "<f4").reshape(-1, 2)
    images, all_labels = unseen_digits()
    shown = [np.flatnonzero(np.all(weights()["codes"] == code, axis=1))[0] for code in codes]
    assert np.bincount(labels).tolist() == [30] * 10
    assert np.all(all_labels[shown] == labels)
    sheet = Image.open(io.BytesIO(base64.b64decode(digits["picture"].split(",")[1])))
    pixels = np.asarray(sheet).astype(float)
    for place in (0, 21, 299):
        top, left = 28 * (place // digits["across"]), 28 * (place % digits["across"])
        picture = pixels[top : top + 28, left : left + 28]
        assert np.abs(picture - images[shown[place]]).max() <= 255 / 7 / 2 + 1  # of eight greys
    others = np.delete(weights()["codes"], shown, axis=0)
    nearest = np.linalg.norm(others[:, None] - codes, axis=-1).min(axis=1)
    assert np.mean(nearest <= digits["near"]) == pytest.approx(0.95, abs=0.005)


# ---- The page, in Chromium, from the disk ----


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return write_pages(tmp_path_factory.mktemp("site"), "latent")["a_plane_full_of_digits"]


@pytest.fixture
def page(window, site):
    watched = opened_again(window, site, "latent")
    yield watched.page
    assert watched.faults == []


def text(page, name):
    return page.locator(f"#latent-{name}").inner_text()


def point_of(page):
    """The two numbers that one reads."""
    return [float(text(page, name).replace("−", "-")) for name in ("first", "second")]


def seen_in(page, name="drawing"):
    """The pixels of a canvas, 0 to 1, white is 1."""
    data = page.evaluate(
        "(name) => Array.from(document.querySelector(name).getContext('2d')"
        ".getImageData(0, 0, 28, 28).data)",
        f"#latent-{name}",
    )
    return (np.reshape(data, (784, 4))[:, 0] - 21) / (255 - 21)


def frame_of(page):
    """How the page says which square of the plane it shows: from the ring's limits."""
    ring = page.locator("#latent-point")
    low = float(ring.get_attribute("aria-valuemin"))
    return low, float(ring.get_attribute("aria-valuemax")) - low


def press_at(page, left, top, steps=3):
    """Drag the ring to a place of the plane, in shares."""
    ring, box = page.locator("#latent-point"), page.locator("#latent-plane").bounding_box()
    at = ring.bounding_box()
    page.mouse.move(at["x"] + at["width"] / 2, at["y"] + at["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + left * box["width"], box["y"] + top * box["height"], steps=steps)
    page.mouse.up()


@pytest.mark.slow
def test_the_ring_is_dragged_and_the_drawing_follows(page):
    assert page.locator("#latent-found b").first.inner_text() == "a 7"
    press_at(page, 0.3, 0.75)
    first, second = point_of(page)
    low, side = frame_of(page)
    assert first == pytest.approx(low + 0.3 * side, abs=0.4) and second < -25
    rounded = drawn_by_numpy(np.array([[first, second]]))[0]
    assert np.abs(seen_in(page) - rounded).max() < 0.1  # of numbers with one decimal
    assert page.locator("#latent-point").get_attribute("aria-valuetext") == (
        f"{text(page, 'first')} and {text(page, 'second')}"
    )
    page.locator("#latent-said", has_text="the nearest is a 1").wait_for()


@pytest.mark.slow
def test_in_a_gap_no_digit_is_near_and_the_decoder_draws_all_the_same(page):
    box = page.locator("#latent-plane").bounding_box()
    page.mouse.click(box["x"] + 0.9 * box["width"], box["y"] + 0.9 * box["height"])
    assert page.locator("#latent-none").is_visible()
    assert not page.locator("#latent-found").is_visible()
    assert text(page, "none").startswith("No digit near here.")
    assert page.locator("#latent-links .link").count() == 0
    page.locator("#latent-said", has_text="no digit near here").wait_for()
    assert seen_in(page).max() > 0.5
    page.focus("#latent-point")
    page.keyboard.press("Home")
    assert page.locator("#latent-found").is_visible() and not page.locator(".none").is_visible()


@pytest.mark.slow
def test_keys_move_the_ring_up_to_the_edge_and_its_numbers_are_told(page):
    page.focus("#latent-point")
    before, (_, side) = point_of(page), frame_of(page)
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    after = point_of(page)
    assert after[0] - before[0] == pytest.approx(-side / 60, abs=0.15)
    assert after[1] - before[1] == pytest.approx(-side / 12, abs=0.15)
    for _ in range(15):
        page.keyboard.press("PageDown")
        page.keyboard.press("Shift+ArrowRight")
    low, side = frame_of(page)
    assert point_of(page)[0] == pytest.approx(low + side, abs=0.11)
    ring = page.locator("#latent-point")
    assert ring.get_attribute("role") == "slider" and ring.get_attribute("aria-label")
    said = page.locator("#latent-said", has_text=f"At {text(page, 'first')}")
    said.wait_for()


@pytest.mark.slow
def test_the_plane_shows_digits_or_what_is_drawn_there_and_comes_closer(page):
    marks = page.locator("#latent-ground .mark")
    assert marks.count() == 300
    assert sorted(set(marks.all_text_contents())) == list("0123456789")
    page.click("#latent-as-field")
    assert marks.count() == 0 and page.locator("#latent-field").is_visible()
    side = frame_of(page)[1]
    field = page.evaluate(
        "Array.from(document.querySelector('#latent-field').getContext('2d')"
        ".getImageData(0, 28 * 13, 28, 28).data)"
    )
    tile = (np.reshape(field, (784, 4))[:, 0] - 21) / (255 - 21)  # the lowest on the left
    chosen = decoded(page.evaluate("cnnbook.latent_digits.codes"), "<f4").reshape(-1, 2)
    middle = (chosen.min(axis=0) + chosen.max(axis=0)) / 2
    whole = 1.06 * np.ptp(chosen, axis=0).max()
    corner = middle - whole / 2 + whole / 28
    assert np.abs(tile - drawn_by_numpy(corner[None])[0]).max() < 0.01
    page.click("#latent-close")
    assert frame_of(page)[1] < 0.5 * side
    page.click("#latent-as-digits")
    assert 100 < marks.count() < 300
    pressed = page.locator("[aria-pressed=true]").all_inner_texts()
    assert pressed == ["Test digits", "Closer"]


@pytest.mark.slow
def test_a_walk_goes_straight_from_one_digit_to_another_and_stops_there(page):
    page.select_option("#latent-from", "1")
    page.select_option("#latent-to", "0")
    page.click("#latent-close")
    page.click("#latent-walk")
    assert text(page, "walk") == "Stop"
    page.locator("#latent-whole[aria-pressed=true]").wait_for()  # to see it all
    page.locator("#latent-way button:last-child.here").wait_for()
    page.wait_for_function("document.querySelector('#latent-walk').textContent === 'Walk'")
    assert page.locator("#latent-found b").first.inner_text() == "a 0"
    end = np.array(point_of(page))
    points = []
    for stop in page.locator("#latent-way button").all():
        stop.click()
        points.append(point_of(page))
    assert np.allclose(points, np.linspace(points[0], end, 9), atol=0.11)
    name = page.locator("#latent-way button").nth(4).get_attribute("aria-label")
    assert name == "Stop 5 of 9 on the way from 1 to 0"
    page.click("#latent-walk")
    page.click("#latent-walk")  # it can be stopped
    assert text(page, "walk") == "Walk"


@pytest.mark.slow
def test_who_wants_no_motion_walks_step_by_step(browser, site):
    with opened(browser, site, "latent", reduced_motion="reduce") as watched:
        page, points = watched.page, []
        assert text(page, "walk") == "One step"
        for _ in range(9):
            page.click("#latent-walk")
            points.append(point_of(page))
            page.wait_for_timeout(30)
            assert point_of(page) == points[-1]  # it stands
        assert np.allclose(points, np.linspace(points[0], points[-1], 9), atol=0.11)
        assert points[0] != points[-1]


@pytest.mark.slow
def test_a_finger_drags_the_ring_and_a_tap_moves_it(browser, site):
    with opened(browser, site, "latent", *WIDTHS["phone"], has_touch=True) as watched:
        page = watched.page
        page.locator("#latent-plane").scroll_into_view_if_needed()
        before, box = point_of(page), page.locator("#latent-plane").bounding_box()
        page.touchscreen.tap(box["x"] + 0.3 * box["width"], box["y"] + 0.6 * box["height"])
        assert point_of(page) != before
        kinds = page.evaluate(
            "['plane', 'point'].map((name) =>"
            " getComputedStyle(document.querySelector(`#latent-${name}`)).touchAction)"
        )
        assert kinds == ["manipulation", "none"]  # one scrolls over the plane, not over the ring


@pytest.mark.slow
def test_the_check_against_keras_holds_and_fails_on_another_drawing(page):
    page.click("#latent-check")
    page.wait_for_selector("#latent-checked[data-fine=yes]")
    assert "The same 6 drawings" in text(page, "checked")
    page.evaluate("cnnbook.bytes = ((old) => (t) => old(t).map((v) => v ^ 8))(cnnbook.bytes)")
    page.click("#latent-check")
    page.wait_for_selector("#latent-checked[data-fine=no]")
    assert "Not the same" in text(page, "checked")


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_everybody_can_use_the_page(browser, site, size, dark):
    with opened(browser, site, "latent", *WIDTHS[size], dark) as watched:
        page = watched.page
        page.click("#latent-way button:nth-child(4)")
        assert watched.axe() == []
        press_at(page, 0.9, 0.9)
        page.click("#latent-as-field")
        assert watched.axe() == []
        assert watched.sideways() == 0
        assert too_small(page) == []
        contrasts = page.evaluate(CONTRASTS)
        assert len(contrasts) == 10 and min(contrasts) >= 4.5
        if folder := os.environ.get("CNNBOOK_SCREENSHOTS"):
            shade = "dark" if dark else "light"
            page.screenshot(path=Path(folder) / f"latent_{size}_{shade}.png", full_page=True)


CONTRASTS = """() => { // of the ten colours of the marks on the ground of the plane
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (color) => {
    pen.fillStyle = color;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  document.querySelector("#latent-as-digits").click();
  const plane = light(getComputedStyle(document.querySelector("#latent-plane")).backgroundColor);
  return Array.from({ length: 10 }, (_, k) => {
    const mark = light(getComputedStyle(document.querySelector(`#latent-ground .d${k}`)).fill);
    return (Math.max(mark, plane) + 0.05) / (Math.min(mark, plane) + 0.05);
  });
}"""


@pytest.mark.slow
def test_without_scripts_a_picture_stands_there(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.as_uri())
    assert page.locator("#live-latent .still img").is_visible()
    assert not page.locator("#latent-walk").is_visible()
    context.close()


@pytest.mark.slow
def test_what_cannot_be_loaded_is_said_below_the_picture(browser, site):
    page = browser.new_page()
    page.route("**/latent_digits.js", lambda route: route.abort())
    page.goto(site.as_uri())
    page.locator(
        "#live-latent .still p", has_text="latent_digits.js could not be loaded"
    ).wait_for()
    assert not page.locator("#latent-walk").is_visible()
    page.close()
