"""How do executed notebooks become a book of web pages that needs no network?"""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from cnnbook._checks import checked
from cnnbook.book._files import BookError, in_one_line, locked
from cnnbook.book._kernel import Node
from cnnbook.book.environment import kernel_environment
from cnnbook.book.notebooks import notebook_as_text

WEB = Path(__file__).with_name("web")  # the look of the pages, and what Sphinx is told


@checked
def build_pages(
    notebooks: Mapping[str, Node],
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
    with locked(folder.parent):
        restore_pages(folder)
        try:
            _sphinx(notebooks, pages, folder, title)
        finally:
            restore_pages(folder)
    return folder / "index.html"


def _sphinx(
    notebooks: Mapping[str, Node], pages: Mapping[str, str], folder: Path, title: str
) -> None:
    """Let Sphinx build the pages, and exchange them."""
    source, built = (folder.with_name("pages-new") / kind for kind in ("source", "built"))
    (source / "_static").mkdir(parents=True)
    shutil.copy(WEB / "cnnbook.css", source / "_static")
    settings = (WEB / "conf.py.in").read_text(encoding="utf-8").format(title=title)
    (source / "conf.py").write_text(settings, encoding="utf-8")
    for name, notebook in notebooks.items():
        (source / f"{name}.ipynb").write_text(notebook_as_text(notebook), encoding="utf-8")
    for name, text in pages.items():
        (source / f"{name}.md").write_text(text, encoding="utf-8")
    contents = "\n".join([*notebooks, *(name for name in pages if name != "index")])
    with (source / "index.md").open("a", encoding="utf-8") as index:
        index.write(f"\n```{{toctree}}\n:hidden:\n\n{contents}\n```\n")
    words = ["sphinx", "-q", "-W", "--keep-going", "-b", "html", str(source), str(built)]
    run = _run_python(folder.parent, "-m", *words)
    if run.returncode:
        complaints = dict.fromkeys(run.stderr.strip().replace(str(source), "").splitlines())
        raise RuntimeError("Sphinx could not build the pages: " + " / ".join(complaints))
    shutil.rmtree(built / ".doctrees", ignore_errors=True)
    if folder.exists():
        folder.rename(folder.with_name("pages-old"))
    built.rename(folder)


def restore_pages(folder: Path) -> None:
    """Bring back the pages where a run was killed while it exchanged them; remove its others."""
    old = folder.with_name("pages-old")
    if old.exists() and not folder.exists():
        old.rename(folder)
    for left in folder.parent.glob("pages-*"):
        shutil.rmtree(left, ignore_errors=True)


def require_sphinx(build: Path) -> None:
    """Try, before chapters run for hours, whether what makes the pages can start at all."""
    code = "import myst_nb, sphinx_book_theme, sphinx.cmd.build as it; it.main(['--version'])"
    run = _run_python(build, "-c", code)
    if run.returncode:
        last = in_one_line((run.stderr.strip().splitlines() or ["no word"])[-1])
        raise BookError(f"Sphinx does not start: {last}; pip install 'cnnbook[book]'.")


def _run_python(build: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the environment that chapters have."""
    environment = kernel_environment(True, build / "kernel")
    command = [sys.executable, *words]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace"
    )
