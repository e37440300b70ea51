"""Train it here: loss, slopes and steps against NumPy and Keras, and the page as one uses it."""

import base64
import json

import numpy as np
import pytest
from browser import WIDTHS, Watched
from live_pieces import in_node, opened, opened_again, too_small, write_pages

from cnnbook.book._train_checks import BATCH, RATE, train_checks

PIXELS, TARGETS = np.array([0.2, 0.4]), np.array([0.5, 1.0])
DATA = """
const data = { images: Uint8Array.from(given.images), labels: Uint8Array.from(given.labels) };
const unseen = { images: data.images.slice(0, 40 * 196), labels: data.labels.slice(0, 40) };
"""


def valley_loss(w):
    return np.mean((w * PIXELS - TARGETS) ** 2)


def spots(count=120, seed=0):
    """Pictures of noise with a bright spot at a place of their class, (count, 196), and classes."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count)
    images = random.integers(0, 90, (count, 196))
    images[np.arange(count), labels * 14] = 255
    return images.astype("uint8"), labels.astype("uint8")


def given_spots():
    images, labels = spots()
    return {"images": images.ravel().tolist(), "labels": labels.tolist()}


def numpy_gradient(kernel, bias, pixels, labels):
    logits = pixels @ kernel + bias
    logits -= logits.max(axis=1, keepdims=True)
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss = -np.log(p[np.arange(len(labels)), labels]).mean()
    p[np.arange(len(labels)), labels] -= 1
    return loss, pixels.T @ p / len(labels), p.mean(axis=0)


# ---- One weight ----


def test_the_valley_is_that_of_chapter_3():
    code = """
    const { valley, gait } = sums, walk = (rate, steps) => {
      const path = [1];
      for (let i = 0; i < steps; i++) path.push(path[i] - rate * valley.slope(path[i]));
      return path;
    };
    return { bottom: valley.bottom, losses: given.places.map(valley.loss), path: walk(1, 10),
             slopes: given.places.map(valley.slope),
             gaits: given.rates.map((rate) => gait(walk(rate, 3)).word), begin: gait([1]).word };
    """
    places, rates = [-1.5, 0, 1, 2, 2.5, 3, 6.6], [0.2, 3, 5, 9, 10, 10.6]
    found = in_node("train_sums.js", code, places=places, rates=rates)
    assert found["bottom"] == pytest.approx(2.5)
    assert found["losses"] == pytest.approx([valley_loss(w) for w in places])
    felt = [(valley_loss(w + 1e-6) - valley_loss(w - 1e-6)) / 2e-6 for w in places]
    assert found["slopes"] == pytest.approx(felt, abs=1e-6)
    printed = [1, 1.3, 1.54, 1.73, 1.89, 2.01, 2.11, 2.19, 2.25, 2.3, 2.34]  # in the chapter
    assert np.round(found["path"], 2).tolist() == printed
    words = ["crawls", "nears", "arrives", "overshoots", "swings", "climbs"]
    assert found["gaits"] == words and found["begin"] == "waits"


# ---- Softmax regression ----


def test_loss_and_gradient_are_those_of_numpy():
    images, labels = spots()
    random = np.random.default_rng(5)
    kernel, bias = random.normal(size=(196, 10)), random.normal(size=10)
    batch = random.permutation(120)[:17]
    code = f"""{DATA}
    const model = sums.zeros(196);
    model.kernel.set(given.kernel);
    model.bias.set(given.bias);
    const {{ loss, right, kernel, bias }} = sums.gradient(model, data, given.batch);
    return {{ loss, right, kernel: Array.from(kernel), bias: Array.from(bias) }};
    """
    more = {"kernel": kernel.ravel().tolist(), "bias": bias.tolist(), "batch": batch.tolist()}
    ours = in_node("train_sums.js", code, **given_spots(), **more)
    pixels = images[batch] / 255
    loss, slopes, slopes_of_bias = numpy_gradient(kernel, bias, pixels, labels[batch])
    assert ours["loss"] == pytest.approx(loss)
    assert np.abs(np.reshape(ours["kernel"], (196, 10)) - slopes).max() < 1e-12
    assert np.abs(np.array(ours["bias"]) - slopes_of_bias).max() < 1e-12
    right = np.argmax(pixels @ kernel + bias, axis=1) == labels[batch]
    assert ours["right"] == right.sum()


RUN = f"""{DATA}
const run = new sums.Run(data, unseen, {{ rate: given.rate, batch: given.batch, seed: 3 }});
const losses = [], order = [];
while (run.epochs < given.epochs) {{
  if (run.at === 0) order.push(Array.from(run.order));
  losses.push(run.next());
}}
return {{ losses, order, kernel: Array.from(run.model.kernel), bias: Array.from(run.model.bias),
  epochLosses: run.epochLosses, accuracies: run.accuracies, verdict: run.verdict,
  steps: run.steps, points: run.losses }};
