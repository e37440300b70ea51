"""A small chapter with every part that pages know, built and opened in a real browser."""

import re

import nbformat.v4 as nbf
import pytest
from browser import WIDTHS, Watched
from test_dress import CHART, HOLDS, MEASURED, PHOTO, code, picture, printed

from cnnbook.book._dress import dress, facts_line
from cnnbook.book._polish import lines_apart
from cnnbook.book._quiz import quiz_html, read_quiz
from cnnbook.book._site import Site
from cnnbook.book.pages import build_pages

GLOSSARY = """\
[[term]]
name = "loss"
sentence = "How wrong the answers are, in one number."
forms = ["losses"]
chapter = 3
"""
QUIZ = """\
[[question]]
question = "What is two and two?"
answers = ["three", "four"]
check = "answers[2 + 2 == 4]"
why = "Count your fingers."
"""
SIZED = picture(CHART)
SIZED.metadata = {"image/png": {"width": 30, "height": 20}}  # as notebooks give sharp pictures
CELLS = [
    nbf.new_markdown_cell(
        "# 3. How it learns\n\nThe *loss* says how wrong it is, and the loss falls. A formula,"
        " $a < b$, and a bare address: https://example.org/a_b.\n\n"
        'A source.[^one]\n\n[^one]: Somebody (1998), "A title".\n\n'
        "$$ L = \\frac{1}{N} \\sum_i z_i $$\n"
    ),
    code("import numpy as np", tags=["setup"]),
    nbf.new_markdown_cell("## A network with one weight\n\nText before."),
    code(f"if True:\n    value = [{', '.join(map(str, range(60)))}]", printed("four hundred")),
    code("heights = measured()", tags=["hide-input"]),
    code("figure = draw(heights)", SIZED, tags=["hide-input"]),
    nbf.new_markdown_cell("**Figure 3.1. A line.** It goes down the middle.\n\nText below."),
    code("show(photo)", picture(PHOTO)),
    code("table(runs)", printed("thirteen systems"), tags=["hide-input"]),
    code('claim("half", half, at_least=0.4)', printed(HOLDS), tags=["claims"]),
    nbf.new_markdown_cell("## Exercises\n\n1. *By hand.* Count.\n\n## Solutions\n\nDone."),
]


def chapter(head="", quiz=""):
    notebook = nbf.new_notebook(cells=CELLS, metadata={"language_info": {"name": "python"}})
    return dress(notebook, MEASURED, head, quiz, str)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("look")
    (folder / "glossary.toml").write_text(GLOSSARY)
    (folder / "quiz.toml").write_text(QUIZ)
    quiz = quiz_html(read_quiz(folder / "quiz.toml"))
    head = facts_line({"where": "Chapter 3", "nothing": "", "reading": "5 min to read"})
    whole = Site(
        title="A title",
        notebooks={"03_how": chapter(head, quiz), "04_next": chapter()},
        pages={"glossary": "# Glossary\n\nloss\n"},
        contents=[
            ("I · Seeing", [("3 · How", "03_how"), ("4 · Next", "04_next")]),
            ("More", [("Glossary", "glossary")]),
        ],
        files={"_static/glossary.js": 'window.GLOSSARY = {"term-loss": ["loss", "How wrong."]};'},
        questions={"04_next": "And then?"},
        descriptions={"03_how": "Who writes the <weights>?"},
        glossary=folder / "glossary.toml",
    )
    return build_pages(whole.write_source, whole.finish, folder / "book").parent


@pytest.fixture(scope="module")
def text(site):
    return (site / "03_how.html").read_text()


pytestmark = pytest.mark.slow


def test_a_picture_its_caption_and_its_folded_code_are_one_figure(text):
    [figure] = re.findall(r'<figure class="plate chart".*?</figure>', text, re.DOTALL)
    assert 'id="figure-3-1"' in figure
    caption = re.search(r"<figcaption>(.*?)</figcaption>", figure, re.DOTALL)[1]
    assert "It goes down the middle." in caption and "Text below" not in caption
    assert figure.index("<img") < figure.index("<figcaption>") < figure.index("Code of this figure")
    assert "figure = draw(heights)" in re.sub("<[^>]*>", "", figure)


def test_a_picture_without_a_caption_is_a_figure_below_its_code(text):
    [figure] = re.findall(r'<figure class="plate photo".*?</figure>', text, re.DOTALL)
    assert "figcaption" not in figure and "show" not in re.sub("<[^>]*>", "", figure)
    assert text.index(">show<") < text.index(figure)


def test_code_that_prepares_a_figure_is_folded_with_it(text):
    figures = re.findall(r"<figure.*?</figure>", text, re.DOTALL)
    plain = re.sub("<[^>]*>", "", figures[0])
    assert "heights = measured()" in plain and "draw(heights)" in plain
    assert "Code for later" not in text


def test_what_a_folded_cell_says_is_not_folded(text):
    folds = "".join(re.findall(r"<details.*?</details>", text, re.DOTALL))
    assert "table" in re.sub("<[^>]*>", "", folds) and "Code of this table" in folds
    assert "thirteen systems" in text and "thirteen systems" not in folds


