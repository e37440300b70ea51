"""Words of the field: read, found in prose, explained before they are used, and on their page."""

import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from cnnbook.book._contents import read_contents
from cnnbook.book._files import BookError
from cnnbook.book._glossary import Term, find_terms, glossary_page, read_glossary
from cnnbook.book._word_order import prose_of, unused_terms, words_too_early

ROOT = Path(__file__).parents[2]
GLOSSARY = read_glossary(ROOT / "notebooks" / "glossary.toml")
SOURCES = {
    int(path.stem.split("_")[0]): path for path in (ROOT / "notebooks" / "source").glob("*.py")
}
SMALL = {
    "loss": Term("loss", "How wrong.", ("losses",), 3),
    "feature map": Term("feature map", "A grid.", ("feature maps",), 1),
    "feature": Term("feature", "A number.", ("features",), 12),
    "Adam": Term("Adam", "An optimiser.", (), 5),
    "leaky ReLU": Term("leaky ReLU", "A function.", (), 5),
    "recall": Term("recall", "A share.", (), 15, ("recall that",)),
    "learning rate": Term("learning rate", "How far.", ("learning rates",), 3),
}


def names_in(text: str, terms=SMALL) -> list[str]:
    return [use.term.name for use in find_terms(text, terms)]


def written(folder: Path, text: str) -> Path:
    path = folder / "glossary.toml"
    path.write_text(text, encoding="utf-8")
    return path


ENTRY = '[[term]]\nname = "loss"\nsentence = "How wrong the answers are."\nchapter = 3\n'


def test_a_glossary_is_read_by_name(tmp_path):
    path = written(tmp_path, ENTRY + 'forms = ["losses"]\nunless = ["loss of time"]\n')
    sentence = "How wrong the answers are."
    assert read_glossary(path) == {
        "loss": Term("loss", sentence, ("losses",), 3, ("loss of time",))
    }


def test_without_a_file_there_are_no_words(tmp_path):
    assert read_glossary(tmp_path / "nothing.toml") == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENTRY + "chapter = 4\n", "Cannot overwrite a value"),
        ("[[term]\n", r"line 1.*Write it as its neighbours are\.$"),
        (ENTRY.replace("[[term]]", "[[word]]"), r"must have tables `\[\[term\]\]`.*got word"),
        ("", r"got nothing\. Begin each term"),
        (ENTRY.replace("sentence", "sentense"), "no field `sentense`"),
        (ENTRY.replace("How wrong the answers are.", " "), r"term 1 \(loss\): `sentence` must be"),
        (ENTRY.replace("chapter = 3\n", ""), "`chapter` must be a whole number; got nothing"),
        (ENTRY.replace("= 3", '= "3"'), "`chapter` must be a whole number; got 3"),
        (ENTRY.replace("= 3", "= true"), "`chapter` must be a whole number; got True"),
        (ENTRY + 'forms = "losses"\n', "`forms` must be a list of texts; got losses"),
        (ENTRY + 'forms = [""]\n', "`forms` must be a list of texts"),
        (ENTRY + ENTRY, "each form must be there once; got loss, which loss has"),
        (ENTRY + ENTRY.replace('"loss"', '"cost"') + 'forms = ["Loss"]\n', "got Loss, which loss"),
        (ENTRY + 'forms = ["-es"]\n', "must begin with a letter or a digit; got -es"),
    ],
)
def test_a_broken_glossary_is_refused_in_one_line_that_names_file_and_place(tmp_path, text, words):
    path = written(tmp_path, text)
    with pytest.raises(BookError, match=words) as told:
        read_glossary(path)
    assert str(path) in str(told.value) and "\n" not in str(told.value)


def test_the_longest_form_is_found_and_not_what_lies_in_it():
    assert names_in("Feature maps hold features.") == ["feature map", "feature"]
    assert names_in("a feature\nmap, over the end of a line") == ["feature map"]


def test_only_whole_words_are_found_in_upper_and_lower_case():
    assert names_in("Loss. LOSSES, and the loss's end") == ["loss"] * 3
    assert names_in("lossy flossing loss-free cross-loss loss_of glossary") == []
    assert names_in("a learning rate-like thing, a learning ratee, learning; rate") == []