"""


def test_two_epochs_are_those_of_numpy_on_the_same_batches():
    ours = in_node("train_sums.js", RUN, **given_spots(), rate=0.4, batch=32, epochs=2)
    images, labels = spots()
    kernel, bias, losses = np.zeros((196, 10)), np.zeros(10), []
    for order in ours["order"]:
        assert sorted(order) == list(range(120))
        for start in range(0, 120, 32):
            batch = order[start : start + 32]
            pixels = images[batch] / 255
            loss, slopes, slopes_of_bias = numpy_gradient(kernel, bias, pixels, labels[batch])
            kernel, bias = kernel - 0.4 * slopes, bias - 0.4 * slopes_of_bias
            losses.append(loss)
    assert ours["order"][0] != ours["order"][1]
    assert ours["steps"] == len(losses) == 8  # three batches of 32 and one of 24, twice
    assert ours["losses"] == pytest.approx(losses) and losses[0] == pytest.approx(np.log(10))
    assert np.abs(np.reshape(ours["kernel"], (196, 10)) - kernel).max() < 1e-9
    means = [np.average(losses[i : i + 4], weights=[32, 32, 32, 24]) for i in (0, 4)]
    assert ours["epochLosses"] == pytest.approx(means)
    answers = np.argmax(images[:40] / 255 @ kernel + bias, axis=1)
    assert ours["accuracies"][-1] == pytest.approx([2, np.mean(answers == labels[:40])])


def test_the_shuffling_follows_from_the_seed():
    code = "return given.seeds.map((seed) => Array.from(sums.shuffled(50, sums.randomFrom(seed))));"
    first, again, other = in_node("train_sums.js", code, seeds=[1, 1, 2])
    assert first == again != other and sorted(other) == list(range(50))
    code = "const random = sums.randomFrom(42); return [random(), random(), random()];"
    expected = [0.6011037519201636, 0.44829055899754167, 0.8524657934904099]  # mulberry32(42)
    assert in_node("train_sums.js", code) == expected


@pytest.mark.parametrize(
    ("rate", "batch", "epochs", "verdict"),
    [
        (1e-5, 32, 1, "hardly moves"),
        (0.3, 4, 1, "begins"),
        (0.3, 32, 3, "falls"),
        (3000, 8, 2, "worse than guessing"),
        (1e-5, 120, 4, "is level"),
    ],
)
def test_what_happened_is_told_from_the_numbers(rate, batch, epochs, verdict):
    ours = in_node("train_sums.js", RUN, **given_spots(), rate=rate, batch=batch, epochs=epochs)
    assert ours["verdict"] == verdict


@pytest.fixture(scope="module")
def stored():
    images, labels = spots()
    images = images.reshape(-1, 14, 14)
    text = train_checks(images, labels, images[:40], labels[:40])
    return json.loads(text.removeprefix("window.CNN_TRAIN_CHECKS = ").rstrip(";\n"))


@pytest.mark.slow
def test_losses_and_weights_of_an_epoch_are_those_of_keras(stored):
    code = f"""{DATA}
    const model = sums.zeros(196), losses = [];
    for (let start = 0; start + given.batch <= 120; start += given.batch) {{
      const batch = Array.from({{ length: given.batch }}, (_, i) => start + i);
      const slopes = sums.gradient(model, data, batch);
      sums.step(model, slopes, given.rate);
      losses.push(slopes.loss);
    }}
    return {{ losses, kernel: Array.from(model.kernel), ...sums.judge(model, unseen) }};
    """
    ours = in_node("train_sums.js", code, **given_spots(), batch=BATCH, rate=RATE)
    assert len(ours["losses"]) == 3
    assert ours["losses"] == pytest.approx(stored["losses"], abs=1e-4)
    assert ours["accuracy"] == stored["accuracy"]
    kernel = np.frombuffer(base64.b64decode(stored["kernel"]), "<f4")
    assert np.abs(np.array(ours["kernel"]) - kernel).max() < 1e-4


# ---- The page, in Chromium, from the disk ----


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    return write_pages(folder, "photos", "small_digits")["train_it_here"]


@pytest.fixture(scope="module")
def window(browser):
    """One window for all tests that need no other."""
    watched = Watched(browser, reduced_motion="reduce")
    yield watched
    watched.page.close()


@pytest.fixture
def page(window, site):
    watched = opened_again(window, site, "train")
    yield watched.page
    assert watched.faults == []


def text(page, name):
    return page.locator(f"#train-{name}").inner_text()


def numbers(row):
    return [
        float(cell.replace("−", "-").replace(",", "").removesuffix("\xa0%"))
        for cell in row.locator("td").all_inner_texts()
    ]


def choose_rate(page, rate):
    """Move the slider of the one weight, as a hand does."""
    page.locator("#train-rate").fill(str(rate))


def slide(page, name, value):
    """Move a slider of the digits to a place by the keyboard."""
    slider = page.locator(f"#train-{name}")
    slider.focus()
    page.keyboard.press("Home")
    for _ in range(value):
        page.keyboard.press("ArrowRight")


def learn(page, epochs):
    """Play until a run has seen so many epochs, then pause."""
    page.select_option("#train-pace", label="fast")
    page.click("#train-play")
    page.wait_for_function(
        "(epochs) => Number(document.querySelector('#train-runs .now td:nth-child(4)').textContent)"
        " >= epochs",
        arg=epochs,
    )
    if text(page, "play") == "Pause":
        page.click("#train-play")


@pytest.mark.slow
def test_a_step_in_the_valley_writes_its_numbers_and_draws_the_ball(page):
    page.click("#train-one")
    rows = page.locator("#train-steps tr")
    assert numbers(rows.nth(0)) == [0, 1, -0.3, 0.225]
    assert numbers(rows.nth(1)) == [1, 1.3, -0.24, 0.144]
    assert "1 − 1 × (−0.3) = 1.3" in text(page, "said")
    ball = page.locator("#train-ball")
    assert ball.get_attribute("aria-valuetext") == "w 1.3, loss 0.144"
    assert "brightness(0.52)" in page.locator("#train-photo").get_attribute("style")
    choose_rate(page, 5)
    page.click("#train-one")
    assert "It has arrived: the bottom is at 2.5" in text(page, "said")
    page.click("#train-again")
    assert rows.count() == 1 and "the slope −0.3" in text(page, "said")


@pytest.mark.slow
def test_rates_crawl_overshoot_and_climb_out_of_the_valley(page):
    for rate, words in ((0.2, "It crawls: 96 %"), (9, "overshoots"), (10.6, "climbs out")):
        choose_rate(page, rate)
        page.click("#train-again")
        page.click("#train-one")
        page.click("#train-one")
        assert words in text(page, "said"), rate
    before = numbers(page.locator("#train-steps tr").last)[3]
    page.click("#train-one")
    assert numbers(page.locator("#train-steps tr").last)[3] > before


@pytest.mark.slow
def test_a_rate_to_try_waits_at_the_start_until_one_presses_play(page):
    page.locator("#train-gaits button", has_text="5: one step").click()
    assert "Press Play to walk with rate 5" in text(page, "said") and text(page, "walk") == "Play"
    page.click("#train-one")
    assert "It has arrived: the bottom is at 2.5" in text(page, "said")
    height = page.locator(".train .works").bounding_box()["height"]
    page.locator("#train-gaits button", has_text="3: arrives").click()
    assert page.locator("#train-steps tr").count() == 1
    page.click("#train-walk")
    assert text(page, "walk") == "Pause"
    page.locator("#train-said", has_text="It has arrived").wait_for()
    assert text(page, "walk") == "Play"
    assert page.locator(".train .works").bounding_box()["height"] == height  # nothing is pushed
    rows = page.locator("#train-steps tr").all_inner_texts()
    assert len(rows) == 6 and all("0" not in row.split("\t")[1:] for row in rows)
    assert "2.498 − 3 × (−0.00049) = 2.499" in text(page, "said")


@pytest.mark.slow
def test_the_ball_is_dragged_and_moved_by_keys(page):
    ball, place = page.locator("#train-ball"), page.locator("#train-valley").bounding_box()
    box = ball.bounding_box()
    page.mouse.move(box["x"] + 12, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] - 40, place["y"] + 100, steps=4)
    page.mouse.up()
    start = numbers(page.locator("#train-steps tr").first)
    assert start[1] > 5 and start[3] == pytest.approx(valley_loss(start[1]), abs=2e-3)
    assert "so a smaller weight is less wrong" in text(page, "said")
    page.keyboard.press("Home")
    assert ball.get_attribute("aria-valuenow") == "-1.60"
    page.keyboard.press("PageUp")
    page.keyboard.press("ArrowRight")
    assert numbers(page.locator("#train-steps tr").first)[1] == -0.5


@pytest.mark.slow
def test_one_batch_of_digits_is_that_of_numpy(page):
    page.click("#train-batch-one")
    row = page.locator("#train-runs .now")
    assert numbers(row)[:4] == [0.5, 32, 0, 1]
    texts = page.evaluate(
        """() => {
          const { train, test } = cnnbook.train_digits;
          const order = TrainSums.shuffled(train.labels.length, TrainSums.randomFrom(1));
          const batch = new Uint8Array(Uint16Array.from(order.slice(0, 32)).buffer);
          const parts = { images: train.images, labels: train.labels, unseen: test.images,
            unseen_labels: test.labels, batch };
          const text = (bytes) => btoa(Array.from(bytes, (it) => String.fromCharCode(it)).join(""));
          return Object.fromEntries(Object.entries(parts).map(([name, it]) => [name, text(it)]));
        }"""
    )
    types = {"batch": "<u2"}
    data = {
        name: np.frombuffer(base64.b64decode(text), types.get(name, "uint8"))
        for name, text in texts.items()
    }
    images, labels = np.reshape(data["images"], (-1, 196)) / 255, data["labels"]
    batch, unseen = data["batch"], np.reshape(data["unseen"], (-1, 196)) / 255
    _, slopes, bias = numpy_gradient(
        np.zeros((196, 10)), np.zeros(10), images[batch], labels[batch]
    )
    answers = np.argmax(unseen @ (-0.5 * slopes) - 0.5 * bias, axis=1)
    right = np.mean(answers == data["unseen_labels"])
    assert numbers(row)[5] == pytest.approx(100 * right, abs=0.05)
    marks = page.locator("#train-digits span").all_inner_texts()
    expected = [
        f"{answer} {'✓' if answer == label else '✗'}"
        for answer, label in zip(answers[:20], data["unseen_labels"][:20], strict=True)
    ]
    assert marks == expected


@pytest.mark.slow
def test_runs_stand_side_by_side_and_a_sentence_says_what_happened(page):
    learn(page, 2)
    first = numbers(page.locator("#train-runs tr").first)
    assert first[5] > 80 and first[4] < 1
    assert "Run A" in text(page, "told") and "falling" in text(page, "told")
    slide(page, "sgd-rate", 0)  # 0.001
    assert "A new run, rate 0.001" in text(page, "told")
    learn(page, 1)
    assert "Run B" in text(page, "told") and numbers(page.locator("#train-runs .now"))[4] > 2.2
    slide(page, "sgd-rate", 12)  # 50
    learn(page, 1)
    told = text(page, "told")
    assert "very sure of its mistakes" in told and "After the same" in told
    names = page.locator("#train-runs th").all_inner_texts()
    assert [name.strip() for name in names] == ["A", "B", "C"]
    assert numbers(page.locator("#train-runs tr").first) == first  # it stood still meanwhile
    for chart in ("loss", "right"):
        assert page.locator(f"#train-{chart} polyline[class*=run-]").count() == 3
    slide(page, "size", 7)  # all digits in one batch; the oldest run makes room
    learn(page, 2)
    names = page.locator("#train-runs th").all_inner_texts()
    assert [name.strip() for name in names] == ["B", "C", "A"]
    _, batch, epochs, steps, *_ = numbers(page.locator("#train-runs .now"))
    assert batch == 2000 and steps == epochs >= 2  # all of them at each step
    page.click("#train-clear")
    assert page.locator("#train-runs tr").count() == 1


@pytest.mark.slow
def test_three_rates_learn_side_by_side_on_the_same_digits(page):
    page.select_option("#train-pace", label="fast")
    page.click("#train-race-rates")
    page.locator("#train-told", has_text="After the same 3 epochs").wait_for()
    rows = [numbers(row) for row in page.locator("#train-runs tr").all()]
    assert [row[0] for row in rows] == [50, 0.01, 0.5]
    assert [row[1:4] for row in rows] == [[32, 3, 189]] * 3
    assert rows[0][4] > np.log(10) > rows[1][4] > rows[2][4]
    told = text(page, "told").replace("\xa0", " ")
    assert "Run A, 3 epochs: its loss is" in told
    assert "worse than the 2.30 of guessing" in told and "Run C, 3 epochs: the loss" in told
    for name, row in zip("ABC", rows, strict=True):
        assert f"{name} {row[5]} %" in told
    assert text(page, "whose").strip() == "in run C"
    page.click("#train-reset")
    assert [numbers(row)[3] for row in page.locator("#train-runs tr").all()] == [0, 0, 0]


@pytest.mark.slow
def test_the_same_run_gives_the_same_numbers_and_the_page_stays_awake(page):
    page.evaluate(
        "new PerformanceObserver((list) => { window.longest = Math.max(window.longest ?? 0,"
        " ...list.getEntries().map((it) => it.duration)); }).observe({ type: 'longtask' })"
    )
    slide(page, "size", 7)
    slide(page, "sgd-rate", 7)
    for _ in range(6):
        page.click("#train-batch-one")
    first = numbers(page.locator("#train-runs .now"))
    page.click("#train-reset")
    assert numbers(page.locator("#train-runs .now"))[3] == 0
    for _ in range(6):
        page.click("#train-batch-one")
    assert numbers(page.locator("#train-runs .now")) == first
    slide(page, "size", 0)  # batches of one digit, as fast as it can
    learn(page, 0.5)
    assert page.evaluate("window.longest ?? 0") < 500  # milliseconds, on a busy machine


@pytest.mark.slow
def test_weights_become_pictures_of_their_digits(page):
    learn(page, 1)
    ink = page.evaluate(
        """() => [...document.querySelectorAll("#train-templates canvas")].map((canvas) =>
          Array.from(canvas.getContext("2d").getImageData(0, 0, 14, 14).data))"""
    )
    zero = np.reshape(ink[0], (14, 14, 4)).astype(int)
    blueness = zero[..., 2] - zero[..., 0]
    assert len(ink) == 10
    assert blueness[6:8, 6:8].mean() < -20 < 0 < blueness[5:9, 3].mean()  # a hole, a ring


@pytest.mark.slow
def test_the_check_against_keras_holds_and_fails_on_another_answer(page):
    page.click("#train-check")
    page.wait_for_selector("#train-checked[data-fine=yes]")
    assert "62 steps" in text(page, "checked")
    page.evaluate("CNN_TRAIN_CHECKS.losses[40] += 0.001")
    page.click("#train-check")
    page.wait_for_selector("#train-checked[data-fine=no]")
    assert text(page, "checked").startswith("Not the same")


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_everybody_can_use_the_page(browser, site, size, dark):
    width, height = WIDTHS[size]
    with opened(browser, site, "train", width, height, dark) as watched:
        watched.page.locator("#train-gaits button").last.click()  # it climbs out
        watched.page.click("#train-walk")
        learn(watched.page, 0.3)
        slide(watched.page, "sgd-rate", 12)
        learn(watched.page, 0.3)
        assert watched.axe() == []
        assert watched.sideways() == 0
        assert too_small(watched.page) == []


@pytest.mark.slow
def test_without_scripts_a_picture_and_a_sentence_stand_there(browser, site):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site.as_uri())
    assert page.locator("#live-train .still :is(svg, img)").count() == 2
    assert page.locator("#live-train .still img").is_visible()
    assert not page.locator("#train-play").is_visible()
    context.close()


@pytest.mark.slow
def test_what_cannot_be_loaded_is_said_below_the_picture(browser, site):
    page = browser.new_page()
    page.route("**/train_digits.js", lambda route: route.abort())
    page.goto(site.as_uri())
    page.locator("#live-train .still p", has_text="train_digits.js could not be loaded").wait_for()
    assert not page.locator("#train-play").is_visible()
    page.close()
