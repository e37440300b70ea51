"""plot_gallery: what is drawn, read back from the axes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cnnbook.plots.gallery import plot_gallery


def drawn(figure):
    """Return the arrays drawn, in reading order."""
    return [np.squeeze(cell.images[0].get_array()) for cell in figure.axes if cell.images]


@pytest.fixture
def five():
    """Five pictures of 4x6 pixels, number i all of the grey value 10 * i."""
    return np.full((5, 4, 6), 10, "uint8") * np.arange(5, dtype="uint8")[:, None, None]


def test_every_image_is_drawn_once_in_order(five):
    pictures = drawn(plot_gallery(five, columns=2))
    assert [int(picture[0, 0]) for picture in pictures] == [0, 10, 20, 30, 40]
    assert all(picture.shape == (4, 6) for picture in pictures)


def test_unused_cells_are_blank(five):
    last = plot_gallery(five, columns=2).axes[-1]
    assert not last.images
    assert not last.axison


@pytest.mark.parametrize(("columns", "rows_and_columns"), [(2, (3, 2)), (5, (1, 5)), (8, (1, 5))])
def test_rows_and_columns(five, columns, rows_and_columns):
    grid = plot_gallery(five, columns=columns).axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == rows_and_columns


@pytest.mark.parametrize(
    ("image", "white"), [(np.uint8(9), 255), (np.int64(9), 255), (np.float32(0.5), 1)]
)
def test_grey_values_mean_the_same_in_every_picture(image, white):
    """A dark picture stays dark: the scale is fixed, not stretched to each image."""
    picture = plot_gallery(np.full((1, 3, 3, 1), image)).axes[0].images[0]
    assert picture.get_clim() == (0, white)
    assert picture.get_cmap().name == "gray"


def test_colour_images_keep_their_colours():
    red = np.zeros((1, 2, 2, 3), "uint8")
    red[..., 0] = 255
    np.testing.assert_array_equal(drawn(plot_gallery(red))[0], red[0])


def test_colours_outside_the_range_are_cut_in_silence(caplog):
    wild = np.array([-1.0, 0.5, 7.0]).reshape(1, 1, 1, 3)
    np.testing.assert_array_equal(drawn(plot_gallery(wild))[0], [0, 0.5, 1])
    assert not caplog.records


@pytest.mark.slow
def test_titles_stand_above_their_images(five):
    figure = plot_gallery(five, titles=list("abcde"), title="Five greys")
    assert [cell.get_title() for cell in figure.axes] == list("abcde")
    assert figure.get_suptitle() == "Five greys"


def test_no_titles_unless_asked(five):
    figure = plot_gallery(five)
    assert [cell.get_title() for cell in figure.axes] == [""] * 5
    assert figure.get_suptitle() == ""


def test_the_cell_has_the_shape_of_the_image():
    wide, high = plot_gallery(np.zeros((1, 20, 40)), inches=2.0).get_size_inches()
    assert (wide, high) == (2.0, 1.0)


def test_figures_that_were_open_are_left_alone(five):
    mine = plt.figure()
    plot_gallery(five)
    assert plt.fignum_exists(mine.number)
    assert not mine.axes


def test_a_list_of_images_is_accepted(five):
    assert len(drawn(plot_gallery(list(five)))) == 5


@pytest.mark.parametrize("shape", [(0, 28, 28), (0, 28, 28, 1), (0, 28, 28, 3), (2, 0, 28)])
def test_no_image_says_so(shape):
    with pytest.raises(ValueError, match=r"`images` must hold at least one image; got shape \("):
        plot_gallery(np.zeros(shape))


@pytest.mark.parametrize("shape", [(28, 28), (2, 3, 28, 28, 1), (5, 28, 28, 2), (5, 28, 28, 4)])
def test_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"`images` must have shape \(count, .*image\[None\]"):
        plot_gallery(np.zeros(shape))


def test_titles_of_another_length_are_refused(five):
    with pytest.raises(ValueError, match="`titles` must hold one string an image, 5; got 2"):
        plot_gallery(five, titles=["a", "b"])


@pytest.mark.parametrize("columns", [0, -3])
def test_no_columns_are_refused(five, columns):
    with pytest.raises(ValueError, match=f"`columns` must be 1 or more; got {columns}"):
        plot_gallery(five, columns=columns)
