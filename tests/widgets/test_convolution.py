"""The widget's answers against a loop, its sliders moved from Python, its figure read back."""

import base64
import os
import subprocess
import sys
import types

import nbformat
import numpy as np
import pytest

from cnnbook.book.notebooks import make_notebook, run_notebook, write_notebook
from cnnbook.widgets import _figures
from cnnbook.widgets import convolution as module
from cnnbook.widgets._figures import WIDGET_VIEW
from cnnbook.widgets.convolution import KERNELS, convolution_widget

PNG = b"\x89PNG"


@pytest.fixture
def noise():
    return np.random.default_rng(0).random((20, 31))


@pytest.fixture
def widget(noise):
    dots = np.zeros((12, 9, 3), "uint8")
    dots[4, 3] = 0, 255, 255
    return convolution_widget({"noise": noise, "dots": dots})


@pytest.fixture
def somebody(monkeypatch):
    """A notebook with somebody sitting at it."""
    message = {"metadata": {"cellId": "one"}, "content": {}}
    shell = types.SimpleNamespace(get_parent=lambda: message)
    monkeypatch.setattr(_figures, "get_ipython", lambda: shell)
    return message


def drawn(widget):
    """The arrays of picture, kernel and output as they are drawn."""
    return [np.asarray(axes.images[0].get_array()) for axes in widget.draw().axes[:3]]


def slide(image, kernel, strides, padding):
    """The definition, as a loop."""
    height, width = kernel.shape
    image = np.pad(image, padding)
    return np.array(
        [
            [
                (image[r : r + height, c : c + width] * kernel).sum()
                for c in range(0, image.shape[1] - width + 1, strides)
            ]
            for r in range(0, image.shape[0] - height + 1, strides)
        ]
    )


def test_an_edge_worked_by_hand():
    edge = np.array([[0, 0, 1.0, 1, 1]] * 5)
    name = "vertical edges"
    widget = convolution_widget({"edge": edge}, {name: KERNELS[name]})
    np.testing.assert_array_equal(widget.output, [[4, 4, 0]] * 3)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("strides", "padding"), [(1, 0), (2, 1), (3, 3), (4, 2)])
def test_every_setting_is_what_a_loop_gives(widget, noise, kernel, strides, padding):
    widget.kernel, widget.strides, widget.padding = kernel, strides, padding
    expected = slide(noise, KERNELS[kernel], strides, padding)
    np.testing.assert_allclose(widget.output, expected, atol=1e-12)


def test_an_oblong_kernel_of_ones_own_keeps_rows_and_columns_apart(noise):
    kernel = np.arange(6).reshape(2, 3)
    widget = convolution_widget({"noise": noise}, {"mine": kernel}, strides=3, padding=2)
    np.testing.assert_allclose(widget.output, slide(noise, kernel, 3, 2), atol=1e-12)
    assert widget.output.shape == (8, 11)


def test_colours_are_averaged_and_whole_numbers_are_shares_of_255(widget):
    widget.picture = "dots"
    assert widget.pictures["dots"][4, 3] == pytest.approx(2 / 3)
    assert widget.pictures["dots"].sum() == pytest.approx(2 / 3)


# Sliders -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("control", "value", "sizes"),
    [
        ("strides", 2, [(20, 31), (3, 3), (9, 15)]),
        ("padding", 1, [(22, 33), (3, 3), (20, 31)]),
        ("kernel", "blur 5×5", [(20, 31), (5, 5), (16, 27)]),
        ("picture", "dots", [(12, 9), (3, 3), (10, 7)]),
    ],
)
def test_a_slider_moved_changes_what_is_drawn(widget, control, value, sizes):
    before, old = drawn(widget), widget.controls["figure"].value
    widget.controls[control].value = value
    after = drawn(widget)
    assert [array.shape for array in after] == sizes
    assert [array.shape for array in before] == [(20, 31), (3, 3), (18, 29)]
    np.testing.assert_allclose(after[2], widget.output)
    assert widget.controls["figure"].value != old
    assert bytes(widget.controls["figure"].value).startswith(PNG)


