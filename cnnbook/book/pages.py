"""How do executed notebooks become a book of web pages that needs no network?"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat

from cnnbook._checks import checked

SETTINGS = """
project = "{title}"
author = "The cnnbook authors"
copyright = "the cnnbook authors"
extensions = ["myst_nb"]
nb_execution_mode = "off"
nb_render_markdown_format = "myst"
html_theme = "sphinx_book_theme"
html_title = "{title}"
html_theme_options = {{
    "home_page_in_toc": True,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "navbar_persistent": [],
}}
html_static_path = ["_static"]
html_css_files = ["cnnbook.css"]
html_use_index = False
html_copy_source = True
html_show_sphinx = False
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header"]
"""

# Room for 100 characters of code beside the two columns of contents.
STYLE = """
.bd-main .bd-content .bd-article-container { max-width: 56rem; }
.bd-article pre { font-size: 0.8rem; }
.bd-article .cell_output pre { white-space: pre-wrap; }
"""


@checked
def build_pages(
    notebooks: Mapping[str, nbformat.NotebookNode],
    pages: Mapping[str, str],
    folder: str | Path,
    title: str,
) -> Path:
    """Build the book: the index, one page a notebook, then the other pages.

    Args:
        notebooks: Executed notebooks by name, in reading order.
        pages: Markdown by name; "index" is the first page, and gets the table of contents.
        folder: Where the pages go. Replaced as a whole, and only by a complete book.
        title: Shown on every page.

    Returns:
        The path of the first page.

    Raises:
        RuntimeError: If Sphinx has a complaint; the folder is then as it was.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="pages-") as temporary:
        source, built = Path(temporary, "source"), Path(temporary, "built")
        (source / "_static").mkdir(parents=True)
        (source / "_static" / "cnnbook.css").write_text(STYLE, encoding="utf-8")
        (source / "conf.py").write_text(SETTINGS.format(title=title), encoding="utf-8")
        for name, notebook in notebooks.items():
            nbformat.write(notebook, source / f"{name}.ipynb")
        for name, text in pages.items():
            (source / f"{name}.md").write_text(text, encoding="utf-8")
        contents = "\n".join([*notebooks, *(name for name in pages if name != "index")])
        with (source / "index.md").open("a", encoding="utf-8") as index:
            index.write(f"\n```{{toctree}}\n:hidden:\n\n{contents}\n```\n")
        command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
        run = subprocess.run([*command, source, built], capture_output=True, text=True)
        if run.returncode:
            complaints = run.stderr.strip().replace(str(source), "").splitlines()
            raise RuntimeError("Sphinx could not build the pages: " + " / ".join(complaints))
        shutil.rmtree(built / ".doctrees", ignore_errors=True)
        if folder.exists():
            folder.rename(Path(temporary, "old"))
        built.rename(folder)
    return folder / "index.html"
