"""Sources become notebooks one way; runs are honest about failures."""

import base64
import io
import os
import sys
import time

import nbformat
import numpy as np
import pytest
from PIL import Image

from cnnbook.book._png import shrink_png
from cnnbook.book.notebooks import (
    START_UP_MESSAGES,
    NotebookError,
    _tidy_outputs,
    make_notebook,
    run_notebook,
    take_outputs,
    write_notebook,
)

SOURCE = """\
# %% [markdown]
# # Title

# %% tags=["nbval-check-output"]
print(2 + 2)

# %% tags=["solution"]
import os

print(os.environ["COLOUR"])
"""


def run(source, tmp_path, **environment):
    notebook = make_notebook(source)
    seconds = run_notebook(notebook, tmp_path, {**os.environ, **environment})
    return notebook, seconds


def test_the_same_source_gives_the_same_notebook():
    assert make_notebook(SOURCE) == make_notebook(SOURCE)
    assert [cell.id for cell in make_notebook(SOURCE).cells] == ["cell-01", "cell-02", "cell-03"]


def test_solutions_are_folded_and_other_tags_kept():
    _, checked, solution = make_notebook(SOURCE).cells
    assert checked.metadata == {"tags": ["nbval-check-output"]}
    assert solution.metadata.tags == ["solution"]
    assert solution.metadata.jupyter == {"source_hidden": True, "outputs_hidden": True}


@pytest.mark.parametrize(
    ("tag", "hidden"),
    [
        ("setup", {"source_hidden": True}),
        ("hide-input", {"source_hidden": True}),
        ("claims", {"source_hidden": True, "outputs_hidden": True}),
    ],
)
def test_machinery_is_folded_in_jupyterlab(tag, hidden):
    source = f'# %% [markdown]\n# # A\n\n# %% tags=["{tag}"]\n1 + 1\n'
    assert make_notebook(source).cells[1].metadata == {"tags": [tag], "jupyter": hidden}


def test_a_text_for_those_who_cannot_see_the_picture_is_kept_and_other_metadata_is_not():
    source = '# %% [markdown]\n# # A\n\n# %% alt="A cat." slideshow={"x": 1}\n1 + 1\n'
    assert make_notebook(source).cells[1].metadata == {"alt": "A cat."}


@pytest.mark.slow
def test_a_run_numbers_the_cells_and_sees_the_environment(tmp_path):
    notebook, seconds = run(SOURCE, tmp_path, COLOUR="green")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2]
    assert [cell.outputs[0].text for cell in code] == ["4\n", "green\n"]
    assert 0 < seconds < 60


@pytest.mark.slow
def test_two_runs_write_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        notebook, _ = run(SOURCE, tmp_path, COLOUR="green")
        write_notebook(notebook, tmp_path / f"{name}.ipynb")
    assert (tmp_path / "one.ipynb").read_bytes() == (tmp_path / "two.ipynb").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.ipynb", "two.ipynb"]


@pytest.mark.slow
def test_a_failing_cell_is_named(tmp_path):
    with pytest.raises(NotebookError, match="cell-02: ZeroDivisionError: division by zero"):
        run("# %%\n1 + 1\n\n# %%\n1 / 0\n\n# %%\n2 + 2", tmp_path)


@pytest.mark.slow
def test_an_expected_error_is_no_failure(tmp_path):
    notebook, _ = run('# %% tags=["raises-exception"]\n1 / 0\n\n# %%\nprint("on")', tmp_path)
    assert notebook.cells[1].outputs[0].text == "on\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("print('nearly')\nos._exit(3)", r"the kernel died: it ended with status 3"),
        ("os.kill(os.getpid(), 9)", r"the kernel died: it was killed by signal 9 .* enough memory"),
        (
            "os.write(2, b'terminate called by bad_alloc\\n')\nos.abort()",
            "the kernel died: .* 6 .*; its last words: terminate called by bad_alloc; is there",
        ),
        ("exit", "it ends the kernel, by `exit` or `quit`"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("print('x' * 400_000)", r"wrote more than 100,000 characters; print less"),
        ("while True:\n    print('x' * 100)", r"wrote more than 100,000 characters; print less"),
    ],
)
def test_what_ends_a_kernel_is_told_with_its_cell_and_soon(tmp_path, code, reason):
    start = time.monotonic()
    with pytest.raises(NotebookError, match=f"^cell-02: {reason}") as caught:
        run(f"# %%\nimport os\n\n# %%\n{code}\n\n# %%\n2 + 2", tmp_path)
    assert time.monotonic() - start < 30
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_kernel_that_never_answers_is_one_line(tmp_path, monkeypatch):
    async def execute(self, **options):
        raise RuntimeError("Kernel didn't respond in 60 seconds")

    monkeypatch.setattr("cnnbook.book._kernel.NotebookClient.async_execute", execute)
    with pytest.raises(NotebookError, match="in 60 seconds; is the machine very busy"):
        run("# %%\n1 + 1", tmp_path)


