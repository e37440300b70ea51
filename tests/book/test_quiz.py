"""Check yourself: questions whose right answers are computed, as files and as fields of a page."""

import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cnnbook.book._files import BookError
from cnnbook.book._quiz import Question, quiz_html, read_quiz

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "notebooks" / "quiz").glob("*.toml"))
CHAPTERS = {path.stem for path in (ROOT / "notebooks" / "source").glob("*.py")}
ENTRY = (
    '[[question]]\nquestion = "How large is the map?"\nanswers = ["28", "24", "5"]\n'
    "check = 'str(output_size(28, 5))'\nwhy = \"28 - 5 + 1 places.\"\n"
)

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def written(folder: Path, text: str) -> Path:
    path = folder / "quiz.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_right_answer_is_the_one_that_the_check_computes(tmp_path):
    [question] = read_quiz(written(tmp_path, ENTRY))
    assert question == Question("How large is the map?", ("28", "24", "5"), 1, "28 - 5 + 1 places.")


@pytest.mark.parametrize(
    "check",
    [
        "answers[int(np.argmin([28, 24, 28]))]",
        "answers[1 if 2 > 1 else 0]",
        "f'{28 - 5 + 1}'",
        "str(max(output_size(28, kernel) for kernel in (5, 7)))",
    ],
)
def test_a_check_may_use_numpy_the_sums_of_the_book_and_the_answers(tmp_path, check):
    text = ENTRY.replace("'str(output_size(28, 5))'", f'"{check}"')
    assert read_quiz(written(tmp_path, text))[0].right == 1


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("'24'", "must compute the answer"),
        ("answers[1]", "must compute the answer"),
        ("str(24)", "must compute the answer"),
        ("f'{24}'", "must compute the answer"),
        ("'2' + '4'", "must compute the answer"),
        ("str(output_size(28, 6))", r"must give one of the answers, 28 \| 24 \| 5; got '23'"),
        ("output_size(28, 5)", "must give one of the answers.*got 24"),
        ("str(output_size(28, 99))", "must give an answer; got ValueError: `kernel_size` must be"),
        ("str(1 / 0)", "must give an answer; got ZeroDivisionError"),
        ("str(area(28))", "must give an answer; got NameError"),
        ("size = 24", "must be one expression of Python"),
        ("str(24", "must be one expression of Python"),
    ],
)
def test_a_check_that_computes_nothing_or_the_wrong_thing_is_refused(tmp_path, check, words):
    path = written(tmp_path, ENTRY + ENTRY.replace("'str(output_size(28, 5))'", f'"{check}"'))
    with pytest.raises(BookError, match=words) as told:
        read_quiz(path)
    assert f"{path}, question 2 (How large is the map?): `check`" in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENTRY.replace("why", "reason"), "no field `reason`"),
        (ENTRY.replace('"28 - 5 + 1 places."', '""'), "`why` must be text; got nothing"),
        (ENTRY.replace('"28", "24", "5"', '"24"'), "must be 2 to 5 texts, each another; got 1"),
        (ENTRY.replace('"28"', '"24"'), "must be 2 to 5 texts, each another"),
        (ENTRY.replace('"28", "24", "5"', ""), "`answers` must be a list of texts; got nothing"),
        (ENTRY.replace('"28", "24", "5"', '"28", 24'), "`answers` must be a list of texts"),
        ("", r"must have tables `\[\[question\]\]`"),
    ],
)
def test_a_broken_file_of_questions_is_refused(tmp_path, text, words):
    with pytest.raises(BookError, match=words):
        read_quiz(written(tmp_path, text))


class Fields(HTMLParser):
    """Counts elements, and keeps what is between tags."""

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.texts, self.inputs = Counter(), [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags[tag] += 1
        if tag == "input":
            self.inputs.append(dict(attrs))
        else:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1], data))


def test_each_question_is_a_field_with_a_name_of_its_own_and_an_answer_that_unfolds():
    questions = [
        Question("Is `a < b`?", ("yes & no", "<no>"), 1, "Because `b` is 1."),
        Question("And now?", ("1", "2", "3"), 0, "So it is."),
    ]
    text = quiz_html(questions)
    fields = Fields()
    fields.feed(text)
    assert not fields.open
    assert fields.tags["fieldset"] == fields.tags["legend"] == fields.tags["details"] == 2
    assert [(it["name"], it["value"]) for it in fields.inputs] == [
        *(("q0", "0"), ("q0", "1"), ("q1", "0"), ("q1", "1"), ("q1", "2"))
    ]
    assert all(it["type"] == "radio" for it in fields.inputs)
    assert fields.tags["label"] == fields.tags["span"] == 5
    assert ("code", "a < b") in fields.texts and ("code", "b") in fields.texts
    assert ("span", "<no>") in fields.texts and ("span", "yes & no") in fields.texts
    assert ("strong", "<no>.") in fields.texts
    assert re.findall(r'data-right="(\d)"', text) == ["1", "0"]
    assert text.count('class="verdict" aria-live="polite"') == 2


@each_file
def test_the_questions_of_a_chapter_are_five_to_eight_and_belong_to_one(path):
    assert path.stem in CHAPTERS
    assert 5 <= len(read_quiz(path)) <= 8


@each_file
def test_the_right_answer_is_not_always_at_the_same_place(path):
    questions = read_quiz(path)
    places = Counter(question.right for question in questions)
    assert len(places) >= 3
    assert places.most_common(1)[0][1] <= len(questions) / 2


@each_file
def test_questions_are_short_enough_for_a_phone(path):
    for question in read_quiz(path):
        assert len(question.question) <= 170, question.question
        assert max(map(len, question.answers)) <= 60, question.question
        assert 20 <= len(question.why) <= 220, question.question
        words = " ".join([question.question, *question.answers, question.why]).split()
        assert max(len(word) for word in words) <= 24, "it would not fit into a line"


def test_each_chapter_has_questions():
    assert {path.stem for path in FILES} >= CHAPTERS


def test_code_is_code_and_stressed_letters_are_italic_and_no_stop_is_doubled():
    question = Question("Is *e* < `a*b*c`?", ("Yes, it is.", "No"), 0, "2 * 3 * 4 and *so on*.")
    html = quiz_html([question])
    assert "<legend>Is <em>e</em> &lt; <code>a*b*c</code>?</legend>" in html
    assert "<strong>Yes, it is.</strong> 2 * 3 * 4 and <em>so on</em>.</p>" in html
