"""Figures in the style of the book: type, colours, width, and no ground."""

import base64
import io
import subprocess
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.font_manager import FontProperties, findfont
from PIL import Image

from cnnbook._colors import color_scale
from cnnbook.book.copy import copy_modules
from cnnbook.book.environment import kernel_environment
from cnnbook.book.notebooks import make_notebook, run_notebook
from cnnbook.plots.book_style import NO_GROUND, SETTINGS, use_book_style

FONTS = Path(__file__).parents[2] / "cnnbook" / "plots" / "fonts"
WEB = Path(__file__).parents[2] / "cnnbook" / "book" / "web"
# The style as it was designed, in Matplotlib's own words.
DESIGNED = """
figure.figsize: 7.2, 2.8
figure.dpi: 100
savefig.dpi: 200
savefig.transparent: True
figure.constrained_layout.use: True
font.family: Book Sans, DejaVu Sans
font.size: 10.5
axes.titlesize: 10.5
axes.titleweight: bold
axes.titlelocation: left
axes.labelsize: 10.5
xtick.labelsize: 9.5
ytick.labelsize: 9.5
text.color: 1b2026
axes.labelcolor: 585d64
xtick.labelcolor: 585d64
ytick.labelcolor: 585d64
axes.edgecolor: b9b6ac
xtick.color: b9b6ac
ytick.color: b9b6ac
axes.spines.top: False
axes.spines.right: False
axes.grid: True
axes.grid.axis: y
grid.color: e6e3d9
grid.linewidth: 0.7
axes.axisbelow: True
axes.prop_cycle: cycler(color=["0072b2", "d55e00", "00795a", "585d64", "8a5a9e"])
lines.linewidth: 1.8
lines.markersize: 5
legend.frameon: False
image.cmap: Blues
"""


@pytest.fixture(autouse=True)
def _own_settings():
    with plt.rc_context():
        yield
    if "signs" in matplotlib.colormaps:
        matplotlib.colormaps.unregister("signs")


def drawn():
    """Save a small chart; return its pixels."""
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3], [3, 1, 2])
    axes.set(title="A title", xlabel="epoch")
    file = io.BytesIO()
    figure.savefig(file)
    return np.array(Image.open(file))


def test_the_settings_are_those_that_were_designed(tmp_path):
    (tmp_path / "book.mplstyle").write_text(DESIGNED)
    designed = matplotlib.rc_params_from_file(
        tmp_path / "book.mplstyle", use_default_template=False
    )
    assert SETTINGS.keys() == designed.keys()
    use_book_style()
    assert {name: plt.rcParams[name] for name in designed} == dict(designed)
    assert {name: plt.rcParams[name] for name in NO_GROUND} == NO_GROUND


def test_a_figure_is_as_wide_as_the_text_has_200_dots_an_inch_and_no_ground():
    use_book_style()
    pixels = drawn()
    assert pixels.shape == (560, 1440, 4)
    assert pixels[0, 0, 3] == 0
    assert (pixels[..., 3] == 0).mean() > 0.8
    blue = (np.abs(pixels[..., :3].astype(int) - (0x00, 0x72, 0xB2)) < 3).all(-1)
    assert blue.sum() > 1000


def test_the_type_is_that_of_the_book_and_its_title_is_half_bold():
    use_book_style()
    assert Path(findfont(FontProperties(weight="normal"))) == FONTS / "BookSans-Regular.ttf"
    assert Path(findfont(FontProperties(weight="bold"))) == FONTS / "BookSans-SemiBold.ttf"
    book = drawn()
    plt.rcParams["font.family"] = ["DejaVu Sans"]
    assert (book != drawn()).any()


def test_signs_that_the_type_lacks_are_drawn_by_another():
    use_book_style()
    figure, axes = plt.subplots()
    axes.set_title("loss ≤ 3 → ∑")
    figure.canvas.draw()  # a warning, which is an error here, would say that a sign is missing


def test_calling_it_twice_adds_no_font_twice():
    use_book_style()
    use_book_style()
    names = [font.fname for font in matplotlib.font_manager.fontManager.ttflist]
    assert names.count(str(FONTS / "BookSans-Regular.ttf")) == 1


def test_the_fonts_have_their_licence_beside_them():
    text = (FONTS / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL Open Font License, Version 1.1" in text
    assert "BookSans" in text


def test_blue_is_above_zero_and_orange_below_as_in_the_live_pages():
    use_book_style()
    use_book_style()
    signs = matplotlib.colormaps["signs"]
    assert [to_hex(signs(share)) for share in (0.0, 1.0)] == ["#d55e00", "#0060a0"]
    assert min(signs(0.5)[:3]) > 0.98
    live = (WEB / "live" / "live.js").read_text()
    assert "blue: [0, 96, 160], orange: [213, 94, 0]" in live


def test_signed_maps_of_the_package_have_the_colours_of_the_book():
    values = np.array([[-1.0, 2.0]])
    use_book_style()
    assert color_scale(values, "gray")["cmap"] == "signs"
    matplotlib.colormaps.unregister("signs")
    assert color_scale(values, "gray")["cmap"] == "RdBu_r"


@pytest.mark.slow
def test_a_copy_without_the_fonts_draws_with_the_type_of_matplotlib(tmp_path):
    copy_modules(["book_style"], tmp_path)
    code = (
        "import matplotlib; matplotlib.use('agg'); import matplotlib.pyplot as plt\n"
        "import book_style; book_style.use_book_style()\n"
        "figure, axes = plt.subplots(); axes.set_title('x'); figure.canvas.draw()\n"
        "print(plt.rcParams['font.family'], plt.rcParams['axes.titlesize'])\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("['DejaVu Sans'] 10.5\n", "")


@pytest.mark.slow
def test_a_notebook_shows_figures_of_the_same_size_and_without_a_ground(tmp_path):
    source = (
        "# %% [markdown]\n# # 1. One\n\n# %%\nimport matplotlib.pyplot as plt\n"
        "from cnnbook.plots.book_style import use_book_style\n\nuse_book_style()\n\n"
        "# %%\nfigure, axes = plt.subplots()\n"
    )
    notebook = make_notebook(source)
    run_notebook(notebook, tmp_path, kernel_environment(False, tmp_path / "kernel"))
    (output,) = notebook.cells[2].outputs
    picture = Image.open(io.BytesIO(base64.b64decode(output.data["image/png"])))
    assert picture.size == (1440, 560)
    assert picture.convert("RGBA").getpixel((0, 0))[3] == 0