def test_a_kernel_that_cannot_be_started_is_one_line(tmp_path, monkeypatch):
    def launch(*_, **__):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("jupyter_client.provisioning.local_provisioner.launch_kernel", launch)
    with pytest.raises(NotebookError, match=r"^OSError: \[Errno 24\] Too many open files$"):
        run("# %%\n1 + 1", tmp_path)


@pytest.mark.slow
def test_a_kernel_is_of_this_python_whatever_kernels_the_user_has(tmp_path, monkeypatch):
    kernel = tmp_path / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text('{"argv": ["/nowhere/python"], "display_name": "x", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    notebook, _ = run("# %%\nimport sys\n\nprint(sys.executable)", tmp_path)
    assert notebook.cells[0].outputs[0].text == f"{sys.executable}\n"


@pytest.mark.slow
def test_a_warning_left_on_stderr_is_refused(tmp_path):
    with pytest.raises(NotebookError, match="cell-01 wrote to stderr.*careful"):
        run('# %%\nimport warnings\n\nwarnings.warn("careful")', tmp_path)


def test_only_start_up_messages_are_dropped():
    noise = (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        "I0000 00:00:1795306714.486315    2086 port.cc:153] oneDNN custom operations are on.\n"
        "2026-01-31 10:00:00.123456: I tensorflow/core/util/port.cc:153] oneDNN\n"
    )
    noise += "Matplotlib is building the font cache; this may take a moment.\n"
    assert START_UP_MESSAGES.sub("", noise) == ""
    assert START_UP_MESSAGES.sub("", noise + "UserWarning: real\n") == "UserWarning: real\n"


@pytest.mark.slow
def test_new_prose_takes_the_outputs_of_the_same_code(tmp_path):
    executed, _ = run(SOURCE, tmp_path, COLOUR="green")
    fresh = take_outputs(make_notebook(SOURCE.replace("Title", "Better title")), executed)
    assert fresh.cells[0].source == "# Better title"
    assert fresh.cells[2].outputs[0].text == "green\n"


@pytest.mark.slow
def test_changed_code_never_takes_old_outputs(tmp_path):
    executed, _ = run(SOURCE, tmp_path, COLOUR="green")
    with pytest.raises(NotebookError, match="run it again"):
        take_outputs(make_notebook(SOURCE.replace("2 + 2", "2 + 3")), executed)


SMOOTH = np.dstack([np.add.outer(np.arange(60), np.arange(80))] * 3).astype("uint8")
NOISE = np.random.default_rng(0).integers(0, 256, (60, 80, 4), "uint8")
PICTURES = {
    "few colours": np.where(SMOOTH[..., :1] > 70, [[[200, 30, 30, 255]]], [[[255] * 4]]).astype(
        "uint8"
    ),
    "many colours": np.dstack([NOISE[..., :3] // 8 + SMOOTH, np.full((60, 80), 255, "uint8")]),
    "a transparent one": np.dstack([SMOOTH, np.add.outer(np.arange(60) * 4, np.zeros(80))]).astype(
        "uint8"
    ),
    "grey": SMOOTH[..., 0],
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_kept_picture_has_the_same_pixels_in_no_more_bytes(name):
    Image.fromarray(PICTURES[name]).save(file := io.BytesIO(), "PNG", compress_level=6)
    cell = nbformat.v4.new_code_cell("draw()")
    data = {"image/png": base64.b64encode(file.getvalue()).decode(), "text/plain": "a figure"}
    cell.outputs = [nbformat.v4.new_output("display_data", data=dict(data))]
    _tidy_outputs(cell)
    [output] = cell.outputs
    assert output.data["text/plain"] == "a figure"
    kept = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    assert kept.format == "PNG"
    np.testing.assert_array_equal(kept.convert("RGBA"), Image.open(file).convert("RGBA"))
    assert len(output.data["image/png"]) <= len(data["image/png"])


def test_a_broken_picture_is_told_with_its_cell():
    cell = nbformat.v4.new_code_cell("draw()", id="cell-07")
    cell.outputs = [nbformat.v4.new_output("display_data", data={"image/png": "bm9wZQ=="})]
    with pytest.raises(NotebookError, match="^cell-07 shows a broken picture: Unidentified"):
        _tidy_outputs(cell)


def test_figures_lose_bytes():
    for name in ("few colours", "many colours"):
        Image.fromarray(PICTURES[name]).save(file := io.BytesIO(), "PNG", compress_level=6)
        text = base64.b64encode(file.getvalue()).decode()
        assert len(shrink_png(text)) < 0.95 * len(text), name


def test_a_chart_of_more_colours_than_a_palette_holds_loses_a_third():
    chance = np.random.default_rng(0)
    colours = chance.integers(0, 256, (512, 4), "uint8")
    dots = colours[chance.integers(0, 512, (100, 200))]
    Image.fromarray(dots).save(file := io.BytesIO(), "PNG", optimize=True)
    text = base64.b64encode(file.getvalue()).decode()
    shrunk = shrink_png(text)
    assert len(shrunk) < 0.67 * len(text)
    kept = Image.open(io.BytesIO(base64.b64decode(shrunk)))
    np.testing.assert_array_equal(kept.convert("RGBA"), Image.open(file).convert("RGBA"))
