"""A kernel of your own: its sums against NumPy and Keras, and its page as a person uses it."""

import base64
import itertools
import json

import numpy as np
import pytest
from browser import WIDTHS, Watched
from live_pieces import in_node, opened, opened_again, too_small, write_pages
from PIL import Image

from cnnbook.arithmetic import convolve
from cnnbook.book._kernel_checks import kernel_checks

SETTINGS = list(itertools.product((3, 5), (1, 2, 3, 4), (0, 1, 2, 3, "same"), (1, 2, 3)))
CONVOLVE = """
return given.cases.map((it) => {
  const map = sums.convolve(it.picture, it.height, it.width, it.kernel, it);
  return { ...map, data: Array.from(map.data), columns: null, rows: null };
});
"""


def random_cases():
    """One picture of odd sides and one kernel for every setting that the page offers."""
    random = np.random.default_rng(7)
    names = ("size", "stride", "padding", "dilation")
    for settings in SETTINGS:
        case = dict(zip(names, settings, strict=True))
        height, width = random.integers(15, 24, 2)
        picture = random.integers(0, 256, (height, width))
        yield picture, random.normal(size=(case["size"], case["size"])), case


def dilated(kernel, dilation):
    """The same kernel with zeros between its numbers."""
    side = dilation * (len(kernel) - 1) + 1
    whole = np.zeros((side, side))
    whole[::dilation, ::dilation] = kernel
    return whole


def by_numpy(picture, kernel, stride, padding, dilation, size):
    zeros, mode = (0, "same") if padding == "same" else (padding, "valid")
    images = np.pad(picture, zeros)[None, :, :, None]
    weights = dilated(kernel, dilation)[:, :, None, None]
    return convolve(images, weights, strides=stride, padding=mode)[0, :, :, 0]


def test_the_page_convolves_as_the_book_for_every_setting_it_offers():
    cases = list(random_cases())
    given = [
        {
            "picture": picture.ravel().tolist(),
            "height": len(picture),
            "width": picture.shape[1],
            "kernel": kernel.ravel().tolist(),
        }
        | case
        for picture, kernel, case in cases
    ]
    for (picture, kernel, case), ours in zip(
        cases, in_node("kernel_sums.js", CONVOLVE, cases=given), strict=True
    ):
        expected = by_numpy(picture, kernel, **case)
        assert (ours["height"], ours["width"]) == expected.shape, case
        difference = np.abs(np.array(ours["data"]).reshape(expected.shape) - expected)
        assert difference.max() < 1e-3, case  # of values up to 3,000, in float32


@pytest.mark.slow
def test_the_page_convolves_as_keras_wherever_keras_does():
    import keras

    fits = [case for case in random_cases() if case[2]["stride"] == 1 or case[2]["dilation"] == 1]
    given = [
        {"picture": (picture / 255).ravel().tolist(), "height": len(picture)}
        | {"width": picture.shape[1], "kernel": kernel.ravel().tolist()}
        | case
        for picture, kernel, case in fits[::3]
    ]
    found = in_node("kernel_sums.js", CONVOLVE, cases=given)
    for (picture, kernel, case), ours in zip(fits[::3], found, strict=True):
        zeros, mode = (0, "same") if case["padding"] == "same" else (case["padding"], "valid")
        images = np.pad(picture, zeros)[None, :, :, None].astype("float32") / 255
        options = {"strides": case["stride"], "padding": mode, "dilation_rate": case["dilation"]}
        weights = kernel[:, :, None, None].astype("float32")
        theirs = keras.ops.conv(images, weights, data_format="channels_last", **options)
        answers = keras.ops.convert_to_numpy(theirs)[0, :, :, 0]
        assert np.abs(np.array(ours["data"]).reshape(answers.shape) - answers).max() < 1e-4, case


def test_the_products_that_are_written_out_add_up_to_the_map():
    code = """
    const { picture, kernel } = given;
    return given.settings.map((it) => {
      const map = sums.convolve(picture, 17, 17, kernel, it);
      const at = (i) => [Math.floor(i / map.width), i % map.width];
      const sum = (i) => sums.productsAt(picture, 17, 17, kernel, it, ...at(i))
        .reduce((total, { product }) => total + product, 0);
      return [Array.from(map.data), Array.from(map.data, (_, i) => sum(i))];
    });
    """
    random = np.random.default_rng(1)
    settings = [
        {"stride": stride, "padding": padding, "dilation": dilation}
        for size, stride, padding, dilation in SETTINGS
        if size == 5
    ]
    picture = random.integers(0, 256, 17 * 17).tolist()
    kernel = random.integers(-9, 10, 25).tolist()
    pairs = in_node("kernel_sums.js", code, picture=picture, kernel=kernel, settings=settings)
    assert all(drawn == written for drawn, written in pairs)


