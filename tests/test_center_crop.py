"""The middle of a picture: equal, pixel for pixel, to what each of its three users did before."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from cnnbook.center_crop import center_crop

SIZES = [(20, 30), (30, 20), (7, 101), (1, 1), (1, 9), (64, 64), (300, 451), (97, 33), (448, 448)]
NEW = [(32, 32), (224, 224), (5, 17), (17, 5), (1, 1), (99, 97)]


def noise(height, width, channels=3):
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize("new", NEW)
@pytest.mark.parametrize("size", SIZES)
def test_the_whole_middle_is_pillows_fit(size, new):
    image = noise(*size)
    expected = ImageOps.fit(Image.fromarray(image), new[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(center_crop(image, new), expected)
    np.testing.assert_array_equal(center_crop(Image.fromarray(image), new), expected)


@pytest.mark.parametrize("new", NEW)
@pytest.mark.parametrize("size", SIZES)
def test_a_share_of_it_is_pillows_resize_of_this_box(size, new):
    """As EfficientNet's authors do it: 0.875 of the side, bicubic."""
    (height, width), image = new, noise(*size)
    scale = 0.875 * min(size[0] / height, size[1] / width)
    left, upper = size[1] - scale * width, size[0] - scale * height
    box = (left / 2, upper / 2, left / 2 + scale * width, upper / 2 + scale * height)
    expected = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC, box)
    found = center_crop(image, new, 0.875, resample="bicubic")
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_it_is_equal_in_a_thousand_sizes():
    random = np.random.default_rng(1)
    for _ in range(1_000):
        size, (height, width) = random.integers(1, 500, 2), random.integers(1, 300, 2)
        picture = Image.fromarray(noise(*size))
        scale = 0.875 * min(size[0] / height, size[1] / width)
        left, upper = size[1] - scale * width, size[0] - scale * height
        box = (left / 2, upper / 2, left / 2 + scale * width, upper / 2 + scale * height)
        expected = picture.resize((width, height), Image.Resampling.BICUBIC, box)
        found = center_crop(picture, (height, width), 0.875, resample="bicubic")
        np.testing.assert_array_equal(found, expected, f"{size} to {height, width}")


@pytest.mark.parametrize("size", SIZES)
def test_not_resized_it_is_the_square_of_whole_pixels(size):
    """As chapter 13 cuts its photographs, before Keras resizes them."""
    image, side = noise(*size), min(size)
    top, left = (np.array(size) - side) // 2
    for new in (1, 7, 96, 224):
        found = center_crop(image, (new, new), resample=None)
        np.testing.assert_array_equal(found, image[top : top + side, left : left + side])


def test_not_resized_it_keeps_the_proportions_and_the_share():
    assert center_crop(noise(60, 90), (10, 30), resample=None).shape == (30, 90, 3)
    assert center_crop(noise(60, 90), (10, 30), 0.5, resample=None).shape == (15, 45, 3)
    assert center_crop(noise(3, 3), (1, 100), 0.1, resample=None).shape == (1, 1, 3)
    image = noise(7, 9)
    np.testing.assert_array_equal(center_crop(image, (3, 3), 3 / 7, resample=None), image[2:5, 3:6])


def test_grey_pictures_keep_their_axes():
    grey = noise(20, 30, 1)
    for resample in ("bilinear", None):
        one = center_crop(grey, (8, 8), resample=resample)
        flat = center_crop(grey[..., 0], (8, 8), resample=resample)
        assert one.shape == (*flat.shape, 1)
        np.testing.assert_array_equal(one[..., 0], flat)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((4, 8, 8, 3), np.uint8), r"uint8 of shape \(4, 8, 8, 3\). Of a batch take"),
        (np.zeros((8, 8, 3)), r"got float64 of shape \(8, 8, 3\).*\(255 \* image\).astype"),
        (np.zeros((8, 8, 4), np.uint8), r"uint8 of shape \(8, 8, 4\)"),
        (np.zeros((8, 0, 3), np.uint8), r"uint8 of shape \(8, 0, 3\)"),
        (np.zeros(8, np.uint8), r"uint8 of shape \(8,\)"),
        (np.uint8(3), r"uint8 of shape \(\)"),
    ],
)
def test_what_is_no_picture_is_refused(image, words):
    with pytest.raises(ValueError, match=r"`image` must be one picture, .height, width.*" + words):
        center_crop(image, (8, 8))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image_size": (0, 8)}, r"`image_size` must be \(height, width\), at least 1; got \(0, 8"),
        ({"image_size": 8}, r"`image_size` must be \(a whole number, a whole number\); got 8"),
        ({"share": 0}, "`share` must be above 0 and at most 1; got 0. 0.875 is usual"),
        ({"share": 1.1}, "`share` must be above 0 and at most 1; got 1.1"),
        ({"share": float("nan")}, "`share` must be a finite number; got nan"),
        (
            {"resample": "nearest"},
            "`resample` must be 'bilinear', 'bicubic' or None; got 'nearest'",
        ),
        ({"image": "cat.png"}, "`image` must be a PIL.Image or an array of numbers; got 'cat.png'"),
    ],
)
def test_impossible_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        center_crop(**{"image": noise(9, 9), "image_size": (8, 8)} | arguments)