@pytest.mark.slow
def test_a_slider_moved_back_gives_the_same_picture_again(widget):
    first = widget.controls["figure"].value
    widget.controls["strides"].value = 4
    widget.controls["strides"].value = 1
    assert widget.controls["figure"].value == first


@pytest.mark.slow
def test_what_is_set_in_python_moves_the_slider(widget):
    controls = widget.controls
    widget.strides, widget.kernel = 3, "outline"
    assert (controls["strides"].value, controls["kernel"].value) == (3, "outline")


def test_sliders_start_where_they_were_told(noise):
    controls = convolution_widget({"noise": noise}, strides=2, padding=3).controls
    assert (controls["strides"].value, controls["padding"].value) == (2, 3)
    assert (controls["strides"].min, controls["strides"].max) == (1, 4)
    assert (controls["padding"].min, controls["padding"].max) == (0, 3)


def test_what_is_live_holds_every_control_and_the_figure(widget):
    columns, figure = widget.box.children
    inside = [control for column in columns.children for control in column.children]
    assert [*inside, figure] == list(widget.controls.values())
    assert [control.description for control in inside] == list(module.NAMES)


# The figure ----------------------------------------------------------------------------------


def test_sizes_stand_in_the_titles_and_the_sum_is_written_out(widget):
    widget.strides, widget.padding = 2, 1
    figure = widget.draw()
    titles = [axes.get_title() for axes in figure.axes[:3]]
    assert titles == ["picture and zeros, 22×33", "kernel, 3×3", "output, 10×16"]
    first, second = figure.get_suptitle().splitlines()
    assert first == "vertical edges, stride 2, padding 1"
    rows, columns = second.split("; ")
    assert rows == "rows (20 - 3 + 2·1) / 2 + 1 = 10.5, so 10"
    assert columns == "columns (31 - 3 + 2·1) / 2 + 1 = 16"


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["outline", "blur 5×5"])
@pytest.mark.parametrize(("strides", "padding"), [(1, 0), (2, 0), (3, 2)])
def test_every_answer_is_drawn_around_the_middle_of_its_window(widget, kernel, strides, padding):
    widget.kernel, widget.strides, widget.padding = kernel, strides, padding
    figure = widget.draw()
    left, _, right = figure.axes[:3]
    start, end, bottom, top = right.images[0].get_extent()
    rows, columns = widget.output.shape
    size, middle = KERNELS[kernel].shape[0], (KERNELS[kernel].shape[0] - 1) / 2
    assert (end - start) / columns == (bottom - top) / rows == strides
    assert start + strides / 2 == top + strides / 2 == middle  # the first answer
    last = (rows - 1) * strides + size - 1  # the last row that the last window covers
    assert bottom - strides / 2 == last - middle
    assert right.get_xlim() == left.get_xlim() and right.get_ylim() == left.get_ylim()


def test_the_picture_is_framed_where_zeros_surround_it(widget):
    assert not widget.draw().axes[0].patches
    widget.padding = 2
    [frame] = widget.draw().axes[0].patches
    assert frame.get_bbox().bounds == (1.5, 1.5, 31, 20)


def test_the_numbers_of_the_kernel_are_written_into_it(widget):
    texts = [text.get_text() for text in widget.draw().axes[1].texts]
    assert texts == ["-1", "0", "1", "-2", "0", "2", "-1", "0", "1"]


def test_signed_answers_have_white_in_the_middle_and_others_start_at_black(widget):
    assert widget.draw().axes[2].images[0].norm(0) == 0.5
    widget.kernel = "blur 3×3"
    assert widget.draw().axes[2].images[0].norm(0) == 0


@pytest.mark.slow
def test_no_figure_is_left_open(widget):
    import matplotlib.pyplot as plt

    plt.close("all")
    widget.controls["strides"].value = 2
    widget._repr_mimebundle_()
    assert not plt.get_fignums()


# Where nobody can turn a slider ----------------------------------------------------------------


def test_outside_of_a_notebook_there_is_a_picture_and_no_widget_is_made(widget, made):
    bundle = widget._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png"}
    assert bundle["text/plain"] == repr(widget)
    assert base64.b64decode(bundle["image/png"]).startswith(PNG)
    assert not made


