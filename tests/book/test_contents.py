"""Which chapters the book has is read of its plan and its files."""

from pathlib import Path

import pytest

from cnnbook.book._contents import CONTENTS, read_contents
from cnnbook.book._files import BookError

ROOT = Path(__file__).parents[2]
PLAN = """
[[part]]
title = "Seeing"
promise = "You will see."
[[part.chapter]]
number = 1
question = "How?"
afterwards = "Afterwards you can."
[[part.chapter]]
number = 2
title = "Two"
question = "Why?"
afterwards = "Afterwards you know."
"""


@pytest.fixture
def project(tmp_path):
    source = tmp_path / "notebooks" / "source"
    source.mkdir(parents=True)
    (source / "01_one.py").write_text("# %% [markdown]\n# # 1. One: <first>\n#\n# # 2. Other\n")
    (tmp_path / CONTENTS).write_text(PLAN)
    return tmp_path


def test_a_written_chapter_has_the_name_of_its_file_and_the_title_of_its_heading(project):
    (part,) = read_contents(project, ["01_one"])
    one, two = part.chapters
    assert (part.title, part.promise) == ("Seeing", "You will see.")
    assert (one.number, one.name, one.title, one.exists) == (1, "01_one", "One: <first>", True)
    assert (two.number, two.name, two.title, two.exists) == (2, "02", "Two", False)
    assert (two.question, two.afterwards) == ("Why?", "Afterwards you know.")


def test_a_chapter_that_is_left_out_of_a_build_keeps_its_name(project):
    (part,) = read_contents(project, [])
    assert [(it.name, it.title, it.exists) for it in part.chapters] == [
        ("01_one", "One: <first>", False),
        ("02", "Two", False),
    ]


def test_a_project_without_a_plan_has_one_part(project):
    (project / CONTENTS).unlink()
    (part,) = read_contents(project, ["01_one", "appendix"])
    assert part.title == "Chapters"
    assert [(it.number, it.name, it.title) for it in part.chapters] == [
        (1, "01_one", "One: <first>"),
        (2, "appendix", "appendix"),
    ]
    assert read_contents(project, []) == []


def test_a_chapter_that_the_plan_lacks_goes_into_a_last_part(project):
    parts = read_contents(project, ["01_one", "07_seven"])
    assert [part.title for part in parts] == ["Seeing", "More chapters"]
    assert [chapter.name for chapter in parts[1].chapters] == ["07_seven"]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[[part]]", "[[part", "contents.toml: "),
        ("number = 2", "number = 1", "part 1: chapter 1 is there twice"),
        ('question = "Why?"\n', "", "part 1, chapter 2: `question` must be text; got nothing"),
        ('"Why?"', "7", "`question` must be text; got 7"),
        ('"Why?"', '""', "`question` must be text; got ''"),
        ("number = 2", "number = true", "`number` must be a whole number; got True"),
        ('title = "Two"\n', "", "chapter 2: a chapter that is not written must have a title"),
        (
            'title = "Two"',
            "title = 2",
            "chapter 2: a chapter that is not written must have a title",
        ),
        ('promise = "You will see."', "", "part 1: `promise` must be text; got nothing"),
        ("part", "section", "there must be parts; got none"),
        ("[[part.chapter]]", "[[part.section]]", "part 1: it must have chapters; got none"),
        ("[[part.chapter]]", "[part.chapter]", "contents.toml: "),
    ],
)
def test_a_broken_plan_is_refused_in_one_line(project, old, new, words):
    (project / CONTENTS).write_text(PLAN.replace(old, new))
    with pytest.raises(BookError) as error:
        read_contents(project, ["01_one"])
    assert str(error.value).startswith(str(project / CONTENTS))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_two_files_of_one_number_are_refused(project):
    with pytest.raises(BookError, match="01_one and 1_uno have 1. Rename one"):
        read_contents(project, ["01_one", "1_uno"])


def test_the_plan_has_six_parts_and_twenty_chapters_and_every_file_is_in_it():
    names = sorted(path.stem for path in (ROOT / "notebooks" / "source").glob("*.py"))
    parts = read_contents(ROOT, names)
    chapters = [chapter for part in parts for chapter in part.chapters]
    assert [part.title for part in parts] == [
        *("Seeing", "Learning", "Architectures", "Few pictures", "Looking inside"),
        "Into the world",
    ]
    assert [chapter.number for chapter in chapters] == list(range(20))
    assert [chapter.name for chapter in chapters if chapter.exists] == names


def test_every_chapter_asks_one_question_and_says_what_one_can_do_afterwards():
    for part in read_contents(ROOT, []):
        for chapter in part.chapters:
            assert chapter.question.endswith("?"), chapter
            assert chapter.afterwards.startswith("Afterwards you can "), chapter
            assert chapter.afterwards.endswith("."), chapter
            assert chapter.afterwards.count(".") == 1 and len(chapter.afterwards) <= 100, chapter
