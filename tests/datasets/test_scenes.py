"""Scenes: boxes and masks are where the digits are, within the limits, and the same each time."""

import numpy as np
import pytest

from cnnbook.boxes import intersection_over_union
from cnnbook.datasets.scenes import make_scenes

PHOTO = np.full((120, 150), 100, "uint8")  # 60 on a scene


def strokes(count=12):
    """Make rings, of other proportions each, with an empty rim and labels 0, 1, 2, ..."""
    digits = np.zeros((count, 28, 28), "uint8")
    for number, digit in enumerate(digits):
        digit[4:24, 3 : 11 + number] = 255
        digit[8:20, 6 : 8 + number] = 0
    return digits, np.arange(count)


def some_scenes(count=40, side=96, **limits):
    return make_scenes(*strokes(), [PHOTO], count, side, **limits)


def test_shapes_and_kinds():
    scenes = some_scenes(3)
    assert scenes.images.shape == (3, 96, 96, 1) and scenes.images.dtype == np.uint8
    assert scenes.masks.shape == (3, 96, 96) and scenes.masks.dtype == np.uint8
    assert len(scenes.boxes) == len(scenes.classes) == 3
    for boxes, classes in zip(scenes.boxes, scenes.classes, strict=True):
        assert boxes.shape == (len(classes), 4) and boxes.dtype == np.float32


def test_a_lone_digit_fills_its_box_and_its_mask_does():
    scenes = some_scenes(30, num_digits=(1, 1))
    for image, mask, boxes, classes in zip(
        scenes.images[..., 0], scenes.masks, scenes.boxes, scenes.classes, strict=True
    ):
        rows, columns = np.nonzero(image != 60)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert boxes[0].tolist() == edges
        assert set(np.unique(mask)) == {0, 1 + classes[0]}
        rows, columns = np.nonzero(mask)
        edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert intersection_over_union([edges], boxes)[0, 0] > 0.8


def test_every_limit_is_kept_and_reached():
    scenes = some_scenes(300)
    counts = [len(boxes) for boxes in scenes.boxes]
    assert (min(counts), max(counts)) == (2, 6)
    boxes = np.concatenate(scenes.boxes)
    assert boxes.min() >= 0 and boxes.max() <= 96
    longer = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    assert (longer.min(), longer.max()) == (14, 40)
    overlaps = [np.triu(intersection_over_union(its, its), 1).max() for its in scenes.boxes]
    assert 0.2 < max(overlaps) <= 0.3
    assert set(np.concatenate(scenes.classes)) == set(range(12))


def test_other_limits_are_kept():
    scenes = some_scenes(20, 60, num_digits=(3, 3), sizes=(8, 10), max_iou=0.0)
    assert [len(boxes) for boxes in scenes.boxes] == [3] * 20
    for boxes in scenes.boxes:
        assert np.triu(intersection_over_union(boxes, boxes), 1).max() == 0
        assert (boxes[:, 2:] - boxes[:, :2]).max() <= 10


def test_proportions_stay():
    digit = np.zeros((1, 28, 28), "uint8")
    digit[0, 4:24, 9:14] = 255  # four times as high as wide
    scenes = make_scenes(digit, [1], [PHOTO], 5, sizes=(40, 40))
    sides = np.concatenate(scenes.boxes)[:, 2:] - np.concatenate(scenes.boxes)[:, :2]
    assert np.unique(sides, axis=0).tolist() == [[10, 40]]


@pytest.mark.parametrize("ground", [0, 100, 255])
def test_digits_are_lighter_than_their_place_by_more_or_less(ground):
    photo = np.full((100, 100, 3), ground, "uint8")
    scenes = make_scenes(*strokes(), [photo], 60, num_digits=(1, 1))
    shades, dimmed = scenes.images.max(axis=(1, 2, 3)).astype(int), round(0.6 * ground)
    assert dimmed + 90 <= shades.min() < dimmed + 102 and 245 < shades.max() <= 255
    for image, mask, shade in zip(scenes.images[..., 0], scenes.masks, shades, strict=True):
        middle = (dimmed + shade) / 2
        assert (image[mask > 0] >= middle - 1).all() and (image[mask == 0] <= middle + 1).all()
        assert (image == dimmed).mean() > 0.8