def test_pixels_that_no_number_meets_are_found():
    code = "return given.settings.map((it) => Array.from(sums.placesAlong(20, it.size, it).seen));"
    names = ("size", "stride", "padding", "dilation")
    settings = [dict(zip(names, each, strict=True)) for each in SETTINGS]
    answers = in_node("kernel_sums.js", code, settings=settings)
    for case, seen in zip(settings, answers, strict=True):
        met = [by_numpy(np.eye(20)[[j] * 20], np.ones((case["size"],) * 2), **case).any()
               for j in range(20)]  # fmt: skip
        assert seen == [int(each) for each in met], case
    example = dict(zip(names, (3, 4, 0, 1), strict=True))
    assert answers[settings.index(example)] == [1, 1, 1, 0] * 4 + [1, 1, 1, 0]


def test_kernels_are_turned_and_resized_as_numpy_does():
    code = "return [sums.rotated(given.k), sums.resized(given.k, 5), sums.resized(given.big, 3)];"
    kernel, big = np.arange(9).reshape(3, 3), np.arange(25).reshape(5, 5)
    given = {"k": kernel.ravel().tolist(), "big": big.ravel().tolist()}
    turned, larger, smaller = in_node("kernel_sums.js", code, **given)
    assert turned == np.rot90(kernel, -1).ravel().tolist()
    assert larger == np.pad(kernel, 1).ravel().tolist()
    assert smaller == big[1:4, 1:4].ravel().tolist()


def test_numbers_are_read_as_people_write_them():
    texts = [
        "2",
        "-0.5",
        "−3",
        "0,25",
        "1/9",
        "+.5",
        "",
        "x",
        "1/0",
        "2e3",
        "--1",
        "1e99",
        "9999999",
    ]
    code = "return given.texts.map(sums.numberFrom);"
    expected = [2, -0.5, -3, 0.25, 1 / 9, 0.5] + [None] * 7  # JSON has no NaN
    assert in_node("kernel_sums.js", code, texts=texts) == pytest.approx(expected)


# ---- The page, in Chromium, from the disk ----


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    return write_pages(folder, "photos", "kernels")["a_kernel_of_your_own"]


@pytest.fixture
def page(window, site):
    watched = opened_again(window, site, "kernel")
    yield watched.page
    assert watched.faults == []


def choose(page, name, value):
    """Press one of the buttons that touch."""
    page.locator(f"#kernel-{name} label", has=page.locator(f"[value='{value}']")).click()


def text(page, name):
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.locator(f"#kernel-{name}").inner_text()


def cells(page, name):
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    texts = page.locator(f"#kernel-{name} > span").all_inner_texts()
    return [float(each.replace("−", "-").replace(",", "")) for each in texts]


def weights(page):
    inputs = page.locator("#kernel-weights input")
    return [each.replace("−", "-") for each in inputs.evaluate_all("all => all.map(i => i.value)")]


def await_status(page, words):
    page.locator("#kernel-status", has_text=words).wait_for()


def size(page):
    return text(page, "map-size")


@pytest.mark.slow
def test_moving_over_the_map_writes_out_the_sum_of_that_place(page):
    canvas = page.locator("#kernel-map")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 20.5 / 106, box["y"] + box["height"] * 40.5 / 106)
    assert text(page, "patch-name") == "Window at row 41, column 21"
    products = np.array(cells(page, "patch")) * [-1, 0, 1, -2, 0, 2, -1, 0, 1]
    assert cells(page, "products") == products.tolist()
    total = page.locator("#kernel-written b").inner_text().replace("−", "-").replace(",", "")
    assert float(total.removeprefix("= ")) == products.sum()
    middle = cells(page, "patch")[4]
    page.locator("#kernel-presets button", has_text="copy").click()
    assert page.locator("#kernel-written b").inner_text() == f"= {middle:g}"  # the same place


@pytest.mark.slow
def test_arrow_keys_move_the_window_and_play_takes_it_to_the_end(page):
    choose(page, "side", 27)
    page.locator("#kernel-map").focus()
    for key in ("Home", "PageUp", "PageUp", "PageUp"):
        page.keyboard.press(key)
    assert text(page, "patch-name") == "Window at row 1, column 1"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    assert text(page, "patch-name") == "Window at row 2, column 1"
    await_status(page, "Row 2")
    page.keyboard.press("End")
    assert text(page, "patch-name") == "Window at row 2, column 25"
    page.select_option("#kernel-pace", label="quick")
    page.click("#kernel-play")
    await_status(page, "625 sums")
    assert text(page, "patch-name") == "Window at row 25, column 25"
    assert text(page, "play") == "Play"


