"""Each picture of the book has words for those who cannot see it."""

import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest

from cnnbook.book._pictures import picture_text

ROOT = Path(__file__).parents[2]
KEPT = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cell(source: str = "", **metadata):
    return nbformat.v4.new_code_cell(source, metadata=metadata)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('figure = plot_gallery(images, title="No two are alike")', "No two are alike."),
        ('title = "It falls"\nfigure = plot_runs(curves, title=title)', "It falls."),
        ('figure = plot_kernel(grey, blur, answer, "A mean blurs")', "A mean blurs."),
        (
            'figure = plot_runs(c, labels=("epoch", "loss"), title="It falls")',
            "It falls. Across: epoch. Upwards: loss.",
        ),
        (
            'f, a = plt.subplots()\na.set_title("left")\nf.suptitle("Zeros break it")\nplt.show()',
            "Zeros break it.",
        ),
        (
            'f, (a, b) = plt.subplots(1, 2)\na.set(title="One falls")\nb.set_title("Two rise")',
            "One falls. Two rise.",
        ),
        (
            'f, a = plt.subplots()\na.set(xlabel="epoch", ylabel="loss", title="It falls?")',
            "It falls? Across: epoch. Upwards: loss.",
        ),
        ("f, a = plt.subplots()\nfor n in names:\n    a.set_title(n)", "A picture for “Pooling”."),
        ('a.set_title(f"Most errors of all: {worst}")\nplt.show()', "A picture for “Pooling”."),
        (
            'f, a = plt.subplots()\na.set_title(f"Most errors of all: {worst}")',
            "Most errors of all: ….",
        ),
        (
            'def draw(x):\n    plot_gallery(x, title="inside")\n\n\ndraw(x)',
            "A picture for “Pooling”.",
        ),
        (
            "convolution_widget(photos)",
            "The convolution widget, which can be turned in JupyterLab.",
        ),
        ("%matplotlib inline\nx = 1", "A picture for “Pooling”."),
    ],
)
def test_the_text_is_the_title_that_the_code_draws(source, text):
    assert picture_text(cell(source), "Pooling", 0) == text


def test_each_picture_of_a_cell_has_its_own_title_and_that_of_a_widget_is_first():
    source = 'figure = plot_a(x, title="One")\nfigure = plot_b(x, title="Two")\n'
    assert [picture_text(cell(source), "", number) for number in (0, 1)] == ["One.", "Two."]
    source += "layers_widget(net)\n"
    assert picture_text(cell(source), "", 0).startswith("The layers widget")
    assert picture_text(cell(source), "", 2) == "Two."
    assert picture_text(cell("x"), "Pooling", 1) == "A picture for “Pooling”, picture 2."


def test_what_the_cell_says_comes_first():
    drawing = cell('plot_a(x, title="One")', alt="A cat, and a dog")
    assert picture_text(drawing, "", 0, "**Figure 1.2. Pets.** A cat.") == "A cat, and a dog."
    both = cell("plot_a(x)\nplot_b(x)", alt="A cat | A dog.")
    assert [picture_text(both, "", number) for number in (0, 1)] == ["A cat.", "A dog."]


def test_a_caption_gives_its_title_and_its_first_sentence():
    below = (
        "**Figure 3.2. Training is a *loop*.** Along the top (blue)<!--claim:x--> the network\n"
        "answers. Along the bottom it learns.\n\nMore text."
    )
    drawing = cell('plot_a(x, title="One")')
    words = "Training is a loop. Along the top (blue) the network answers."
    assert picture_text(drawing, "", 0, below) == words
    assert picture_text(drawing, "", 0, "No caption.") == "One."


def texts_of(path: Path) -> list[str]:
    cells, section, texts = nbformat.read(path, as_version=4).cells, "", []
    for each, after in zip(cells, [*cells[1:], None], strict=True):
        if each.cell_type == "markdown":
            section = [section, *re.findall(r"^#+ (.*)", each.source, re.MULTILINE)][-1]
            continue
        below = after.source if after and after.cell_type == "markdown" else ""
        pictures = [o for o in each.outputs if any("image/" in kind for kind in o.get("data", ()))]
        texts += [picture_text(each, section, k, below) for k in range(len(pictures))]
    return texts


@pytest.mark.parametrize("path", KEPT, ids=lambda path: path.stem)
def test_no_text_of_a_chapter_is_a_file_name_or_empty_or_there_twice(path):
    texts = texts_of(path)
    assert texts, "a chapter without a picture"
    for text in texts:
        assert re.fullmatch(r"[A-Z0-9][^<>{}_]*[.!?]", text), text
        assert not re.search(r"\.(png|jpe?g|webp|svg)\b|[0-9a-f]{16}|…", text), text
        assert len(text) >= 10 and len(text.split()) >= 3, text
    assert Counter(texts).most_common(1)[0][1] == 1
