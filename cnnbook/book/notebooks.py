"""How does the text of a chapter become an executed notebook, one way only?

A source is a Python file in jupytext's percent format. The same source and the same results give
the same bytes: cell ids are numbered, metadata is fixed, TensorFlow's start-up messages left out.
"""

import ast
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cnnbook._checks import checked, shown
from cnnbook.book._files import RESTORE, BookError, in_one_line, read_json, read_text, write_whole
from cnnbook.book._kernel import Node, NotebookError, jupytext, nbformat, run_cells
from cnnbook.book._png import shrink_png

START_UP_MESSAGES = re.compile(
    r"^(?:[IWE]0000 .*|WARNING: All log messages before absl.*|To enable the following.*"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] .*|Matplotlib is building the font cache.*)\n?",
    re.MULTILINE,
)

KEPT = ("tags", "alt")  # what a source says of a cell
HIDDEN = {  # what JupyterLab hides of a cell with a tag
    "setup": ("source_hidden",),
    "hide-input": ("source_hidden",),
    "claims": ("source_hidden", "outputs_hidden"),
    "solution": ("source_hidden", "outputs_hidden"),
}


@checked
def make_notebook(source: str) -> Node:
    r"""Turn the text of a chapter into a notebook that has not been run.

    Cells with the tag "solution" are folded away, in JupyterLab and on the pages.

    Example:
        >>> notebook = make_notebook("# %% [markdown]\n# # Title\n\n# %%\n1 + 1")
        >>> [(cell.id, cell.cell_type, cell.source) for cell in notebook.cells]
        [('cell-01', 'markdown', '# Title'), ('cell-02', 'code', '1 + 1')]
    """
    notebook = jupytext.reads(source, fmt="py:percent")
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number:02d}"
        cell.metadata = {key: cell.metadata[key] for key in KEPT if cell.metadata.get(key)}
        if cell.cell_type == "code":
            cell.metadata |= _folded(cell.metadata.get("tags", ()))
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return nbformat.from_dict(notebook)


def _folded(tags: Sequence[str]) -> dict[str, dict[str, bool]]:
    """Return the metadata by which JupyterLab folds a cell with these tags."""
    hidden = {part for tag in tags for part in HIDDEN.get(tag, ())}
    return {"jupyter": dict.fromkeys(sorted(hidden), True)} if hidden else {}


@checked
def run_notebook(notebook: Node, folder: str | Path, environment: Mapping[str, str]) -> float:
    """Run every cell in a fresh kernel and store the outputs in the notebook.

    Args:
        notebook: Changed in place.
        folder: The working folder of the kernel.
        environment: All variables of the kernel.

    Returns:
        The seconds that it took.

    Raises:
        NotebookError: If a cell fails, runs too long, prints too much or writes to stderr, or the
            kernel ends or never answers.
    """
    start = time.perf_counter()
    run_cells(notebook, Path(folder), environment)
    seconds = time.perf_counter() - start
    for cell in notebook.cells:
        _tidy_outputs(cell)
    return seconds


def _tidy_outputs(cell: Node) -> None:
    """Drop start-up messages and metadata that changes, shrink pictures; refuse other stderr."""
    if cell.cell_type != "code":
        return
    kept = []
    for output in cell.outputs:
        if output.get("name") == "stderr":
            if rest := START_UP_MESSAGES.sub("", output.text).strip():
                raise NotebookError(f"{cell.id} wrote to stderr: {rest.splitlines()[-1]}")
            continue
        if "image/png" in output.get("data", {}):
            try:
                output.data["image/png"] = shrink_png(output.data["image/png"])
            except Exception as error:  # Pillow and base64 raise many kinds
                reason = in_one_line(f"{type(error).__name__}: {error}")
                raise NotebookError(f"{cell.id} shows a broken picture: {reason}") from error
        kept.append(output)
    cell.outputs = kept
    cell.metadata.pop("execution", None)


@checked
def take_outputs(notebook: Node, executed: Node) -> Node:
    """Give a notebook the outputs of an executed one that has the same code cells.

    So corrected prose needs no new run.

    Raises:
        NotebookError: If the code differs: then only a new run can give the outputs.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    done = [cell for cell in executed.cells if cell.cell_type == "code"]
    if [cell.source for cell in code] != [cell.source for cell in done]:
        raise NotebookError("the code has changed since the last run; run it again")
    for cell, old in zip(code, done, strict=True):
        cell.outputs, cell.execution_count = old.outputs, old.execution_count
    return notebook


@checked
def read_source(path: Path, text: str | None = None) -> Node:
    """Make the notebook of a chapter; a BookError says where its source is no Python.

    Args:
        path: The source.
        text: What it will say, where that is not yet written.
    """
    text = (text or read_text(path)).removeprefix("\ufeff").replace("\r\n", "\n")
    try:
        compile(text, path, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError) as error:  # of bytes that are null
        line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
        what = in_one_line(getattr(error, "msg", error))
        raise BookError(f"{shown(path)}, line {line}, column {column}: {what}.") from None
    notebook = make_notebook(text)
    first = next((cell for cell in notebook.cells if cell.source.strip()), None)
    if not first or first.cell_type != "markdown" or not first.source.startswith("# "):
        advice = "a chapter begins with `# %% [markdown]` and `# # Its title`"
        raise BookError(f"{shown(path)} has no title: {advice}.")
    return notebook


@checked
def read_notebook(path: Path) -> Node:
    """Read a kept notebook; a BookError says what is broken."""
    again = f"`cnnbook book --update {path.stem}` makes a new one"
    if not path.exists():
        raise BookError(f"{shown(path)} is missing; {again}.")
    content = read_json(path)
    if not isinstance(content, dict) or content.get("nbformat") != 4:
        raise BookError(f"{shown(path)} is no notebook of format 4; {RESTORE}, or {again}.")
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:  # what nbformat raises depends on what is missing
        reason = in_one_line(f"{type(error).__name__}: {error}")
        raise BookError(f"{shown(path)}: {reason}; {RESTORE}, or {again}.") from None
    return notebook


def notebook_as_text(notebook: Node) -> str:
    """Return what is written of a notebook."""
    return nbformat.writes(notebook) + "\n"


@checked
def write_notebook(notebook: Node, path: Path) -> None:
    """Write beside, then rename: a broken run never leaves half a notebook."""
    write_whole({path: notebook_as_text(notebook)})
