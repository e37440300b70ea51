"""Draw a digit: its sums against NumPy and against its own engine, and its page as one uses it."""

import json
import re

import numpy as np
import pytest
from browser import WIDTHS, Watched
from live_pieces import WEB, in_node, opened, opened_again, too_small, write_pages

from cnnbook.arithmetic import convolve
from cnnbook.book import _live_data
from cnnbook.widgets.drawing_pad import center_drawing

LAYERS = ["rescaling", "conv1", "conv2", "pool", "norm2", "relu2", "conv3", "norm3", "relu3"]
TAKE = "const layer = { strides: given.stride, kernel_shape: given.kernel_shape, ...given.more };"


# ---- The sums, in Node ----


@pytest.mark.parametrize("activation", ["relu", "linear"])
def test_the_parts_of_a_convolution_add_up_to_that_of_the_book(activation):
    random = np.random.default_rng(3)
    images, kernel = random.normal(size=(9, 8, 3)), random.normal(size=(3, 3, 3, 4))
    bias = random.normal(size=4)
    code = f"""{TAKE}
    const weights = {{ kernel: given.kernel, bias: given.bias, kernel_shape: given.kernel_shape }};
    const input = {{ data: given.images, shape: [9, 8, 3] }};
    return [[0, 0], [3, 2], [1, 1]].map((cell) => {{
      const {{ value, parts, ...sum }} = sums.convolution(input, layer, weights, 2, cell);
      return [value, sum.sum, parts.map((part) => part.products), sums.ranking({{ parts }})];
    }});"""
    answers = in_node(
        "digits_sums.js",
        code,
        images=images.ravel().tolist(),
        kernel=kernel.ravel().tolist(),
        bias=bias.tolist(),
        kernel_shape=[3, 3, 3, 4],
        stride=2,
        more={"activation": activation},
    )
    expected = (convolve(images[None], kernel, strides=2) + bias)[0, :, :, 2]
    for (y, x), (value, total, products, ranks) in zip(
        [(0, 0), (3, 2), (1, 1)], answers, strict=True
    ):
        assert total == pytest.approx(expected[y, x])
        assert value == pytest.approx(max(expected[y, x], 0) if activation == "relu" else total)
        window = images[2 * y : 2 * y + 3, 2 * x : 2 * x + 3] * kernel[..., 2]
        assert np.allclose(products, window.reshape(9, 3).T)
        strength = np.abs(window.sum(axis=(0, 1)))
        assert ranks == np.argsort(-strength).tolist()


def test_scores_become_shares_as_in_numpy():
    scores = [2.0, -36.5, -12.4, 3.1]
    found = in_node("digits_sums.js", "return sums.shares(given.scores);", scores=scores)
    powers = np.exp(scores)
    assert found["powers"] == pytest.approx(powers.tolist())
    assert found["shares"] == pytest.approx((powers / powers.sum()).tolist())


def test_numbers_are_written_as_people_read_them():
    code = "return [given.plain.map((v) => sums.number(v)), given.shares.map(sums.percent)];"
    plain, shares = [-0.004, -0.25, 1234.5, 0], [1, 0.9999, 0.5, 0.0001, 0]
    numbers, percents = in_node("digits_sums.js", code, plain=plain, shares=shares)
    assert numbers == ["0.00", "−0.25", "1,234.50", "0.00"]
    assert [p.replace("\xa0", " ") for p in percents] == [
        "100 %",
        "> 99.9 %",
        "50.0 %",
        "< 0.1 %",
        "0 %",
    ]


def test_the_maps_shown_first_are_strong_and_unlike_each_other():
    ramp, wave = np.linspace(0, 1, 16), np.sin(np.arange(16) * 2)
    maps = np.stack([ramp * 5, ramp * 4, wave, np.zeros(16), 2 * wave], axis=1)
    code = "return sums.choose([{ data: given.maps, shape: [4, 4, 5] }], given.count);"
    for count, expected in [(2, [0, 4]), (3, [0, 3, 4]), (5, [0, 1, 2, 3, 4])]:
        assert in_node("digits_sums.js", code, maps=maps.ravel().tolist(), count=count) == expected


def test_the_text_names_as_many_digits_as_the_network_was_trained_on():
    record = json.loads((_live_data.data_file("digit_net/record.json")).read_text())
    assert f"{record['trained_on']:,} digits" in (WEB / "digits.md").read_text(encoding="utf-8")


# ---- The page, in Chromium, from the disk ----


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return write_pages(tmp_path_factory.mktemp("site"), "digits")["draw_a_digit"]