def test_forms_with_capitals_are_found_as_they_are_written():
    assert names_in("Adam and adam and ADAM") == ["Adam"]
    assert names_in("Leaky ReLU, leaky ReLU, leaky relu") == ["leaky ReLU"] * 2


def test_everyday_phrases_are_no_terms():
    assert names_in("Recall that recall is a share.") == ["recall"]


def test_places_are_those_of_the_text():
    text = "<!-- loss --> `loss` the **loss** falls"
    [use] = find_terms(text, SMALL)
    assert (text[use.start : use.end], use.start) == ("loss", text.index("**") + 2)


@pytest.mark.parametrize(
    "text",
    [
        "## The loss",
        "`loss`",
        "``a ` loss``",
        "```python\nloss = 1\n```",
        "~~~\nloss\n~~~",
        "[the loss](page)",
        "[the loss][1]",
        "![loss](a.png)",
        "<https://example.org/loss>",
        "https://example.org/a/loss",
        "$loss = 1$",
        "$$\nloss\n$$",
        "<!-- loss -->",
        '<a title="loss">',
        "{term}`loss`",
        "[^loss]",
    ],
)
def test_what_is_no_prose_has_no_terms(text):
    assert names_in(f"Before.\n\n{text}\n\nAfter.") == []
    assert names_in(f"Before.\n\n{text}\n\nA loss.") == ["loss"]


def test_prices_are_no_formulas():
    assert names_in("It costs $5, and the loss is $6.") == ["loss"]


def test_thousands_of_words_are_searched_within_a_second():
    text = "The network learns its weights from batches by gradient descent. " * 200
    start = time.perf_counter()
    assert len(find_terms(text, GLOSSARY)) == 800
    assert time.perf_counter() - start < 1


def test_prose_keeps_its_lines_and_loses_its_code():
    source = '# %% [markdown]\n# # Title\n#\n# A loss.\n\n# %% tags=["x"]\nloss = 1  # loss\n'
    prose = prose_of(source)
    assert prose.split("\n")[3] == "A loss." and prose.count("\n") == source.count("\n")
    assert "1" not in prose


EXPLAINED = "A number is called a **loss**. The loss falls. A **learning rate** is a factor."


def test_a_word_that_an_earlier_chapter_uses_is_told_with_chapter_and_line():
    [fault] = words_too_early(
        {2: "One.\n\nThe loss falls, and the loss rises.", 3: EXPLAINED}, SMALL
    )
    assert fault.startswith("chapter 2, line 3: 'loss' is used, and explained in chapter 3.")
    assert "**bold**" in fault and "*italics*" in fault


def test_a_word_that_its_own_chapter_uses_too_early_is_told():
    [fault] = words_too_early({3: f"The loss falls.\n{EXPLAINED}"}, SMALL)
    assert fault.startswith("chapter 3, line 1: 'loss'")


def test_half_a_sentence_in_italics_will_do_for_an_earlier_chapter_and_all_later_ones():
    early = "The *loss*, a number that says how wrong the answers are, falls. The loss is 2."
    assert (
        words_too_early({1: f"A **feature map**. {early}", 2: "A loss.", 3: EXPLAINED}, SMALL) == []
    )
    assert len(words_too_early({1: f"A **feature map**. A loss! {early}"}, SMALL)) == 1


def test_a_word_explained_before_is_known():
    assert words_too_early({3: EXPLAINED, 4: "The loss of a feature map."}, SMALL) == []


def test_a_chapter_must_explain_its_words_in_bold():
    [fault] = words_too_early({3: "A *loss* is a number. The **learning rate** is one."}, SMALL)
    assert fault.startswith("chapter 3: 'loss' is nowhere in **bold**")


@pytest.mark.parametrize("title", ["Figure 3.1. The loss falls.", "Loss of a net", "The loss"])
def test_a_title_in_bold_explains_nothing(title):
    text = f"**{title}** It does.\n{EXPLAINED}"
    assert words_too_early({3: text}, SMALL)[0].startswith("chapter 3, line 1: 'loss'")


def test_a_word_that_nobody_uses_is_told_when_its_chapter_is_written():
    texts = {3: "A **loss**.", 4: ""}
    assert unused_terms(texts, {key: SMALL[key] for key in ("loss", "learning rate")}, {3}) == [
        "learning rate"
    ]
    assert unused_terms(texts, SMALL, {4}) == []


