"""How does the text of a chapter become an executed notebook, one way only?

A source is a Python file in jupytext's percent format. The same source and the same results give
the same bytes: cell ids are numbered, metadata is fixed, TensorFlow's start-up messages left out.
"""

import base64
import io
import os
import re
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from PIL import Image

from cnnbook._checks import checked

try:
    import jupytext
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(f"{error.name} is missing: pip install 'cnnbook[book]'") from None

Node = nbformat.NotebookNode
SECONDS_PER_CELL = 7_200  # one that trains takes half an hour on a CPU without bfloat16 units
START_UP_MESSAGES = re.compile(
    r"^(?:[IWE]0000 .*|WARNING: All log messages before absl.*|To enable the following.*"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWE] .*)\n?",
    re.MULTILINE,
)


class NotebookError(Exception):
    """A notebook did not run to its end, or left something behind."""


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
        tags = cell.metadata.get("tags", [])
        cell.metadata = {"tags": tags} if tags else {}
        if "solution" in tags:
            cell.metadata["tags"] = [*tags, "hide-cell"]
            cell.metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return nbformat.from_dict(notebook)


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
        NotebookError: If a cell fails, runs too long or writes to stderr, or the kernel dies or
            never answers.
    """
    client = NotebookClient(
        notebook,
        timeout=SECONDS_PER_CELL,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,  # else each line printed is an output of its own
        resources={"metadata": {"path": os.fspath(folder)}},
    )
    start = time.perf_counter()
    with tempfile.TemporaryFile() as log:  # what the kernel says outside of the cells
        try:
            client.execute(env=dict(environment), stderr=log)
        except CellExecutionError as error:
            failed = (cell for cell in notebook.cells if _has_error(cell))
            raise NotebookError(f"{next(failed).id}: {error.ename}: {error.evalue}") from error
        except CellTimeoutError as error:
            raise NotebookError(f"a cell ran longer than {SECONDS_PER_CELL:,} s") from error
        except DeadKernelError as error:
            log.seek(0)
            last_words = log.read().decode(errors="replace").strip().splitlines()[-1:]
            message = ["the kernel died; is there enough memory?", *last_words]
            raise NotebookError(" ".join(message)) from error
        except RuntimeError as error:  # what nbclient raises when a kernel never answers
            reason = f"{error}; is the machine very busy, or its loopback network down?"
            raise NotebookError(reason) from error
    seconds = time.perf_counter() - start
    for cell in notebook.cells:
        _tidy_outputs(cell)
    return seconds


def _has_error(cell: Node) -> bool:
    """Whether the cell ended in an error that it was not meant to raise."""
    on_purpose = "raises-exception" in cell.metadata.get("tags", [])
    return not on_purpose and any(o.output_type == "error" for o in cell.get("outputs", []))


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
            output.data["image/png"] = _shrink_png(output.data["image/png"])
        kept.append(output)
    cell.outputs = kept
    cell.metadata.pop("execution", None)


def _shrink_png(text: str) -> str:
    """Write a picture, in base64, in fewer bytes and with the same pixels."""
    picture: Image.Image = Image.open(io.BytesIO(base64.b64decode(text)))
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):  # opaque
        picture = picture.convert("RGB")
    if picture.mode == "RGB" and picture.getcolors(256):
        picture = picture.quantize(256, dither=Image.Dither.NONE)
    picture.save(smaller := io.BytesIO(), "PNG", optimize=True)
    shrunk = base64.b64encode(smaller.getvalue()).decode()
    return min(text, shrunk, key=len)


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
def write_notebook(notebook: Node, path: Path) -> None:
    """Write beside, then rename: a broken run never leaves half a notebook."""
    temporary = path.with_suffix(".partial")
    nbformat.write(notebook, temporary)
    temporary.replace(path)