@pytest.fixture
def page(window, site):
    watched = opened_again(window, site, "digits")
    watched.page.locator(".digits .choices button").nth(11).wait_for()
    yield watched.page
    assert watched.faults == []


def settle(page):
    """Wait until what is drawn is answered: two frames, and the network's worker."""
    page.evaluate("""async () => {
      const frame = () => new Promise((done) => requestAnimationFrame(done));
      const net = await cnnbook.network("digits");
      for (let i = 0; i < 3; i++) { await frame(); await net.run(new Uint8Array(784), ["conv1"]); }
      await frame();
    }""")


def stroke(page, *points):
    """Draw from point to point with the mouse; points in shares of the pad."""
    pad = page.locator(".digits .pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for number, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
        if number == 0:
            page.mouse.down()
    page.mouse.up()
    settle(page)


def answer(page):
    return page.locator(".digits .answer").inner_text().replace("\xa0", " ")


def number_in(text):
    return float(re.sub(r"[=+ ,]", "", text).replace("−", "-"))


def take(page, digit):
    page.get_by_role("button", name=re.compile(f"Test digit: an? {digit}$")).first.click()
    settle(page)


def place_in_map(page):
    text = page.locator(".digits .output canvas").get_attribute("aria-valuetext")
    return text.split(":")[0]


def open_layer(page, layer):
    """Open a layer by the list of layers above the panel."""
    if not page.locator(".digits .panel").is_visible():
        page.click(".digits .follow")
    page.click(f".digits .trail [data-layer={layer}]")


def outputs_of(page, digit):
    """What the engine gives for a test digit: every layer, (height, width, maps)."""
    found = page.evaluate(
        """async (digit) => {
          const net = await cnnbook.network("digits"), { images, labels } = cnnbook.digits;
          const i = labels.indexOf(digit), { ms, ...out } = await net.run(
            images.subarray(784 * i, 784 * i + 784));
          return Object.entries(out).map(([name, { data, shape }]) => [name, [...data], shape]);
        }""",
        digit,
    )
    return {name: np.reshape(data, shape) for name, data, shape in found}


@pytest.mark.slow
def test_a_digit_drawn_with_the_mouse_is_read_and_strokes_are_taken_back(page):
    stroke(page, (0.5, 0.15), (0.5, 0.85))
    assert answer(page).startswith("It reads a 1, and is")
    assert page.locator(".digits .bars .best").get_attribute("data-digit") == "1"
    stroke(page, (0.5, 0.15), (0.25, 0.15))
    assert answer(page).startswith("It reads a 7")
    page.click(".digits .undo")
    settle(page)
    assert answer(page).startswith("It reads a 1")
    page.click(".digits .clear")
    settle(page)
    assert answer(page) == "Nothing is drawn yet."
    assert page.locator(".digits .undo").is_disabled()
    assert page.locator(".digits .bars .best").count() == 0


@pytest.mark.slow
def test_the_network_gets_the_drawing_as_the_book_centres_it(page):
    stroke(page, (0.2, 0.3), (0.45, 0.2), (0.35, 0.6))
    ink, seen = page.evaluate("""() => {
      const read = (name, channel) => {
        const canvas = document.querySelector(`.digits ${name}`), { width, height } = canvas;
        const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
        return Array.from({ length: width * height }, (_, i) => data[4 * i + channel]);
      };
      return [read(".pad", 3), read(".picture", 0)];
    }""")
    centred = center_drawing(np.reshape(ink, (224, 224)), 28, 28)
    drawn = 21 + (255 - 21) * centred / 255  # as it is painted, on the colour of the pad
    assert np.abs(np.reshape(seen, (28, 28)) - drawn).max() <= 1


@pytest.mark.slow
def test_of_fifty_pictures_in_one_moment_only_the_last_is_computed_and_answered(page):
    runs = page.evaluate("""async () => {
      const post = Worker.prototype.postMessage;
      const buttons = document.querySelectorAll(".choices button");
      let runs = 0;
      Worker.prototype.postMessage = function (message, ...more) {
        if (message.task === "run") runs += 1;
        return post.call(this, message, ...more);
      };
      for (let i = 0; i < 50; i++) buttons[(i + 5) % 10].click();
      await new Promise((done) => setTimeout(done, 500));
      return runs;
    }""")
    settle(page)
    assert answer(page).endswith("It is right: this is a 4.")
    assert 1 <= runs <= 2


@pytest.mark.slow
def test_the_keyboard_alone_chooses_a_digit_and_steps_through_a_sum(page):
    def tab_to(selector):
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("(it) => document.activeElement.matches(it)", selector):
                return
        raise AssertionError(f"Tab does not come to {selector}")

    page.evaluate("document.activeElement.blur()")
    tab_to(".choices button:nth-child(4)")
    page.keyboard.press("Enter")
    settle(page)
    assert "this is a 3" in answer(page)
    tab_to(".stages button")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.dataset.layer") == "conv2"
    assert page.locator(".digits .caption").inner_text().startswith("conv2.")
    page.keyboard.press("Enter")
    title = page.locator("#digits-panel-title")
    assert title.inner_text().startswith("conv2, map")
    assert page.evaluate("document.activeElement.id") == "digits-panel-title"
    said = set()
    for number in range(5):
        assert f"Step {number + 1} of 5" in page.locator(".digits .count").inner_text()
        said.add(page.locator(".digits .say").inner_text())
        if number < 4:
            page.keyboard.press("ArrowRight")
    assert len(said) == 5
    tab_to(".output canvas")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert (
        page.locator(".output canvas").get_attribute("aria-valuetext").startswith("Row 2, column 2")
    )
    page.keyboard.press("Escape")
    assert not page.locator(".digits .panel").is_visible()
    assert page.evaluate("document.activeElement.dataset.layer") == "conv2"


def rows_of(page):
    """The terms of the sum that is shown: exact value, text, and whether it is a sum."""
    return page.locator(".digits .account .term").evaluate_all(
        """(rows) => rows.map((row) => [Number(row.dataset.value),
          row.querySelector(".value").textContent, row.classList.contains("total"),
          row.classList.contains("to-come")])"""
    )


def check_rows(page, expected, what):
    rows = rows_of(page)
    value, text, is_sum, hidden = rows[-1]
    assert is_sum and not hidden, what
    assert value == pytest.approx(expected, abs=2e-5), what
    assert number_in(text) == pytest.approx(expected, abs=5.3e-4), what
    terms = [row for row in rows if not row[2]]
    totals = [row for row in rows if row[2]]
    if terms:
        assert sum(row[0] for row in terms) == pytest.approx(totals[0][0], abs=1e-9), what
        shown = sum(number_in(row[1]) for row in terms)
        assert shown == pytest.approx(totals[0][0], abs=6e-4 * len(rows)), what


def check_products(page, what):
    grids = page.locator(".digits .sums .numbers")
    if grids.count() == 3:
        read = "(all) => all.map((it) => it.textContent)"
        values, weights, products = (
            [number_in(text) for text in grid.locator("span").evaluate_all(read)]
            for grid in grids.all()
        )
        assert len(values) == len(weights) == len(products) in (9, 25), what
        for value, weight, product in zip(values, weights, products, strict=True):
            assert value * weight == pytest.approx(product, abs=0.02 + 0.005 * abs(value)), what


@pytest.fixture(scope="module")
def page_of_sums(browser, site):
    """A page that goes from layer to layer, and is not opened again for each."""
    with opened(browser, site, "digits") as watched:
        yield watched.page


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_the_sum_that_is_shown_is_the_number_of_the_engine(page_of_sums, layer):
    page = page_of_sums
    take(page, 3)
    output = outputs_of(page, 3)[layer]
    open_layer(page, layer)
    page.select_option(".digits .pace", "cells")
    place = page.locator(".digits .output canvas")
    for _ in range(2 if output.shape[2] > 1 else 1):
        title = page.locator("#digits-panel-title").inner_text()
        map_number = int(re.findall(r"map (\d+)", title)[0]) - 1 if "map" in title else 0
        place.focus()
        for keys in (["Home"], ["ArrowDown", "ArrowRight"], ["ArrowRight"], ["End"]):
            for key in keys:
                page.keyboard.press(key)
            text = place.get_attribute("aria-valuetext")
            y, x = (int(number) - 1 for number in re.findall(r"(\d+)(?=[,:])", text)[:2])
            what = f"{layer}, {title}, {text}"
            check_rows(page, output[y, x, map_number], what)
            check_products(page, what)
        for way in (".earlier", ".later"):  # to the next map, or to the one before
            if page.locator(f".digits .panel {way}:not([disabled])").is_visible():
                page.locator(f".digits .panel {way}").click()
                break


@pytest.mark.slow
def test_the_scores_and_their_shares_are_those_of_the_engine(page):
    take(page, 5)
    scores = outputs_of(page, 5)["logits"]
    shares = np.exp(scores) / np.exp(scores).sum()
    open_layer(page, "logits")
    for _ in range(3):
        page.click(".digits .next")
    for digit in (5, 0, 8):
        page.click(f".digits .shares [data-map='{digit}']")
        assert f"of the digit {digit}" in page.locator("#digits-panel-title").inner_text()
        check_rows(page, scores[digit], f"score of the {digit}")
        cells = page.locator(".digits .shares .chosen td").all_inner_texts()
        assert number_in(cells[0]) == pytest.approx(scores[digit], abs=0.006)
        shown = number_in(re.sub(r"[<>%\s]", "", cells[2])) / 100
        assert shown == pytest.approx(shares[digit], abs=0.0011)


@pytest.mark.slow
def test_each_of_the_last_numbers_can_be_pointed_at_and_is_that_of_the_engine(page):
    take(page, 5)
    maps = outputs_of(page, 5)["relu3"]
    weights = page.evaluate("""async () => {
      const net = await cnnbook.network("digits");
      return [...(await net.weights("logits")).kernel];
    }""")
    weights = np.reshape(weights, (3, 3, 128, 10))
    open_layer(page, "logits")
    page.click(".digits .next")
    sheet = page.locator(".digits .spread canvas")
    sheet.focus()
    seen = set()
    for keys in (["ArrowUp"] * 30 + ["ArrowLeft"] * 50, ["ArrowRight"] * 4, ["ArrowDown"] * 5):
        for key in keys:
            page.keyboard.press(key)
        text = sheet.get_attribute("aria-valuetext")
        k, y, x = (int(number) - 1 for number in re.findall(r"(?:Map|row|column) (\d+)", text))
        value, weight, product = map(number_in, re.split("[×=]", text.split(":")[1]))
        assert value == pytest.approx(maps[y, x, k], abs=0.0051)
        assert weight == pytest.approx(weights[y, x, k, 5], abs=0.0051)
        assert product == pytest.approx(maps[y, x, k] * weights[y, x, k, 5], abs=6e-4)
        seen.add((k, y, x))
    assert seen == {(0, 0, 0), (1, 0, 1), (17, 2, 1)}


@pytest.mark.slow
def test_all_incoming_maps_can_be_listed_and_still_add_up(page):
    take(page, 3)
    output = outputs_of(page, 3)["conv2"]
    open_layer(page, "conv2")
    page.locator(".digits .output canvas").focus()
    page.keyboard.press("Home")
    page.click(".digits .account .unfold")
    rows = rows_of(page)
    assert len(rows) == 32 + 2
    title = page.locator("#digits-panel-title").inner_text()
    expected = output[0, 0, int(re.findall(r"map (\d+)", title)[0]) - 1]
    check_rows(page, expected, title)
    assert page.evaluate("document.activeElement.textContent") == "Show fewer"
    page.locator(".digits .account button.label").nth(20).click()
    chosen = page.locator(".digits .account .chosen .label").inner_text()
    assert page.locator(".digits .input figcaption").inner_text().startswith(chosen)


@pytest.mark.slow
def test_a_number_is_followed_from_layer_to_layer_and_back(page):
    take(page, 7)
    page.click(".digits .follow")
    title, followed = page.locator("#digits-panel-title"), None
    for layer in LAYERS[1:]:
        assert title.inner_text().startswith(layer)
        ringed = page.locator(".digits .sums .numbers .best")
        if followed is not None and layer.startswith("conv"):
            assert number_in(ringed.inner_text()) == pytest.approx(followed, abs=0.006)
        while page.locator(".digits .ahead").is_hidden():
            page.click(".digits .next")
        followed = rows_of(page)[-1][0]
        page.click(".digits .ahead")
    assert title.inner_text() == "Score of the digit 7"
    for layer in reversed(LAYERS[1:]):
        page.click(".digits .from")
        assert title.inner_text().startswith(layer)


@pytest.mark.slow
def test_every_map_of_a_layer_can_be_opened(page):
    open_layer(page, "conv3")
    page.click(".digits .all summary")
    buttons = page.locator(".digits .sheet button")
    buttons.nth(127).wait_for()
    assert buttons.count() == 128
    buttons.nth(97).click()
    assert page.locator("#digits-panel-title").inner_text() == "conv3, map 98 of 128"
    assert buttons.nth(97).get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert page.locator("#digits-panel-title").inner_text() == "conv3, map 99 of 128"


@pytest.mark.slow
def test_the_window_slides_to_the_end_and_can_be_paused(page):
    open_layer(page, "pool")
    page.click(".digits .next")
    page.click(".digits .slide")
    page.locator(".digits .count", has_text="Place 3 of 25").wait_for()
    page.click(".digits .play")
    paused = page.locator(".digits .count").inner_text()
    page.wait_for_timeout(1000)
    assert page.locator(".digits .count").inner_text() == paused
    page.click(".digits .play")
    page.locator(".digits .speed input").fill("5")
    page.locator(".digits .count", has_text="Place 25 of 25").wait_for()
    assert page.locator(".digits .play").inner_text() == "Play"


@pytest.mark.slow
def test_the_window_follows_the_mouse_over_both_maps(page):
    open_layer(page, "conv1")
    page.select_option(".digits .pace", "cells")

    def at(side, x, y):
        canvas = page.locator(f".digits .{side} canvas")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        return place_in_map(page)

    assert at("output", 4.5 / 12, 7.5 / 12) == "Row 8, column 5"
    assert at("input", 12.5 / 28, 20.5 / 28) == "Row 10, column 6"  # pixels 19 to 23, 11 to 15
    assert at("input", 0.01, 0.99) == "Row 12, column 1"


@pytest.mark.slow
@pytest.mark.parametrize("size", WIDTHS)
def test_sentence_and_grids_stand_above_the_bar_at_each_step(browser, site, size):
    with opened(browser, site, "digits", *WIDTHS[size], False) as watched:
        page = watched.page
        page.click(".digits .follow")
        for step in range(3):
            page.wait_for_timeout(900)  # until it has been scrolled
            telling, sums, bar = (
                page.locator(f".digits .{name}").bounding_box()
                for name in ("telling", "sums", "controls")
            )
            assert telling["y"] >= 0 and telling["y"] + telling["height"] <= sums["y"], step
            assert sums["y"] + sums["height"] <= bar["y"], step
            assert bar["height"] < 56  # one line
            page.click(".digits .next")


@pytest.mark.slow
def test_a_panel_that_is_open_follows_the_drawing(page):
    open_layer(page, "conv1")
    before = page.locator(".digits .output canvas").get_attribute("aria-valuetext")
    page.click(".digits .clear")  # further up, where the panel is out of sight
    settle(page)
    page.locator(".digits .output").scroll_into_view_if_needed()
    page.wait_for_function(
        """(before) => document.querySelector(".digits .output canvas")
          .getAttribute("aria-valuetext") !== before""",
        arg=before,
    )


@pytest.mark.slow
def test_the_check_against_keras_tells_rounding_from_a_fault(page):
    page.click(".digits .check")
    page.locator(".digits .checked", has_text="the page computes what Keras computes").wait_for()
    assert "the same answer for 100" in page.locator(".digits .checked").inner_text()
    page.evaluate("""async () => {
      const net = await cnnbook.network("digits"), compare = net.compare;
      net.compare = async () => ({ ...await compare(), worst: 2e-4 });
    }""")
    page.click(".digits .check")
    page.locator(".digits .checked", has_text="something is wrong").wait_for()


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_everybody_can_use_the_page(browser, site, size, dark):
    width, height = WIDTHS[size]
    with opened(browser, site, "digits", width, height, dark) as watched:
        page = watched.page
        assert watched.sideways() == 0
        # axe takes two seconds: these layers have all that others have, and two windows of four do
        asked = ("conv2", "norm2", "logits") if (size == "phone") is dark else ("conv2",)
        for layer in ("conv1", "conv2", "pool", "norm2", "logits"):
            open_layer(page, layer)
            page.select_option(".digits .pace", "cells")  # everything is seen
            if layer == "conv2":  # all its maps at once
                page.click(".digits .all summary")
                page.locator(".digits .sheet button").nth(63).wait_for()
            if layer in asked:
                assert watched.axe() == [], layer
            assert watched.sideways() == 0, layer
            assert too_small(page) == [], layer


@pytest.mark.slow
def test_without_scripts_a_picture_and_a_sentence_stand_there(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.as_uri())
    assert page.locator("#live-digits .still svg").is_visible()
    assert page.locator("#live-digits .still p").is_visible()
    assert not page.locator("#live-digits .pad").is_visible()
    context.close()


@pytest.mark.slow
def test_a_network_that_cannot_be_loaded_is_named(browser, site, tmp_path):
    watched = Watched(browser)
    watched.page.route("**/digits_model.js", lambda route: route.abort())
    watched.open(site)
    text = watched.page.locator("#live-digits .still p")
    text.filter(has_text="digits_model.js could not be loaded").wait_for()
    watched.page.close()