def test_where_somebody_sits_there_are_sliders_too(widget, somebody):
    bundle = widget._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "image/png", WIDGET_VIEW}
    assert bundle[WIDGET_VIEW]["model_id"] == widget.box.model_id


@pytest.mark.slow
def test_a_program_that_runs_the_cell_tells_nothing_about_it(widget, somebody):
    somebody["metadata"] = {}
    assert WIDGET_VIEW not in widget._repr_mimebundle_()


SOURCE = """\
# %% tags=["nbval-check-output"]
import numpy as np

from cnnbook.widgets.convolution import convolution_widget

convolution_widget({"stairs": np.eye(40)}, strides=2)
"""


@pytest.mark.slow
def test_a_kept_notebook_has_the_picture_and_nothing_else(tmp_path):
    for name in ("one", "two"):
        notebook = make_notebook(SOURCE)
        run_notebook(notebook, tmp_path, os.environ)
        write_notebook(notebook, tmp_path / f"{name}.ipynb")
    [output] = notebook.cells[0].outputs
    assert set(output.data) == {"text/plain", "image/png"}
    text = "<vertical edges on stairs, stride 2, padding 0: 40×40 to 19×19>"
    assert output.data["text/plain"] == text
    assert "widgets" not in notebook.metadata
    nbformat.validate(notebook)
    assert (tmp_path / "one.ipynb").read_bytes() == (tmp_path / "two.ipynb").read_bytes()
    assert len(base64.b64decode(output.data["image/png"])) < 100_000


@pytest.mark.slow
def test_nbval_compares_the_cell_and_finds_it_the_same(tmp_path):
    notebook = make_notebook(SOURCE)
    run_notebook(notebook, tmp_path, os.environ)
    write_notebook(notebook, tmp_path / "probe.ipynb")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull]
    run = subprocess.run(
        [*command, "--nbval", "--nbval-current-env", "probe.ipynb"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "1 passed" in run.stdout, run.stdout


# Wrong arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pictures": {}}, r"`pictures` must map one or more names to arrays; got \{\}"),
        ({"pictures": np.eye(9)}, "`pictures` must map one or more names to arrays"),
        ({"pictures": None}, "`pictures` must map one or more names to arrays; got None"),
        ({"kernels": {}}, "`kernels` must map one or more names"),
        ({"pictures": {"a": np.zeros((1, 9, 9, 3))}}, r"'a' is float64 of shape \(1, 9, 9, 3\)"),
        ({"pictures": {"a": np.zeros((9, 9, 4))}}, r"or \(height, width, 1 or 3\); 'a'"),
        ({"pictures": {"a": np.full((9, 9), np.nan)}}, "`pictures` must hold finite numbers"),
        ({"pictures": {"a": np.full((9, 9), "b")}}, "`pictures` must hold finite numbers"),
        ({"pictures": {"a": np.zeros((6, 9))}}, "as large as every kernel, 7×7; 'a' has 6×9"),
        ({"kernels": {"k": np.ones(3)}}, r"`kernels` must hold finite numbers, \(height, width\);"),
        ({"kernels": {"k": [[np.inf]]}}, "`kernels` must hold finite numbers"),
        ({"kernels": {"k": np.ones((0, 3))}}, "'k' is float64 of shape"),
        ({"strides": 0}, "`strides` must be one of: 1, 2, 3, 4; got 0"),
        ({"strides": 1.0}, "`strides` must be one of: 1, 2, 3, 4; got 1.0"),
        ({"padding": "same"}, "`padding` must be one of: 0, 1, 2, 3; got 'same'"),
    ],
)
def test_what_cannot_be_shown_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        convolution_widget(**{"pictures": {"black": np.zeros((9, 9))}} | change)


def test_a_name_that_is_not_there_lists_those_that_are(widget):
    with pytest.raises(ValueError, match="`picture` must be one of: noise, dots; got 'dot'"):
        widget.picture = "dot"
    assert widget.picture == "noise"
