"""The first page: what stands on it, and what a reader does there, in a real browser."""

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browser import WIDTHS, Watched

from cnnbook.book import _live, _live_data
from cnnbook.book._contents import BookPart, Chapter, read_contents
from cnnbook.book._example import find_example
from cnnbook.book._front import front_page, percent
from cnnbook.book._live import LIVE
from cnnbook.book._live_data import unseen_digits
from cnnbook.book._still import (
    LAYERS,
    SHOWN,
    different_maps,
    run_digit_net,
    still_answer,
)
from cnnbook.book._vignettes import CHAPTERS, PIECES, live_picture, vignette
from cnnbook.book.build import chapter_names
from cnnbook.book.record import read_record, refresh_figures

ROOT = Path(__file__).parents[2]
WEB = Path(_live.__file__).with_name("web")
EVIL = '<b>"A&B"</b>'
READ = {"00_before_you_start": True, "01_convolution": True}


class Tags(HTMLParser):
    """The tags of a page with their attributes, and whether each that opens is closed."""

    EMPTY = ("meta", "link", "br", "img", "path", "rect", "circle", "input")

    def __init__(self, html):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.EMPTY:
            assert self.open.pop() == tag

    def of(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


def page_of(folder, **more):
    """The first page of the book as it is."""
    names = chapter_names(folder)
    record = read_record(folder / "notebooks" / "claims.json")
    words = {
        "reading": {name: 10 + number for number, name in enumerate(names)},
        "running": {name: it["seconds"] for name, it in record["notebooks"].items()},
        "claims": len(record["claims"]),
        "example": find_example(folder),
        "pages": {"glossary.html": "Glossary", "reference/index.html": "Reference"},
    }
    return front_page(read_contents(folder, names), **words | more)


@pytest.fixture(scope="module")
def html():
    return page_of(ROOT)


def test_the_page_is_whole_and_every_id_is_there_once(html):
    tags = Tags(html)
    ids = [attrs["id"] for _, attrs in tags.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    inside = {attrs["href"][1:] for attrs in tags.of("a") if attrs["href"].startswith("#")}
    named = {attrs["aria-labelledby"] for _, attrs in tags.tags if "aria-labelledby" in attrs}
    assert inside | named <= set(ids)
    assert "$" not in re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)


def test_every_chapter_has_a_card_and_only_those_that_are_written_lead_somewhere(html):
    names = chapter_names(ROOT)
    assert html.count('<li class="card"') == len(names)
    assert html.count('<li class="card planned"') == 20 - len(names)
    assert html.count("being written") == 20 - len(names) + (len(names) < 20)
    chapters = re.findall(r'<a class="question" href="(\d\d_\w+)\.html"', html)
    assert chapters == names
    assert re.findall(r'<i data-page="(\w+)">', html) == names
    assert html.count("<i ") - html.count("<i style") == 20


def test_links_lead_to_pages_that_there_are(html):
    pages = {f"{name}.html" for name in [*chapter_names(ROOT), *LIVE.values()]}
    pages |= {f"{name}.html" for name in ("index", "claims", "search", "glossary")}
    pages |= {"reference/index.html"}
    found = {it["href"] for it in Tags(html).of("a") if not it["href"].startswith("#")}
    assert found == pages
    few = page_of(ROOT, has_live=False, pages={})
    found = {it["href"] for it in Tags(few).of("a") if not it["href"].startswith("#")}
    assert found == pages - {"glossary.html", "reference/index.html"} - {
        f"{page}.html" for page in LIVE.values()
    }


def test_nothing_is_loaded_from_elsewhere_and_all_that_is_loaded_is_there(html):
    assert not re.search(r"https?:|url\((?!data:)|[\"'(]//", html)
    tags = Tags(html)
    loaded = [it["href"] for it in tags.of("link")] + [
        it["src"] for it in tags.of("script") if "src" in it
    ]
    assert loaded == [
        *("_static/icon.svg", "_static/look.css", "_static/front.css"),
        *("_static/page.js", "_static/front.js"),
    ]
    for address in loaded:
        assert (WEB / address.removeprefix("_static/")).is_file()
    assert [it.get("defer", "no") for it in tags.of("script") if "src" in it] == [None] * 2
    assert len([it for it in tags.of("meta") if it.get("name") == "viewport"]) == 1
    for name in ("description", "og:title", "og:description"):
        found = [it for it in tags.of("meta") if name in (it.get("name"), it.get("property"))]
        assert len(found) == 1 and len(found[0]["content"]) > 20


def test_whatever_stands_in_titles_is_escaped():
    chapter = Chapter(3, "03_evil", EVIL, EVIL, f"Afterwards you can {EVIL}.", True)
    later = Chapter(4, "04", EVIL, EVIL, EVIL, False)
    parts = [BookPart(EVIL, EVIL, (chapter, later))]
    html = front_page(parts, reading={}, running={}, claims=1, has_live=False, pages={EVIL: EVIL})
    assert EVIL not in html and "<b>&quot;" not in html
    assert html.count("&lt;b&gt;") >= 9
    Tags(html)
    assert "<b>1</b> number checked" in html
    assert "One can be read today, and one is being written." in html


def test_a_book_of_two_chapters_without_a_plan_has_a_first_page(tmp_path):
    folder = tmp_path / "notebooks" / "source"
    folder.mkdir(parents=True)
    for name in ("01_one", "appendix"):
        (folder / f"{name}.py").write_text(f"# %% [markdown]\n# # {name}\n")
    assert find_example(tmp_path) is None
    html = page_of(tmp_path, has_live=False)
    Tags(html)
    assert "Two questions" in html and "Two chapters in one part" in html
    assert "Begin with chapter 1" in html and "canvas" not in html
    assert "being written" not in html and '<ol class="chain">' not in html


def test_a_chapter_that_is_left_out_of_a_build_is_not_said_to_be_unwritten(html):
    some = front_page(
        read_contents(ROOT, ["01_convolution"]), reading={}, running={}, claims=0, has_live=False
    )
    assert some.count("not among these pages") == html.count('<li class="card"') - 1
    assert "Begin with chapter 1" in some


def test_minutes_and_counts_are_those_of_the_record(html):
    record = read_record(ROOT / "notebooks" / "claims.json")
    assert f"<b>{len(record['claims']):,}</b> numbers checked" in html
    assert f"All {len(record['claims']):,} claims, chapter by chapter" in html
    for number, name in enumerate(chapter_names(ROOT)):
        minutes = max(1, round(record["notebooks"][name]["seconds"] / 60))
        card = html.split(f'data-page="{name}" data-number')[1].split("</li>")[0]
        assert f"{10 + number} min to read</span>, {minutes} min to run" in card


def test_the_example_is_a_sentence_of_the_book_with_its_figure_in_the_record(html):
    example = find_example(ROOT)
    record = read_record(ROOT / "notebooks" / "claims.json")
    source = (ROOT / "notebooks" / "source" / f"{example.chapter}.py").read_text()
    prose = " ".join(re.sub(r"\n# ?", " ", source).split())
    whole = f"{example.before}{example.figure}<!--claim:"
    assert whole in prose
    name = prose.split(whole)[1].split("-->")[0]
    entry = record["claims"][name]
    assert entry["notebook"] == example.chapter
    assert f"{entry['value']:.4g}" == example.value
    assert example.bound == f"{entry['rule']} {entry['bound']:.4g}"
    assert f'claim("{name}", {example.code}' in source.replace("\n    ", "")
    marked = f"{example.figure}<!--claim:{name}-->"
    assert refresh_figures(marked, record) == (marked, [])
    for text in (example.before.strip(), example.code, example.value, example.bound):
        assert text in html


@pytest.mark.slow
def test_the_example_is_another_one_where_the_first_is_gone(tmp_path):
    shutil.copytree(ROOT / "notebooks" / "source", tmp_path / "notebooks" / "source")
    record = json.loads((ROOT / "notebooks" / "claims.json").read_text())
    first = find_example(ROOT)
    for name, entry in record["claims"].items():
        if f"{entry['value']:.4g}" == first.value and entry["notebook"] == first.chapter:
            entry["rule"] = "equal to"  # a figure that cannot move shows nothing
            assert name
    (tmp_path / "notebooks" / "claims.json").write_text(json.dumps(record))
    other = find_example(tmp_path)
    assert other and other != first and other.before + other.after


@pytest.mark.parametrize(
    ("share", "text"),
    [
        *((0, ""), (0.0004, ""), (0.0006, "0.1 %"), (0.5, "50.0 %"), (0.9994, "99.9 %")),
        *((0.9996, "> 99.9 %"), (1, "> 99.9 %")),
    ],
)
def test_shares_are_written_as_people_read_them(share, text):
    assert percent(share) == text


def test_every_chapter_and_piece_has_a_picture_of_its_own():
    assert len(CHAPTERS) == 20 and set(PIECES) == set(LIVE)
    pictures = [vignette(number) for number in range(21)] + [live_picture(name) for name in LIVE]
    assert len(set(pictures)) == len(pictures)
    style = (WEB / "front.css").read_text()
    assert vignette(99) == vignette(20)
    for picture in pictures:
        Tags(picture)
        assert len(picture) < 10_000
        kinds = " ".join(re.findall(r'class="([^"]+)"', picture)).split()
        assert all(f".{kind} " in style or f".{kind}," in style for kind in kinds)


def test_the_icon_is_an_image_without_scripts():
    icon = (WEB / "icon.svg").read_text()
    assert icon.startswith("<svg") and "script" not in icon and icon.count("<rect") == 9
    assert icon.count("http") == 1  # its namespace


def test_the_still_picture_is_a_real_answer(html):
    still = still_answer()
    assert np.isclose(sum(still.probabilities), 1)
    assert int(np.argmax(still.probabilities)) == unseen_digits()[1][SHOWN] == 5
    assert "which it reads as a 5." in html
    assert f"{still.parameters:,} numbers" in html
    for name, count in LAYERS.items():
        maps = still.layers[name].maps
        assert len(set(maps)) == count and max(maps) < still.layers[name].count
        assert f'data-maps="{",".join(map(str, maps))}"' in html
    assert html.count("data:image/png;base64,") == 4


def test_maps_that_say_the_same_are_not_shown_twice():
    random = np.random.default_rng(0)
    values = random.normal(size=(5, 3, 3, 6))
    values[..., 4] = values[..., 1]
    assert not {1, 4} <= set(different_maps(values, 3))


@pytest.mark.slow
def test_the_still_picture_is_what_keras_says():
    import keras  # which takes its time

    from cnnbook._digit_weights import digit_weights
    from cnnbook.models.small_digit_net import build_trained_digit_net

    model, images = build_trained_digit_net(), unseen_digits()[0][:50]
    names = [*LAYERS, "logits"]
    outputs = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    ours = run_digit_net(digit_weights(), images)
    for name, theirs in zip(names, outputs([images[..., None]]), strict=True):
        np.testing.assert_allclose(ours[name], np.asarray(theirs), atol=1e-4)
    assert still_answer().parameters == model.count_params()


# In a browser ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory, html):
    """The first page with all that it loads, and an empty page for each that it leads to."""
    folder = tmp_path_factory.mktemp("site")
    static = folder / "_static"
    shutil.copytree(WEB / "fonts", static / "fonts")
    for name in ("look.css", "front.css", "page.js", "front.js", "icon.svg"):
        shutil.copy(WEB / name, static)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_live_data, "GROUPS", {"digits": _live_data.GROUPS["digits"]})
        _live.write_live_files(static)
    (folder / "index.html").write_text(html, encoding="utf-8")
    for name in [*chapter_names(ROOT), "claims"]:
        empty = f'<!doctype html><html lang="en"><title>{name}</title><h1>{name}</h1>'
        (folder / f"{name}.html").write_text(empty, encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser, site):
    """Open the first page as somebody comes to it; at the end nothing may have gone wrong."""
    pages = []

    def come(kept=None, ready=True, **more):
        watched = Watched(browser, **more)
        pages.append(watched)
        if kept:
            text = json.dumps(json.dumps(kept))
            watched.page.add_init_script(f"localStorage.cnnbook ??= {text}")
        watched.open(site / "index.html")
        if ready:
            watched.page.wait_for_selector(".live[data-ready]")
        return watched

    yield come
    faults = [fault for watched in pages for fault in watched.faults]
    for watched in pages:
        watched.page.close()
    assert faults == []