def test_no_chapter_uses_a_word_before_it_is_explained():
    texts = {number: prose_of(path.read_text()) for number, path in SOURCES.items()}
    assert words_too_early(texts, GLOSSARY) == []


def test_each_word_is_used_by_a_chapter_or_planned_for_one():
    texts = {number: prose_of(path.read_text()) for number, path in SOURCES.items()}
    assert unused_terms(texts, GLOSSARY, set(SOURCES)) == []


def test_each_word_belongs_to_a_chapter_of_the_plan():
    names = [path.stem for path in SOURCES.values()]
    parts = read_contents(ROOT, sorted(names))
    planned = {chapter.number for part in parts for chapter in part.chapters}
    assert {term.chapter for term in GLOSSARY.values()} == planned


def test_there_is_a_sentence_for_each_word_of_the_field():
    assert 150 <= len(GLOSSARY) <= 300


def test_a_sentence_is_one_and_short_and_without_markup():
    for sentence in (term.sentence for term in GLOSSARY.values()):
        assert re.fullmatch(r"[A-Z0-9].{20,180}[.]", sentence), sentence
        assert not re.search(r"[.!?] [A-Z]", sentence), f"two sentences: {sentence}"
        assert not re.search(r"[*`_<>]|\bi\.e\.|\betc\b", sentence), f"markup: {sentence}"
        assert len(sentence.split()) <= 32, sentence


def test_the_anchors_of_the_page_differ():
    anchors = Counter(term.anchor for term in GLOSSARY.values())
    assert anchors.most_common(1)[0][1] == 1


def test_the_page_has_each_word_below_its_letter_with_a_link_to_its_chapter():
    page = glossary_page(SMALL, {3: ("03_how", "How a network learns")})
    assert page.startswith("# Glossary\n")
    assert "[A](#letter-a) · [F](#letter-f) · [L](#letter-l) · [R](#letter-r)" in page
    link = '<span class="of-chapter">[Chapter 3, How a network learns](03_how)</span>'
    assert f'<strong id="term-loss">loss</strong>\n: How wrong. {link}\n' in page
    assert '<strong id="term-adam">Adam</strong>\n: An optimiser.\n' in page
    order = re.findall(r'id="term-([\w-]+)"', page)
    assert order == sorted(order) and len(order) == len(SMALL)


def test_a_sentence_of_the_page_leads_to_the_other_words_in_it_once():
    terms = {
        "a": Term("loss", "A loss & a batch, then a batch.", (), 1),
        "b": Term("batch", "Few images.", (), 1),
    }
    page = glossary_page(terms, {})
    assert ': A loss &amp; a <a class="term" href="#term-batch">batch</a>, then a batch.\n' in page


def test_the_page_names_other_words_for_the_same_but_no_plurals():
    term = Term("unit", "A part.", ("units", "neuron", "neurons"), 1)
    assert "(Also: neuron.)" in glossary_page({"unit": term}, {})


@pytest.mark.slow
def test_sphinx_makes_of_the_page_anchors_and_links_that_lead_somewhere(tmp_path):
    chapters = {number: (path.stem, f"Title {number}") for number, path in SOURCES.items()}
    (tmp_path / "conf.py").write_text(
        'extensions = ["myst_parser"]\nmyst_enable_extensions = ["dollarmath", "deflist"]\n'
    )
    (tmp_path / "glossary.md").write_text(glossary_page(GLOSSARY, chapters), encoding="utf-8")
    names = [name for name, _ in chapters.values()]
    toctree = "\n".join(["```{toctree}", "glossary", *names, "```"])
    (tmp_path / "index.md").write_text(f"# Book\n\n{toctree}\n")
    for name in names:
        (tmp_path / f"{name}.md").write_text(f"# {name}\n")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-b", "html", tmp_path, tmp_path / "out"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    page = (tmp_path / "out" / "glossary.html").read_text(encoding="utf-8")
    ids, links = re.findall(r'id="([^"]+)"', page), re.findall(r'href="#([^"]+)"', page)
    assert {term.anchor for term in GLOSSARY.values()} <= set(ids)
    assert {link for link in links if link.startswith(("term-", "letter-"))} <= set(ids)
    assert page.count("<dt>") == len(GLOSSARY)
    assert 'href="01_convolution.html"' in page