def test_small_digits_lie_above_large_ones():
    scenes = some_scenes(30, 60, num_digits=(2, 2), sizes=(14, 40), max_iou=1.0)
    covered = 0
    for mask, boxes, classes in zip(scenes.masks, scenes.boxes, scenes.classes, strict=True):
        long = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        assert long[0] >= long[1]
        if classes[0] != classes[1]:  # the small one is whole: as many pixels as alone
            small = mask == 1 + classes[1]
            left, top, right, bottom = boxes[1].astype(int)
            assert small[top:bottom, left:right].sum() == small.sum() > 0
            rows, columns = np.nonzero(small)
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            assert intersection_over_union([edges], boxes[1:])[0, 0] > 0.6
        covered += intersection_over_union(boxes[:1], boxes[1:])[0, 0] > 0
    assert covered  # or this would say nothing


def test_pieces_of_every_photograph_are_cut_and_colours_become_grey():
    red, blue = (np.zeros((100, 130, 3), "uint8") for _ in range(2))
    red[..., 0], blue[..., 2] = 60, 150
    scenes = make_scenes(*strokes(), [red, blue], 20, num_digits=(0, 0))
    assert set(np.unique(scenes.images)) == {12, 30}
    assert not scenes.masks.any() and all(boxes.shape == (0, 4) for boxes in scenes.boxes)


def test_pieces_have_many_places_and_sizes():
    photo = np.repeat(np.linspace(0, 255, 400).astype("uint8")[None], 300, axis=0)
    images = make_scenes(*strokes(), [photo], 60, num_digits=(0, 0)).images[..., 0].astype(int)
    assert len(np.unique(images[:, 0, 0])) > 20
    across = (images[:, 0, -1] - images[:, 0, 0]) / 95
    down = (images[:, -1, 0] - images[:, 0, 0]) / 95
    for slopes, others in ((across, down), (down, across)):  # brighter and darker, either way
        assert slopes.max() > 0.7 and slopes.min() < -0.7
        assert (others[abs(slopes) > 0.1] == 0).all()
    slopes = abs(across + down)
    assert slopes.min() < 0.5 < 0.9 < slopes.max()


def test_the_same_seed_gives_the_same_and_another_one_others():
    one, same, other = some_scenes(4, seed=3), some_scenes(4, seed=3), some_scenes(4, seed=4)
    np.testing.assert_array_equal(one.images, same.images)
    np.testing.assert_array_equal(np.concatenate(one.boxes), np.concatenate(same.boxes))
    assert (one.images != other.images).any()
    np.testing.assert_array_equal(some_scenes(2, seed=3).images, one.images[:2])  # a beginning


def test_no_scenes_and_what_was_given_is_not_changed():
    assert some_scenes(0).images.shape == (0, 96, 96, 1) and some_scenes(0).boxes == []
    (digits, labels), photo = strokes(), PHOTO.copy()
    before = digits.copy()
    make_scenes(digits[..., None], labels, [photo], 5)
    np.testing.assert_array_equal(digits, before)
    np.testing.assert_array_equal(photo, PHOTO)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"digits": strokes()[0] / 255},
            r"`digits` must be .* got float64 of shape \(12, 28, 28\)",
        ),
        ({"digits": strokes()[0][0]}, r"`digits` must be .* of shape \(28, 28\)"),
        (
            {"digits": np.zeros((2, 8, 8), "uint8")},
            "`digits` must be light .*; number 0 has no pixel",
        ),
        (
            {"labels": [1, 2]},
            r"`labels` must be 12 whole numbers, one a digit; got int64 of shape \(2,",
        ),
        ({"labels": np.arange(12) - 1}, "`labels` must be 0 to 254.* got -1 to 10"),
        ({"photos": []}, "`photos` is empty"),
        ({"photos": [PHOTO[:90]]}, "not be smaller than a scene, 96 pixels a side; one is 90×150"),
        (
            {"photos": PHOTO},
            r"one is uint8 of shape \(150,\). Of a single photograph pass \[photo\]",
        ),
        ({"photos": [PHOTO / 255]}, "one is float64"),
        ({"count": -1}, "`count` and `seed` must be 0 or more; got -1 and 0"),
        ({"num_digits": (3, 2)}, r"`num_digits` must be .* got \(3, 2\)"),
        ({"sizes": (14, 100)}, r"`sizes` must be .* `side`, 96; got \(14, 100\)"),
        ({"max_iou": 30}, "`max_iou` must be 0 to 1; got 30"),
        ({"num_digits": (90, 90)}, r"leave no room: 90 digits of up to \d+ pixels on 96×96"),
    ],
)
def test_impossible_arguments_are_named(arguments, words):
    digits, labels = strokes()
    valid = {"digits": digits, "labels": labels, "photos": [PHOTO], "count": 2}
    with pytest.raises(ValueError, match=words):
        make_scenes(**valid | arguments)
