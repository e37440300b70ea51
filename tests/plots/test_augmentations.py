"""plot_augmentations: what is drawn, read back from the axes."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from cnnbook.plots.augmentations import plot_augmentations


@pytest.fixture
def image():
    """A picture of 4x6 pixels in colour, all its values different."""
    return np.arange(72, dtype="uint8").reshape(4, 6, 3)


def drawn(figure):
    """Return the arrays drawn, in reading order."""
    return [np.asarray(cell.images[0].get_array()) for cell in figure.axes]


class Numbered:
    """A change that counts: the k-th picture it returns is brighter by k."""

    def __init__(self):
        self.seen = []

    def __call__(self, images):
        self.seen.append(images)
        return images + np.arange(len(images), dtype="uint8")[:, None, None, None]


def test_each_change_has_a_row_with_its_name_and_each_draw_a_cell(image):
    figure = plot_augmentations(image, {"add": Numbered(), "mirror": lambda x: x[:, :, ::-1]}, 3)
    expected = [image, image + 1, image + 2, *[image[:, ::-1]] * 3]
    for picture, wanted in zip(drawn(figure), expected, strict=True):
        np.testing.assert_array_equal(picture, wanted)
    assert [cell.get_ylabel() for cell in figure.axes] == ["add", "", "", "mirror", "", ""]
    grid = figure.axes[0].get_gridspec()
    assert (grid.nrows, grid.ncols) == (2, 3)


def test_a_change_gets_all_its_pictures_in_one_batch(image):
    change = Numbered()
    plot_augmentations(image, {"add": change}, columns=5)
    [seen] = change.seen
    np.testing.assert_array_equal(seen, [image] * 5)


def test_a_layer_is_called_in_training_mode(image):
    flip = keras.layers.RandomFlip("horizontal", seed=0)
    pictures = drawn(plot_augmentations(image, {"flip": flip}, columns=16))
    flipped = [np.array_equal(picture, image[:, ::-1]) for picture in pictures]
    assert 0 < sum(flipped) < 16


def test_a_layer_that_changes_nothing_unless_told_is_told(image):
    noise = keras.layers.GaussianNoise(1.0, seed=0)
    pictures = drawn(plot_augmentations(image.astype("float32"), {"noise": noise}, 2))
    assert (pictures[0] != image).any()


def test_values_outside_the_range_become_the_nearest_bound_and_fractions_are_rounded(image):
    changes = {"up": lambda x: x + 999.0, "down": lambda x: x - 999.0, "half": lambda x: x + 0.6}
    up, down, half = drawn(plot_augmentations(image, changes, columns=1))
    assert (up == 255).all() and (down == 0).all()
    np.testing.assert_array_equal(half, image + 1)


def test_a_grey_picture_is_drawn_from_black_to_white():
    figure = plot_augmentations(np.full((3, 3, 1), 9), {"none": lambda x: x}, columns=1)
    picture = figure.axes[0].images[0]
    assert picture.get_clim() == (0, 255)
    assert picture.get_cmap().name == "gray"


def test_a_change_may_change_the_size(image):
    small = plot_augmentations(image, {"every second": lambda x: x[:, ::2, ::2]}, columns=1)
    assert drawn(small)[0].shape == (2, 3, 3)


def test_the_title_stands_above_and_the_size_follows_the_picture(image):
    figure = plot_augmentations(image, {"none": lambda x: x}, 4, inches=1.5, title="Four")
    assert figure.get_suptitle() == "Four"
    wide, high = figure.get_size_inches()
    assert 6 < wide < 6.6
    assert high == pytest.approx(1.5 * 4 / 6 + 0.3)


def test_names_stand_beside_their_rows_without_touching_one_another(image):
    changes = {f"a rather long name, number {k}": lambda x: x for k in range(3)}
    figure = plot_augmentations(image, changes, 2, inches=0.6)
    for _ in range(2):  # the first drawing lays it out
        figure.canvas.draw()
    names = [cell.yaxis.label.get_window_extent() for cell in figure.axes[::2]]
    assert not any(a.overlaps(b) for a, b in pairwise(names))
    assert all(name.x0 >= 0 for name in names)
    pictures = [cell.get_window_extent() for cell in figure.axes]
    assert not any(name.overlaps(picture) for name in names for picture in pictures)


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6, 3), (4, 6, 2), (0, 6, 3)])
def test_what_is_no_picture_is_refused(shape):
    with pytest.raises(ValueError, match=r"`image` must have shape \(height, .*images\[0\]"):
        plot_augmentations(np.zeros(shape), {"none": lambda x: x})


def test_other_impossible_arguments_are_named(image):
    with pytest.raises(ValueError, match="`changes` must name at least one change"):
        plot_augmentations(image, {})
    with pytest.raises(ValueError, match="`columns` must be 1 or more; got 0"):
        plot_augmentations(image, {"none": lambda x: x}, columns=0)
    with pytest.raises(ValueError, match="'first' got 6 and returned 1"):
        plot_augmentations(image, {"first": lambda x: x[:1]})


def test_a_change_that_works_in_place_changes_nothing_for_the_next():
    changes = {"brighter": lambda images: images.__iadd__(99), "none": lambda images: images}
    figure = plot_augmentations(np.zeros((4, 4, 1)), changes, 1)
    assert [axes.images[0].get_array().max() for axes in figure.axes] == [99, 0]


@pytest.mark.parametrize("shape", [(2, 4, 4, 5), (2, 4, 4), (2, 4, 4, 1)])
def test_a_change_that_returns_no_pictures_is_named(shape):
    made = np.full(shape, np.nan if shape[3:] == (1,) else 0)
    with pytest.raises(ValueError, match="`changes` must return finite .*'odd' returned float"):
        plot_augmentations(np.zeros((4, 4, 1)), {"odd": lambda images: made * 1.0}, 2)