@pytest.mark.slow
def test_the_size_formula_holds_the_numbers_chosen_and_says_what_is_left_out(page):
    letters = "W pixels a side, K of the kernel, P of the rim, S the step"
    assert text(page, "letters").replace("\xa0", " ") == f"{letters}."
    choose(page, "dilation", 2)
    distance = "D the distance between the kernel's numbers"
    assert text(page, "letters").replace("\xa0", " ") == f"{letters}, {distance}."
    assert "𝐷" in text(page, "formula")  # as MathML writes it
    choose(page, "dilation", 1)
    assert "𝐷" not in text(page, "formula")
    choose(page, "stride", 2)
    assert size(page) == "53 × 53"  # (108 - 3) / 2 + 1 = 53.5
    formula = text(page, "formula")
    assert "53.5" in formula and "rounded down" in formula
    assert "the last column and the last row are never looked at" in text(page, "meaning")
    choose(page, "padding", 1)
    assert size(page) == "54 × 54"
    assert "Only zeros of the padding" in text(page, "meaning")
    choose(page, "padding", "same")
    choose(page, "stride", 1)
    choose(page, "dilation", 3)
    choose(page, "size", 5)
    assert size(page) == "108 × 108"
    line = 'Conv2D(1, 5, padding="same", dilation_rate=3, use_bias=False)'
    assert text(page, "keras") == line
    assert "reaches over 13 pixels" in text(page, "meaning")
    choose(page, "stride", 4)
    assert size(page) == "27 × 27"
    assert page.locator("#kernel-refused").is_visible()  # Keras takes no strides with dilation


@pytest.mark.slow
def test_a_kernel_is_edited_flipped_turned_divided_and_wrong_numbers_are_named(page):
    first = page.locator("#kernel-weights input").first
    first.fill("1/2")
    assert page.locator("#kernel-presets [aria-pressed=true]").count() == 0
    before = cells(page, "products")[0]
    assert before == pytest.approx(cells(page, "patch")[0] / 2, abs=0.06)
    first.fill("two")
    assert first.get_attribute("aria-invalid") == "true"
    assert "“two” is not a number" in text(page, "status")
    assert cells(page, "products")[0] == before  # the last good number still counts
    page.keyboard.press("Tab")
    assert weights(page)[0] == "1/2" and first.get_attribute("aria-invalid") is None
    page.click("#kernel-flip")
    assert weights(page) == ["-1/2", "0", "-1", "2", "0", "-2", "1", "0", "-1"]
    page.click("#kernel-rotate")
    assert weights(page) == ["1", "2", "-1/2", "0", "0", "0", "-1", "-2", "-1"]
    page.locator("#kernel-presets button", has_text="sharpen").click()
    assert page.locator("#kernel-divide").is_disabled()  # its sum is 1
    page.locator("#kernel-weights input").nth(4).fill("8")
    page.click("#kernel-divide")
    assert weights(page)[4] == "2" and weights(page)[1] == "-0.25"
    assert "divided by 4" in text(page, "status")


def pixels_of(page, name, at):
    """Red, green and blue of a canvas at a place given in shares of its side."""
    return page.evaluate(
        """([name, x, y]) => {
          const c = document.querySelector(`#kernel-${name}`), context = c.getContext("2d");
          return Array.from(context.getImageData(x * c.width, y * c.height, 1, 1).data);
        }""",
        [name, *at],
    )[:3]


@pytest.mark.slow
def test_an_edge_is_blue_where_it_turns_brighter_and_orange_where_it_turns_darker(page, tmp_path):
    stripe = np.zeros((216, 216), "uint8")
    stripe[:, 72:144] = 255  # dark, bright, dark
    Image.fromarray(stripe).save(tmp_path / "stripe.png")
    page.set_input_files("#kernel-file", tmp_path / "stripe.png")
    await_status(page, "stripe.png")
    assert "has not left this machine" in text(page, "status")
    page.locator("#kernel-map").focus()
    for _ in range(12):
        page.keyboard.press("PageDown")  # the frame of the window is out of the way
    text(page, "map-size")
    left, right = (pixels_of(page, "map", ((x + 0.5) / 106, 0.3)) for x in (35, 71))
    assert left == [0, 114, 178] and right == [213, 94, 0]
    assert pixels_of(page, "map", (0.5, 0.3)) == [241, 239, 231]  # even: the ground
    page.click("#kernel-flip")
    text(page, "map-size")
    assert pixels_of(page, "map", (35.5 / 106, 0.3)) == right


