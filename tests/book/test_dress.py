"""A notebook as its page shows it: machinery folded, claims apart, pictures named."""

import base64
import io

import nbformat.v4 as nbf
import numpy as np
import pytest
from PIL import Image

from cnnbook.book._checked import claimed, claims_html, without_claims
from cnnbook.book._dress import dress, reading_minutes
from cnnbook.book._pixels import is_photo, pictures_apart
from cnnbook.book._prose import link_addresses

ENTRY = {"value": 0.5, "rule": "at least", "bound": 0.4, "profile": "full", "source": "the <set>"}
RUN = {"seconds": 61.0, "machine": "a machine", "versions": {}}
MEASURED = {
    "claims": {"half": {"notebook": "01_one", **ENTRY}, "third": {"notebook": "01_one", **ENTRY}},
    "notebooks": {"01_one": RUN},
}


def png(pixels):
    Image.fromarray(np.asarray(pixels, "uint8")).save(file := io.BytesIO(), "PNG")
    return file.getvalue()


CHART = np.full((40, 60, 3), 255, "uint8")
CHART[20, :] = (0, 114, 178)
PHOTO = np.random.default_rng(0).integers(0, 200, (40, 60, 3))


def picture(pixels):
    return nbf.new_output("display_data", {"image/png": base64.b64encode(png(pixels)).decode()})


def printed(*lines):
    return nbf.new_output("stream", text="".join(f"{line}\n" for line in lines))


def code(source, *outputs, tags=()):
    metadata = {"tags": list(tags)} if tags else {}
    return nbf.new_code_cell(source, outputs=list(outputs), metadata=metadata)


def page(*cells, quiz="", live=lambda name: f"<live {name}>"):
    notebook = nbf.new_notebook(cells=[nbf.new_markdown_cell("# 3. A title\n\nText."), *cells])
    return dress(notebook, MEASURED, "<p>head</p>", quiz, live).cells


def texts(cells):
    return [cell.source.removeprefix("```{raw} html\n").removesuffix("\n```") for cell in cells]


HOLDS = "claim half = 0.5, at least 0.4: holds"


def test_the_question_stands_between_the_title_and_the_text():
    assert texts(page()) == ["# A title", "<p>head</p>", "Text."]


def test_imports_that_lie_together_become_one_fold():
    cells = page(code("import a", tags=["setup"]), code("N = 3", tags=["setup"]), code("N + 1"))
    assert texts(cells)[3:] == [
        '<details class="fold machinery setup"><summary>Imports and settings</summary>',
        "import a",
        "N = 3",
        "</details>",
        "N + 1",
    ]


def test_solutions_are_one_fold_whatever_kind_their_cells_have():
    text = nbf.new_markdown_cell("Because.", metadata={"tags": ["solution"]})
    cells = page(text, code("6 * 7", tags=["solution"]))
    start = '<details class="fold solution"><summary>Solutions</summary>'
    assert texts(cells)[3:] == [start, "Because.", "6 * 7", "</details>"]


def test_all_behind_the_heading_solutions_is_folded_and_the_heading_left_out():
    exercises = nbf.new_markdown_cell("## Exercises\n\n1. Count.\n\n## Solutions\n\n**1.** Two.")
    cells = page(exercises, code("1 + 1"), nbf.new_markdown_cell("The end."))
    start = '<details class="fold solution"><summary>Solutions</summary>'
    words = [it.strip() for it in texts(cells)[3:]]
    assert words == [
        "## Exercises\n\n1. Count.",
        start,
        "**1.** Two.",
        "1 + 1",
        "The end.",
        "</details>",
    ]


def test_claims_are_one_line_that_opens_to_a_table_with_value_bound_data_and_machine():
    checks = code('claim("half", half, at_least=0.4)', printed(HOLDS), tags=["claims"])
    _, _, _, start, table, source, end = texts(page(checks))
    assert start == ('<details class="fold machinery claims"><summary>1 number checked</summary>')
    for words in ("half", "0.5", "at least 0.4", "the &lt;set&gt;", "full run on a machine"):
        assert words in table
    assert source == 'claim("half", half, at_least=0.4)'
    assert end == "</details>"


