"""One step through a network, read back from the picture."""

import numpy as np
import pytest

from cnnbook.plots.layer_step import plot_layer

PROBABILITIES = np.array([0.1, 0.7, 0.2])


def step(values, image=None, probabilities=PROBABILITIES, **names):
    image = np.zeros((8, 6, 1)) if image is None else image
    return plot_layer(image, values, probabilities, **names)


def sheet(figure):
    """The tiles, nan where nothing is drawn."""
    return np.ma.filled(figure.axes[1].images[0].get_array().astype(float), np.nan)


def test_every_map_is_a_tile_in_order():
    values = np.ones((20, 28, 5)) * np.arange(5)
    picture = sheet(step(values))
    assert picture.shape == (20 + 1 + 20, 28 + 1 + 28 + 1 + 28)
    for index in range(5):
        top, left = 21 * (index // 3), 29 * (index % 3)
        np.testing.assert_array_equal(picture[top : top + 20, left : left + 28], index)
    assert np.isnan(picture[20]).all() and np.isnan(picture[:, 28]).all()
    assert np.isnan(picture[21:, 58:]).all()


def test_a_tile_shows_its_map_upright():
    values = np.arange(12.0 * 13).reshape(12, 13, 1)
    np.testing.assert_array_equal(sheet(step(values)), values[..., 0])


def test_units_are_squares_of_12_in_rows():
    picture = sheet(step(np.arange(6.0)))
    assert picture.shape == (25, 38)
    corners = picture[::13, ::13]
    np.testing.assert_array_equal(corners, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(picture[:12, 13:25], 1)


def test_the_middle_says_how_many_of_how_many():
    titles = [
        step(values, layer="conv1").axes[1].get_title()
        for values in (np.ones((7, 5, 40)), np.ones((7, 5, 41)), np.ones(400), np.ones(401))
    ]
    assert titles == [
        "conv1: 40 maps of 7×5",
        "conv1: 40 of 41 maps of 7×5",
        "conv1: 400 units",
        "conv1: 400 of 401 units",
    ]


def test_negative_values_make_0_white_else_0_is_dark():
    signed = step(np.array([-1.0, 3])).axes[1].images[0]
    assert (signed.cmap.name, signed.norm(0)) == ("RdBu_r", 0.5)
    plain = step(np.array([0.0, 3])).axes[1].images[0]
    assert (plain.cmap.name, plain.norm(0), plain.norm(3)) == ("viridis", 0, 1)


@pytest.mark.slow
def test_a_layer_that_is_silent_can_be_drawn():
    assert step(np.zeros((4, 4, 3))).axes[1].images[0].norm(0) == 0


def test_the_picture_is_drawn_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (8, 6, 3)).astype("uint8")
    left = step(np.ones(3), image, picture="picture 4").axes[0]
    np.testing.assert_allclose(left.images[0].get_array(), image / 255)
    assert left.get_title() == "picture 4, 8×6"


def test_bars_are_the_probabilities_and_the_longest_is_the_answer():
    right = step(np.ones(3), class_names=["cat", "dog", "cow"]).axes[2]
    assert [bar.get_width() for bar in right.patches] == [0.1, 0.7, 0.2]
    assert [label.get_text() for label in right.get_yticklabels()] == ["cat", "dog", "cow"]
    assert right.get_title() == "answer: dog, 70%"
    assert len({bar.get_facecolor() for bar in right.patches}) == 2
    assert right.patches[1].get_facecolor() not in [
        right.patches[i].get_facecolor() for i in (0, 2)
    ]
    assert right.get_ylim()[0] > right.get_ylim()[1]  # the first class on top


def test_of_many_classes_the_ten_likeliest_are_shown_in_order():
    probabilities = np.arange(100) / 4950
    right = step(np.ones(3), probabilities=probabilities).axes[2]
    labels = [label.get_text() for label in right.get_yticklabels()]
    assert labels == [str(index) for index in range(90, 100)]
    assert right.get_title().startswith("answer: 99, ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.zeros((8, 8))}, r"`image` must be finite, \(height, width, channels\)"),
        ({"values": np.ones((1, 4, 4, 3))}, r"`values` must be finite.*Of a batch take \[0\]"),
        ({"values": np.ones((4, 4, 0))}, "`values` must be finite"),
        ({"values": np.array([True, False])}, "`values` must be finite.*got bool of shape"),
        ({"probabilities": np.array([True])}, "`probabilities` must be finite.*got bool of"),
        ({"values": np.array([np.nan])}, "`values` must be finite"),
        ({"probabilities": np.ones((1, 3))}, r"`probabilities` must be finite, \(classes,\)"),
        ({"class_names": ["a"]}, "`class_names` must hold one name a class, 3; got 1"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        step(**{"values": np.ones(3)} | change)