@pytest.mark.slow
def test_what_is_no_picture_is_refused_and_a_picture_may_be_dropped(page, tmp_path):
    patch = cells(page, "patch")
    (tmp_path / "notes.txt").write_text("no picture")
    page.set_input_files("#kernel-file", tmp_path / "notes.txt")
    await_status(page, "cannot be opened")
    said = text(page, "status")
    assert "“notes.txt”" in said and "text/plain" in said and "PNG, JPEG" in said
    assert cells(page, "patch") == patch
    Image.new("RGB", (40, 30), (10, 200, 30)).save(tmp_path / "green.png")
    content = base64.b64encode((tmp_path / "green.png").read_bytes()).decode()
    page.evaluate(
        """(content) => {
          const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
          const data = new DataTransfer();
          data.items.add(new File([bytes], "green.png", { type: "image/png" }));
          document.querySelector("#kernel-drop").dispatchEvent(new DragEvent("drop",
            { dataTransfer: data, bubbles: true, cancelable: true }));
        }""",
        content,
    )
    await_status(page, "green.png, 40 × 30")
    assert set(cells(page, "patch")) == {round(0.299 * 10 + 0.587 * 200 + 0.114 * 30)}


@pytest.mark.slow
def test_the_check_against_keras_holds_and_fails_on_another_answer(page):
    page.click("#kernel-check")
    page.wait_for_selector("#kernel-checked[data-fine]")
    assert page.get_attribute("#kernel-checked", "data-fine") == "yes"
    assert "16 kernels" in text(page, "checked")
    page.evaluate("CNN_KERNEL_CHECKS.cases[3].kernel[0] += 0.01")
    page.click("#kernel-check")
    page.wait_for_selector("#kernel-checked[data-fine=no]")
    assert text(page, "checked").startswith("Not the same")


def test_the_stored_answers_are_those_of_the_book():
    stored = json.loads(kernel_checks().removeprefix("window.CNN_KERNEL_CHECKS = ").rstrip(";\n"))
    side = stored["side"]
    picture = np.frombuffer(base64.b64decode(stored["picture"]), "uint8").reshape(side, side)
    for case in stored["cases"]:
        kernel = np.reshape(case["kernel"], (int(len(case["kernel"]) ** 0.5),) * 2)
        settings = {name: case[name] for name in ("stride", "padding", "dilation")}
        expected = by_numpy(picture, kernel, size=len(kernel), **settings)
        answers = np.frombuffer(base64.b64decode(case["answers"]), "<f4")
        assert np.abs(answers.reshape(expected.shape) - expected).max() < 1e-2
    used = {(case["stride"], case["padding"], case["dilation"]) for case in stored["cases"]}
    assert len(used) > 8


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_everybody_can_use_the_page(browser, site, size, dark):
    width, height = WIDTHS[size]
    with opened(browser, site, "kernel", width, height, dark) as watched:
        assert watched.sideways() == 0
        choose(watched.page, "size", 5)
        choose(watched.page, "padding", "same")
        choose(watched.page, "stride", 4)
        watched.page.locator("#kernel-weights input").first.fill("x")
        assert watched.axe() == []
        assert watched.sideways() == 0
        assert too_small(watched.page) == []


@pytest.mark.slow
def test_without_scripts_a_picture_and_a_sentence_stand_there(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.as_uri())
    assert page.locator("#live-kernel .still img").count() == 2
    assert page.locator("#live-kernel .still img").first.is_visible()
    assert not page.locator("#kernel-map").is_visible()
    context.close()


@pytest.mark.slow
def test_what_cannot_be_loaded_is_said_below_the_picture(browser, site):
    page = browser.new_page()
    page.route("**/small_photos.js", lambda route: route.abort())
    page.goto(site.as_uri())
    page.locator("#live-kernel .still p", has_text="small_photos.js could not be loaded").wait_for()
    assert not page.locator("#kernel-map").is_visible()
    page.close()


@pytest.mark.slow
def test_photographs_are_loaded_when_the_piece_comes_near_and_no_more_than_it_needs(browser, site):
    far = site.with_name("far_down.html")
    above = '<p style="height: 4000px">A chapter stands above.</p>'
    far.write_text(site.read_text(encoding="utf-8").replace("<main>", f"<main>{above}"))
    watched, asked = Watched(browser), []
    watched.page.on("request", lambda request: asked.append(request.url.rpartition("/")[2]))
    page = watched.open(far)
    page.evaluate("new Promise((done) => setTimeout(done, 200))")  # some frames
    assert "kernel.js" in asked and not [name for name in asked if "photos" in name]
    page.locator("#live-kernel").scroll_into_view_if_needed()
    page.wait_for_selector("#live-kernel[data-ready=yes]")
    assert [name for name in asked if "photos" in name] == ["small_photos.js"]
    assert watched.faults == []
    page.close()