def test_pictures_are_webp_know_their_size_and_wait(site, text):
    tags = re.findall(r"<img [^>]*_images[^>]*>", text)
    assert len(tags) == 2
    for tag in tags:
        assert 'loading="lazy"' in tag and 'width="60"' in tag and 'height="40"' in tag
        assert re.search(r'src="_images/[0-9a-f]+\.webp"', tag)
        assert not re.search(r'alt="(|[^" ]*\.\w+|[0-9a-f]+)"', tag), tag
    assert not list(site.glob("_images/*.png"))
    assert "image-reference" not in text  # a link to a picture that is no more


def test_the_first_use_of_a_word_is_explained_and_only_the_first(text):
    assert len(re.findall(r'<a class="term[^>]*href="glossary.html#term-loss"', text)) == 1


def test_formulas_are_mathml_and_addresses_links(text):
    assert text.count("<math") == 2 and "<mfrac>" in text and "$" not in re.sub("<[^>]*>", "", text)
    assert 'href="https://example.org/a_b"' in text


def test_a_source_is_a_footnote(text):
    assert 'class="footnote-reference' in text and "Somebody (1998)" in text


def test_every_page_has_one_viewport_one_icon_and_its_description(site, text):
    for page in site.glob("*.html"):
        assert page.read_text().count('name="viewport"') == 1, page.name
        assert page.read_text().count('rel="icon"') == 1, page.name
    assert '<meta name="description" content="Who writes the &lt;weights&gt;?">' in text


def test_nothing_is_loaded_from_elsewhere_and_nothing_that_nobody_needs(site):
    for page in site.glob("**/*.html"):
        assert not re.search(
            r"""(?:src|href)=["']https?://[^"']+\.(?:js|css|woff2?)""", page.read_text()
        )
    assert not list(site.glob("**/fontawesome.js")) and not list(site.glob("**/*.map"))


def test_the_next_chapter_is_announced_by_its_question(text):
    assert '<span class="onward-question">And then?</span>' in text


def test_a_line_of_code_that_breaks_keeps_its_colours_and_its_indentation():
    one = '<span class="s">"""a\n  b"""</span>'
    assert lines_apart(one) == (
        '<span class="ln" style="--in:0"><span class="s">"""a\n</span></span>'
        '<span class="ln" style="--in:2"><span class="s">  b"""</span>\n</span>'
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", WIDTHS)
def test_a_chapter_is_open_to_all_and_fits(browser, site, size, dark):
    watched = Watched(browser, *WIDTHS[size], dark=dark)
    page = watched.open(site / "03_how.html")
    assert page.evaluate("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    assert watched.faults == []
    assert watched.axe() == []
    page.evaluate("for (const it of document.querySelectorAll('details')) it.open = true")
    assert watched.axe() == []
    assert watched.sideways() <= 0
    blocks = "[...document.querySelectorAll('article pre')]"
    assert page.evaluate(f"{blocks}.filter((it) => it.scrollWidth > it.clientWidth).length") == 0
    page.close()


def test_a_reader_is_told_about_a_word_judged_remembered_and_shown_a_picture_in_full(browser, site):
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto((site / "03_how.html").as_uri())
    page.locator("a.term").first.focus()
    assert page.locator("#term-note").inner_text().split("\n") == [
        "loss",
        "How wrong.",
    ]
    page.keyboard.press("Escape")
    assert page.locator("#term-note").is_hidden()
    page.get_by_label("three").check()
    assert "Not yet" in page.locator(".verdict").inner_text()
    page.get_by_label("four", exact=True).check()
    assert page.locator(".verdict").inner_text() == "Right."
    assert page.get_by_text("Count your fingers.").is_visible()
    page.get_by_label("I have read this chapter").check()
    page.locator(".enlarge").first.click()
    assert page.locator("dialog#large img").is_visible()
    page.get_by_role("button", name="Close").click()
    page.reload()
    assert page.get_by_label("I have read this chapter").is_checked()
    assert page.locator('fieldset[data-state="right"]').count() == 1
    page.goto((site / "04_next.html").as_uri())
    assert page.locator(".bd-sidebar-primary .is-read").count() == 1
    context.close()


def test_a_finger_sees_what_a_word_means_and_stays_on_the_page(browser, site):
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    context = browser.new_context(**phone)
    page = context.new_page()
    page.goto((site / "03_how.html").as_uri())
    page.locator("a.term").first.tap()
    assert page.locator("#term-note span").inner_text() == "How wrong."
    assert page.url.endswith("03_how.html")
    page.get_by_text("To the glossary").tap()
    page.wait_for_url("**/glossary.html#term-loss")
    context.close()


def test_code_is_copied_as_it_is(browser, site):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto((site / "03_how.html").as_uri())
    page.locator(".cell_input", has_text="value").first.hover()
    page.locator(".cell_input", has_text="value").first.get_by_role("button").click()
    page.get_by_text("Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == CELLS[3].source
    context.close()