def test_claims_in_a_cell_that_a_learner_reads_stand_at_the_end_of_the_page():
    mixed = code(
        'half = 1 / 2\nprint(half)\n# how sure\nlow = 0.4\nclaim("half", half, at_least=low)',
        printed("0.5", HOLDS),
    )
    *_, read, start, _, source, _ = page(mixed)
    assert read.source == "half = 1 / 2\nprint(half)"
    assert read.outputs[0].text == "0.5\n"
    assert "1 number checked in this chapter" in start.source
    assert source.source == '# how sure\nlow = 0.4\nclaim("half", half, at_least=low)'


@pytest.mark.parametrize(
    ("source", "elsewhere", "read"),
    [
        ('x = 1\nclaim("a", x)\ny = 2\nprint(y)', "", "y = 2\nprint(y)"),
        ('x = 1\nclaim("a", x)', "print(x)", "x = 1"),
        ('for n in (1, 2):\n    claim(f"a_{n}", n)\nprint(1)', "", "print(1)"),
        ('for n in (1, 2):\n    print(n)\n    claim(f"a_{n}", n)', "", None),
        ('figure = draw()\nx = 1\nclaim("a", x)', "", "figure = draw()"),
        ('print("claim")', "", 'print("claim")'),
    ],
)
def test_what_only_serves_claims_goes_with_them_and_nothing_else(source, elsewhere, read):
    whole, _ = without_claims(code(source, printed("1")), elsewhere)
    assert whole.source == (source if read is None else read)


def test_claimed_reads_what_claims_printed():
    assert claimed(
        code("...", printed("claim a = 1", HOLDS, "claim third = 3, at most 4: holds"))
    ) == [
        "half",
        "third",
    ]


def test_the_table_of_claims_says_where_no_data_set_is_behind_a_figure():
    table = claims_html({"half": {**ENTRY, "source": None}}, "a machine")
    assert ">none, or the book&#x27;s own<" in table or ">none, or the book's own<" in table


def test_questions_stand_before_the_exercises():
    exercises = nbf.new_markdown_cell("That was it.\n\n## Exercises\n\n1. Count.")
    cells = texts(page(exercises, quiz="<quiz>"))[3:]
    assert cells == ["That was it.", "## Check yourself", "<quiz>", "## Exercises\n\n1. Count."]


def test_a_live_piece_stands_where_its_marker_is():
    text = nbf.new_markdown_cell("Draw one. <!--live:digits-->\n\nThat was it.")
    assert [it.strip() for it in texts(page(text))[3:]] == [
        "Draw one.",
        "<live digits>",
        "That was it.",
    ]


def test_bare_addresses_become_links_and_those_in_code_and_links_stay():
    assert link_addresses("See https://a.org/b_c, `https://d.org` and [x](https://e.org).") == (
        "See <https://a.org/b_c>, `https://d.org` and [x](https://e.org)."
    )
    assert link_addresses("(https://a.org/b).") == "(<https://a.org/b>)."
    assert link_addresses("```\nhttps://a.org\n```") == "```\nhttps://a.org\n```"


def test_charts_and_photographs_are_told_apart_by_their_pixels():
    assert not is_photo(png(CHART))
    assert is_photo(png(PHOTO))
    clear = np.zeros((40, 60, 4), "uint8")
    clear[20] = 255
    assert not is_photo(png(clear))


def test_each_picture_of_a_cell_gets_a_cell_a_kind_and_a_text():
    drawn = code("draw()", printed("one"), picture(CHART), picture(PHOTO), printed("two"))
    first, second, rest = pictures_apart(drawn, "A section")
    assert [len(it.outputs) for it in (first, second, rest)] == [2, 1, 1]
    assert first.metadata.tags == ["chart"]
    assert second.metadata.tags == ["remove-input", "photo"]
    assert rest.metadata.tags == ["remove-input"]
    texts = [it.metadata.mystnb.image.alt for it in (first, second)]
    assert len(set(texts)) == 2 and all("A section" in text for text in texts)


def test_the_kind_that_an_author_gives_stands():
    [drawn] = pictures_apart(code("draw()", picture(CHART), tags=["photo"]), "A section")
    assert drawn.metadata.tags == ["photo"]


def test_an_hour_of_words_takes_an_hour_to_read():
    notebook = nbf.new_notebook(
        cells=[
            nbf.new_markdown_cell("word " * 180 * 60),
            code("x\n" * 5000, tags=["setup"]),
        ]
    )
    assert reading_minutes(notebook) == 60
    notebook.cells[1].metadata.tags = []
    assert reading_minutes(notebook) == 310
