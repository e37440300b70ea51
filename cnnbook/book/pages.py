"""How do executed notebooks become a book of web pages that needs no network?"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat

from cnnbook._checks import checked

WEB = Path(__file__).with_name("web")  # the look of the pages, and what Sphinx is told


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
        shutil.copy(WEB / "cnnbook.css", source / "_static")
        settings = (WEB / "conf.py.in").read_text(encoding="utf-8").format(title=title)
        (source / "conf.py").write_text(settings, encoding="utf-8")
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