def wait_for_answer(page, words):
    page.wait_for_function(
        "(words) => document.querySelector('.answer').textContent === words", arg=words
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", WIDTHS)
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_keeps_nobody_out_and_fits(opened, size, dark):
    width, height = WIDTHS[size]
    watched = opened(width=width, height=height, dark=dark, reduced_motion="reduce")
    assert watched.page.evaluate("document.documentElement.dataset.theme") == (
        "dark" if dark else "light"
    )
    assert watched.axe() == []
    assert watched.sideways() == 0
    small = watched.page.evaluate(
        "[...document.querySelectorAll('button, nav a, .button, .quiet')].filter((it) =>"
        " it.offsetParent && it.offsetHeight < 24).map((it) => it.outerHTML)"
    )
    assert small == []


@pytest.mark.slow
def test_the_digits_that_a_hand_writes_are_read(opened):
    page = opened(reduced_motion="reduce").page
    for digit in range(10):
        page.click(f"[data-digit='{digit}']")
        wait_for_answer(page, f"It reads a {digit}.")
        assert page.locator(".answers .best").get_attribute("data-digit") == str(digit)
    shares = [
        float(share.strip("> %"))
        for share in page.locator(".answers em").all_inner_texts()
        if share
    ]
    assert abs(sum(shares) - 100) < 0.6


@pytest.mark.slow
def test_a_digit_drawn_with_the_mouse_is_read_and_wiped(opened):
    page = opened().page
    box = page.locator(".pad").bounding_box()

    def at(x, y):
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    for stroke in ([(0.35, 0.2), (0.32, 0.55), (0.75, 0.55)], [(0.66, 0.2), (0.6, 0.85)]):
        page.mouse.move(*at(*stroke[0]))
        page.mouse.down()
        for point in stroke[1:]:
            page.mouse.move(*at(*point), steps=10)
        page.mouse.up()
    wait_for_answer(page, "It reads a 4.")
    painted = page.evaluate(
        "[...document.querySelectorAll('[data-layer]')].map((it) =>"
        " new Set(it.getContext('2d').getImageData(0, 0, it.width, it.height).data).size > 9)"
    )
    assert painted == [True, True, True]
    page.click(".wipe")
    wait_for_answer(page, "Nothing is drawn yet.")
    assert page.locator(".answers .best").count() == 0


@pytest.mark.slow
def test_it_writes_by_itself_until_somebody_pauses_it(opened):
    page = opened().page
    wait_for_answer(page, "It reads a 2.")
    assert page.locator(".answer").get_attribute("aria-live") == "off"
    page.click(".pause")
    assert page.inner_text(".pause") == "Play"
    page.wait_for_timeout(3500)
    wait_for_answer(page, "It reads a 2.")


@pytest.mark.slow
def test_all_can_be_done_with_the_keyboard(opened):
    page = opened(kept={"read": READ}, reduced_motion="reduce").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        here = page.evaluate(
            "document.activeElement.dataset.digit ?? document.activeElement.className"
        )
        reached.add(here)
        if here == "7":
            page.keyboard.press("Enter")
            wait_for_answer(page, "It reads a 7.")
            assert page.locator(".answer").get_attribute("aria-live") == "polite"
    assert {"theme", "button", "forget", "wipe", "question", "0", "9"} <= reached
    page.focus(".forget")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.value") == "no"
    page.keyboard.press("Escape")
    assert not page.locator("dialog").is_visible()
    assert page.evaluate("localStorage.cnnbook") == json.dumps({"read": READ})


@pytest.mark.slow
def test_what_was_read_is_shown_and_can_be_forgotten(opened):
    kept = {"read": READ, "quiz": {"01_convolution/0": True}, "other": 1}
    page = opened(kept=kept, reduced_motion="reduce").page
    count = len(chapter_names(ROOT))
    words = page.inner_text("[data-count]")
    assert words.startswith(f"2 of {count} chapters read, 1 question answered, about ")
    assert page.locator(".card.done .read:visible").count() == 2
    assert page.locator(".strip .done").count() == 2
    assert page.locator(".strip .next").get_attribute("data-page") == "02_pooling"
    assert page.inner_text("[data-next]") == "Go on with chapter 2"
    assert page.locator("[data-next]").get_attribute("href").endswith("02_pooling.html")
    page.click(".forget")
    page.click("dialog [value=no]")
    assert page.inner_text("[data-count]") == words
    page.click(".forget")
    page.click("dialog [value=yes]")
    assert page.inner_text("[data-count]") == "Twenty chapters in six parts"
    assert page.evaluate("JSON.parse(localStorage.cnnbook)") == {"other": 1}
    assert page.locator(".card.done").count() == 0
    assert not page.locator(".forget").is_visible()
    assert page.inner_text("[data-next]") == "Begin with chapter 0"


@pytest.mark.slow
def test_one_who_comes_back_from_a_chapter_sees_it_ticked_off(opened):
    page = opened(reduced_motion="reduce").page
    page.click("[data-next]")
    page.wait_for_url("**/00_before_you_start.html")
    page.evaluate("localStorage.cnnbook = JSON.stringify({read: {'00_before_you_start': true}})")
    page.go_back()
    page.wait_for_selector(".card.done")
    assert page.inner_text("[data-count]").startswith("1 of ")


@pytest.mark.slow
def test_the_theme_is_kept_where_the_chapters_look_for_it(opened):
    page = opened(reduced_motion="reduce").page
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click(".theme")
    assert page.locator(".theme").get_attribute("aria-pressed") == "true"
    assert page.evaluate("[localStorage.mode, localStorage.theme]") == ["dark", "dark"]
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != ground


@pytest.mark.slow
def test_without_scripts_a_picture_and_a_sentence_stand_there(opened):
    watched = opened(ready=False, java_script_enabled=False)
    page = watched.page
    assert page.inner_text(".answer") == "A digit of MNIST, which it reads as a 5."
    assert page.locator("noscript span").inner_text().startswith("Scripts are off")
    for control in (".theme", ".wipe", ".pause", ".copy", ".forget"):
        assert not page.locator(control).is_visible(), control
    assert page.locator(".answers button:enabled").count() == 0


@pytest.mark.slow
def test_a_network_that_is_missing_is_said_to_be(browser, site, tmp_path):
    shutil.copytree(site, tmp_path / "site")
    (tmp_path / "site" / "_static" / "live" / "digits_model.js").unlink()
    watched = Watched(browser)
    page = watched.open(tmp_path / "site" / "index.html")
    page.wait_for_function(
        "() => document.querySelector('.answer').textContent.includes('could not be loaded')"
    )
    page.close()


@pytest.mark.slow
def test_the_three_commands_are_copied(opened):
    page = opened(ready=False).page
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.got = text; }")
    page.click(".copy")
    page.wait_for_function("() => document.querySelector('.copy').textContent === 'Copied'")
    assert page.evaluate("window.got") == "cd cnnbook\nmake setup\nmake lab"
