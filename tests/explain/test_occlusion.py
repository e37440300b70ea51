"""occlusion_map against squares that are hidden one by one."""

import numpy as np
import pytest

from cnnbook.explain import _listen
from cnnbook.explain.occlusion import occlusion_map


def test_the_score_falls_where_the_one_pixel_is_hidden(one_pixel_net):
    images = np.full((1, 4, 5, 1), 10)
    falls = occlusion_map(one_pixel_net, images, 1, window=1, strides=1, fill=4)
    expected = np.zeros((1, 4, 5))
    expected[0, 2, 3] = 7 * (10 - 4)
    np.testing.assert_allclose(falls, expected)
    assert falls.dtype == "float32"


@pytest.mark.slow
def test_a_pixel_gets_the_mean_of_all_squares_that_hide_it(make_linear_net):
    """Only pixel 2 counts. Squares of 2 at 0, 1, 2, 3 of a row of 5: two of the four hide it."""
    model = make_linear_net([[0], [0], [8], [0], [0]] * 2, (2, 5, 1))
    falls = occlusion_map(model, np.ones((1, 2, 5, 1)), 1, window=2, strides=1, fill=0)
    # Pixel 1 is hidden by the squares at 0 and 1, of which that at 1 hides pixel 2 as well.
    np.testing.assert_allclose(falls[0], [[0, 8, 16, 8, 0]] * 2)


def test_hiding_what_speaks_against_the_class_raises_the_score(make_linear_net):
    model = make_linear_net([[3, 0], [-5, 0]], (1, 2, 1))
    falls = occlusion_map(model, np.ones((1, 1, 2, 1)), 0, window=1, fill=0)
    np.testing.assert_allclose(falls, [[[3, -5]]])


@pytest.mark.slow
@pytest.mark.parametrize(("window", "strides"), [(3, 2), (3, 3), (5, 4), (4, 1), (1, 1)])
def test_it_equals_a_loop_over_all_places(make_model, sixteen, window, strides):
    model, image = make_model("flat"), sixteen[0].astype("float32")
    score = float(model(image[None])[0, 2])
    total, count = np.zeros((16, 16)), np.zeros((16, 16))
    places = [start for start in range(16 - window + 1) if start % strides == 0]
    if places[-1] != 16 - window:
        places.append(16 - window)
    for top in places:
        for left in places:
            hidden = image.copy()
            hidden[top : top + window, left : left + window] = 50
            fall = score - float(model(hidden[None])[0, 2])
            total[top : top + window, left : left + window] += fall
            count[top : top + window, left : left + window] += 1
    assert count.min() >= 1
    falls = occlusion_map(model, sixteen[:1], 2, window, strides, fill=50)
    np.testing.assert_allclose(falls[0], total / count, atol=1e-5)


@pytest.mark.slow
def test_by_default_the_square_has_the_mean_colour_of_the_image(make_linear_net):
    model = make_linear_net([[1], [1], [0], [0], [0], [0]], (1, 2, 3))
    images = np.array([[[[9, 0, 5], [3, 8, 7]]]])  # means 6, 4 and 6
    falls = occlusion_map(model, images, 1, window=1)
    np.testing.assert_allclose(falls, [[[(9 - 6) + (0 - 4), 0]]])
    falls = occlusion_map(model, images, 1, window=1, fill=[1, 2, 3])
    np.testing.assert_allclose(falls, [[[(9 - 1) + (0 - 2), 0]]])


@pytest.mark.slow
def test_images_that_are_all_one_colour_lose_nothing(make_model):
    falls = occlusion_map(make_model("flat"), np.full((2, 16, 16, 3), 77, "uint8"))
    np.testing.assert_allclose(falls, 0, atol=1e-6)


@pytest.mark.slow
def test_each_image_is_explained_for_its_own_class(make_linear_net):
    model = make_linear_net([[2, 0], [0, 3]], (1, 2, 1))
    images = np.array([[[[9], [1]]], [[[1], [9]]]])
    falls = occlusion_map(model, images, window=1, fill=0)
    np.testing.assert_allclose(falls, [[[18, 0]], [[0, 27]]])
    falls = occlusion_map(model, images, [1, 0], window=1, fill=0)
    np.testing.assert_allclose(falls, [[[0, 3]], [[2, 0]]])


@pytest.mark.slow
def test_the_class_stays_that_of_the_whole_image(make_linear_net):
    """Without its bright pixel the image would be of the other class."""
    model = make_linear_net([[1, 0], [0, 1]], (1, 2, 1))
    falls = occlusion_map(model, np.array([[[[9], [5]]]]), window=1, fill=0)
    np.testing.assert_allclose(falls, [[[9, 0]]])


@pytest.mark.slow
def test_softmax_is_left_out(make_linear_net):
    model = make_linear_net([[2, 0], [0, 3]], (1, 2, 1), activation="softmax")
    falls = occlusion_map(model, np.array([[[[200], [255]]]]), window=1, fill=0)
    np.testing.assert_allclose(falls, [[[0, 765]]])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nested", "sequential"])
def test_a_model_in_a_model_gives_the_map_of_the_flat_one(make_model, sixteen, kind):
    flat = occlusion_map(make_model("flat"), sixteen)
    assert flat.any()
    np.testing.assert_allclose(occlusion_map(make_model(kind), sixteen), flat, atol=1e-5)


@pytest.mark.slow
def test_batches_make_no_difference(make_model, sixteen, monkeypatch):
    at_once = occlusion_map(make_model("flat"), sixteen)
    monkeypatch.setattr(_listen, "BATCH_PIXELS", 3 * 16 * 16)
    np.testing.assert_allclose(occlusion_map(make_model("flat"), sixteen), at_once, atol=1e-5)


@pytest.mark.slow
def test_the_images_are_left_as_they_were(one_pixel_net):
    images = np.ones((1, 4, 5, 1), "float32")
    occlusion_map(one_pixel_net, images, fill=0)
    np.testing.assert_array_equal(images, 1)


@pytest.mark.parametrize(("window", "strides"), [(0, 1), (5, 1), (2, 3), (2, 0)])
def test_squares_that_do_not_fit_are_refused(one_pixel_net, window, strides):
    with pytest.raises(ValueError, match=rf"`window` must be 1 to 4, .*got {window} and {strides}"):
        occlusion_map(one_pixel_net, np.zeros((1, 4, 5, 1)), 0, window, strides)


def test_images_and_classes_that_do_not_fit_are_refused(one_pixel_net):
    with pytest.raises(ValueError, match=r"takes images \(4, 5, 1\), got .*image\[None\]"):
        occlusion_map(one_pixel_net, np.zeros((4, 5, 1)))
    with pytest.raises(ValueError, match="`class_index` must be one whole number"):
        occlusion_map(one_pixel_net, np.zeros((1, 4, 5, 1)), 0.5)
    with pytest.raises(ValueError, match="`fill` must be finite, one number"):
        occlusion_map(one_pixel_net, np.zeros((1, 4, 5, 1)), fill=np.array([np.nan]))
