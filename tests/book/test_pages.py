"""The book as web pages: complete, offline, replaced as a whole."""

import re

import nbformat.v4 as nbf
import pytest

from cnnbook.book.pages import build_pages

REMOTE = re.compile(r"""(?:src|href)=["']https?://[^"']+\.(?:js|css|woff2?)""")


@pytest.fixture
def notebook():
    output = nbf.new_output("stream", text="forty-two\n")
    table = "| net | errors |\n|:--|--:|\n| small | 7 |"
    shown = nbf.new_output("display_data", {"text/markdown": table, "text/plain": "a table"})
    code = nbf.new_code_cell("print('forty-two')", execution_count=1, outputs=[output, shown])
    notebook = nbf.new_notebook(cells=[nbf.new_markdown_cell("# A chapter"), code])
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def build(notebook, folder, **more):
    index = "# The book\n\n[first](01_first)\n"
    return build_pages({"01_first": notebook}, {"index": index, **more}, folder, "A title")


@pytest.mark.slow
def test_pages_show_prose_code_and_outputs_and_load_nothing_from_the_network(notebook, tmp_path):
    first = build(notebook, tmp_path / "book", claims="# Claims\n")
    assert first == tmp_path / "book" / "index.html"
    chapter = (tmp_path / "book" / "01_first.html").read_text()
    assert "A chapter" in chapter and "forty-two" in chapter
    assert "<table" in chapter and "| small |" not in chapter
    assert (tmp_path / "book" / "claims.html").exists()
    for page in (tmp_path / "book").glob("*.html"):
        assert not REMOTE.search(page.read_text()), page.name


@pytest.mark.slow
def test_a_broken_page_leaves_the_old_book_as_it_was(notebook, tmp_path):
    old = tmp_path / "book" / "index.html"
    old.parent.mkdir()
    old.write_text("the old book")
    with pytest.raises(RuntimeError, match="Sphinx could not build.*nowhere"):
        build(notebook, tmp_path / "book", claims="# Claims\n\n```{image} nowhere.png\n```\n")
    assert old.read_text() == "the old book"
    assert [path.name for path in tmp_path.iterdir()] == ["book"]


def test_what_is_no_notebook_is_refused_before_anything_is_built(tmp_path):
    with pytest.raises(ValueError, match="`notebooks` must be a dictionary"):
        build_pages([], {"index": "# The book\n"}, tmp_path / "book", "A title")
    assert not list(tmp_path.iterdir())
