"""Each change against its definition, SciPy and Pillow; training only; labels that move along."""

import importlib.util
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from scipy.ndimage import map_coordinates

from cnnbook.datasets import augmentation
from cnnbook.datasets._resample import resample
from cnnbook.datasets.augmentation import CHANGES, Augmentation, make_augmentation, make_mixup
from cnnbook.datasets.image_pipeline import make_image_pipeline
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.labelled_files import LabelledFiles

SIDE = 8
EVERYTHING = dict.fromkeys(CHANGES, 0.3) | {"crop": 0.8}
EVERYTHING |= {"horizontal_flip": True, "vertical_flip": True}


@pytest.fixture(scope="module")
def images():
    """Sixteen pictures of 8x8 random colours, none black or white."""
    return np.random.default_rng(0).integers(60, 180, (16, SIDE, SIDE, 3)).astype("uint8")


def change(layer, images):
    return np.asarray(layer(images, training=True))


def drawn(layer, **draws):
    """Make a layer draw what is given, by name, and else 0, and no flip."""
    order = ["horizontal_flip", "vertical_flip", "rotation", "shear", "zoom"]
    order += ["translation across", "place across", "translation down", "place down"]
    no_flip = {"horizontal_flip": 1, "vertical_flip": 1}
    values = [(no_flip | draws).get(name.replace(" ", "_"), 0) for name in order]
    layer._draw = lambda _, count: np.repeat(np.float32(values)[:, None], count, axis=1)
    return layer


# Geometry: one resampling --------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["reflect", "nearest"])
@pytest.mark.parametrize(("height", "width"), [(11, 7), (8, 8), (1, 5)])
def test_resampling_is_scipys_linear_interpolation(mode, height, width):
    random = np.random.default_rng(1)
    images = random.uniform(0, 255, (4, height, width, 2)).astype("float32")
    matrices = random.normal(0, 0.3, (4, 2, 3)) + np.eye(2, 3)
    matrices[:, :, 2] = random.normal(0, 3, (4, 2))
    ours = resample(images, np.float32(matrices), mode, 0.0, "float32")
    down, across = np.indices((height, width)) - (np.array([height, width])[:, None, None] - 1) / 2
    for image, matrix, result in zip(images, matrices, np.asarray(ours), strict=True):
        x, y = np.tensordot(matrix[:, :2], [across, down], 1) + matrix[:, 2, None, None]
        places = [y + (height - 1) / 2, x + (width - 1) / 2]
        if mode == "reflect":  # ours folds once, beyond that it repeats the border
            folded = (np.array(places) + 0.5).reshape(2, -1) / [[height], [width]]
            near = ((folded > -1) & (folded < 2)).all(axis=0).reshape(height, width)
        else:
            near = np.full((height, width), True)
        for channel in range(2):
            expected = map_coordinates(image[..., channel], places, order=1, mode=mode)
            np.testing.assert_allclose(result[near, channel], expected[near], atol=0.05)


@pytest.mark.slow
def test_constant_paints_what_lies_beyond_the_border(images):
    layer = make_augmentation(translation=0.25, fill_mode="constant", fill_value=7)
    shifted = change(drawn(layer, translation_across=1), images)
    np.testing.assert_array_equal(shifted[:, :, :-2], images[:, :, 2:])
    assert (shifted[:, :, -2:] == 7).all()


@pytest.mark.slow
def test_a_flip_is_exact_and_happens_to_half_of_the_pictures(images):
    many = np.repeat(images[:1], 400, axis=0)
    for name, mirrored in (("horizontal_flip", many[:, :, ::-1]), ("vertical_flip", many[:, ::-1])):
        flipped = change(make_augmentation(**{name: True}, seed=1), many)
        is_flipped = (flipped == mirrored).all(axis=(1, 2, 3))
        assert (flipped[~is_flipped] == many[0]).all()
        assert 0.4 < is_flipped.mean() < 0.6


@pytest.mark.slow
def test_flips_down_and_across_are_drawn_apart(images):
    many = np.repeat(images[:1], 200, axis=0)
    flipped = change(make_augmentation(horizontal_flip=True, vertical_flip=True, seed=0), many)
    assert len(np.unique(flipped, axis=0)) == 4


@pytest.mark.slow
def test_a_quarter_turn_is_numpys(images):
    turned = change(drawn(make_augmentation(rotation=90), rotation=1), images)
    np.testing.assert_array_equal(turned, np.rot90(images, axes=(1, 2)))
    back = change(drawn(make_augmentation(rotation=90), rotation=-1), turned)
    np.testing.assert_array_equal(back, images)


@pytest.mark.slow
def test_rotation_of_a_wide_picture_keeps_right_angles():
    """A cross in a picture twice as wide as high, turned by 90 degrees, is the same cross."""
    cross = np.zeros((1, 21, 41, 1), "float32")
    cross[0, 10, 15:26] = cross[0, 5:16, 20] = 255
    layer = make_augmentation(rotation=90, fill_mode="constant")
    turned = change(drawn(layer, rotation=1), cross)
    np.testing.assert_allclose(turned, cross, atol=0.01)


@pytest.mark.slow
def test_zoom_scales_about_the_centre_by_its_bounds():
    disk = (np.hypot(*(np.indices((64, 64)) - 31.5)) < 12).astype("float32")[None, :, :, None]
    layer = make_augmentation(zoom=0.3)
    widths = [
        change(drawn(layer, zoom=draw), 255 * disk)[0, 31, :, 0].sum() / 255 for draw in (-1, 0, 1)
    ]
    np.testing.assert_allclose(widths, [24 / 0.7, 24, 24 / 1.3], atol=0.6)


@pytest.mark.slow
def test_shear_slides_the_top_against_the_bottom_and_holds_the_centre():
    line = np.zeros((1, 33, 65, 1), "float32")
    line[0, :, 32] = 255
    sheared = change(drawn(make_augmentation(shear=0.5), shear=1), line)[0, :, :, 0]
    places = sheared @ np.arange(65) / sheared.sum(axis=1)
    np.testing.assert_allclose(places, 32 - 0.5 * (np.arange(33) - 16), atol=0.01)


@pytest.mark.slow
def test_translation_is_a_share_of_each_side(images):
    layer = make_augmentation(translation=0.25)
    moved = change(drawn(layer, translation_across=1, translation_down=-1), images)
    np.testing.assert_array_equal(moved[:, 2:, :-2], images[:, :-2, 2:])


@pytest.mark.slow
def test_crop_shows_a_window_of_this_share_at_its_place():
    """Of 8 pixels, 4 at the lower left: they are read at -0.25, 0.25, ... 3.25 and up to 7.25."""
    image = np.arange(64, dtype="float32").reshape(1, 8, 8, 1)
    layer = make_augmentation(crop=0.5, fill_mode="nearest")
    corner = change(drawn(layer, place_across=-1, place_down=1), image)[0, :, :, 0]
    across = np.array([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.25])
    down = np.array([3.75, 4.25, 4.75, 5.25, 5.75, 6.25, 6.75, 7])
    np.testing.assert_allclose(corner, 8 * down[:, None] + across, atol=1e-4)


@pytest.mark.slow
def test_crops_reach_all_corners_and_never_leave_the_picture():
    """Columns are numbered: what is seen lies between the first and the last, and reaches both."""
    ramp = np.broadcast_to(np.arange(64.0, dtype="float32")[:, None], (500, 64, 64, 1))
    layer = make_augmentation(crop=0.8, fill_mode="constant", fill_value=255, seed=0)
    seen = change(layer, ramp)[:, 32, :, 0]
    assert seen.max() < 64
    assert seen.min() < 1 and seen.max() > 62
    np.testing.assert_allclose(np.diff(seen, axis=1)[:, 2:-2], 0.8, atol=1e-3)


def test_all_geometric_changes_together_are_one_matrix():
    """A point that is followed through the changes one by one ends where the matrix has it."""
    layer = make_augmentation(
        horizontal_flip=True, rotation=40, shear=0.3, zoom=0.2, crop=0.8, translation=0.1
    )
    draws = {"horizontal_flip": -1, "rotation": 0.5, "shear": -1, "zoom": 1, "place_down": 0.5}
    drawn(layer, **draws, translation_across=-0.7)
    matrix = np.asarray(layer._matrices(1, 30, 50))[0]
    point = np.array([3.0, -4.0])
    followed = point * [-1, 1]
    followed[0] -= 0.3 * followed[1]
    cos, sin = np.cos(np.radians(20)), np.sin(np.radians(20))
    followed = np.array([[cos, -sin], [sin, cos]]) @ followed
    followed = 0.8 * 1.2 * followed + [-0.07 * 50, 0.5 * 0.1 * 30]
    np.testing.assert_allclose(matrix @ [*point, 1], followed, rtol=1e-5)


def test_draws_reach_both_bounds_and_not_beyond():
    matrices = np.asarray(make_augmentation(rotation=30, seed=0)._matrices(2000, 8, 8))
    degrees = np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0]))
    assert -30 <= degrees.min() < -29.5 and 29.5 < degrees.max() <= 30
    assert abs(degrees.mean()) < 1.5 and degrees.std() == pytest.approx(60 / 12**0.5, rel=0.05)


# Resizing in the same resampling -------------------------------------------------------------


def flat(pictures):
    """Pixels of all pictures one after the other, some that count for nothing, and the sizes."""
    rest = np.full((5, pictures[0].shape[2]), 99)
    pixels = np.concatenate([*(one.reshape(-1, one.shape[2]) for one in pictures), rest])
    return pixels.astype(pictures[0].dtype), np.int32([one.shape[:2] for one in pictures])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["reflect", "nearest", "constant"])
def test_resizing_reads_each_picture_where_scipy_does(mode):
    random = np.random.default_rng(2)
    pictures = [random.uniform(0, 255, (*size, 2)) for size in [(9, 12), (5, 4), (6, 10), (1, 7)]]
    pictures = [one.astype("float32") for one in pictures]
    layer = make_augmentation(rotation=40, zoom=0.2, fill_mode=mode, fill_value=7, seed=3)
    matrices = np.asarray(layer._matrices(4, 6, 10))
    layer._matrices = lambda *shape: matrices
    ours = np.asarray(layer.change_and_resize(*flat(pictures), (6, 10)))
    down, across = np.indices((6, 10)) - np.array([2.5, 4.5])[:, None, None]
    for picture, matrix, result in zip(pictures, matrices, ours, strict=True):
        height, width = picture.shape[:2]
        x, y = np.tensordot(matrix[:, :2], [across, down], 1) + matrix[:, 2, None, None]
        places = [y * height / 6 + (height - 1) / 2, x * width / 10 + (width - 1) / 2]
        beyond = [(np.abs(places[0] - (height - 1) / 2) > height / 2)]
        beyond += [(np.abs(places[1] - (width - 1) / 2) > width / 2)]
        for channel in range(2):
            scipys = "reflect" if mode == "reflect" else "nearest"
            expected = map_coordinates(picture[..., channel], places, order=1, mode=scipys)
            if mode == "constant":
                expected[beyond[0] | beyond[1]] = 7
            np.testing.assert_allclose(result[..., channel], expected, atol=0.05)


@pytest.mark.slow
def test_a_picture_of_the_new_size_is_changed_as_by_a_call(images):
    layers = [make_augmentation(**EVERYTHING | {"cutout": 0}, seed=4) for _ in range(2)]
    resized = layers[0].change_and_resize(*flat(list(images)), (SIDE, SIDE))
    np.testing.assert_array_equal(resized, change(layers[1], images))


def test_a_change_of_values_alone_does_not_resize():
    assert make_augmentation(zoom=0.1, noise=0.1).resizes
    assert not make_augmentation(brightness=0.1, cutout=0.2).resizes


@pytest.mark.slow
def test_a_pipeline_of_files_resizes_by_the_layer_and_keeps_labels_with_pictures(tmp_path):
    """Left halves are dark: half of the pictures are mirrored, and nothing else happens to them."""
    sizes = [(30, 20), (9, 40), (16, 16), (70, 90)]
    for index, (height, width) in enumerate(sizes):
        picture = np.full((height, width, 3), 60 + 40 * index, np.uint8)
        picture[:, : width // 2] = 10
        Image.fromarray(picture).save(tmp_path / f"{index}.png")
    paths = [tmp_path / f"{index}.png" for index in range(4)] * 50
    layer = make_augmentation(horizontal_flip=True, seed=1)
    options = {"training": True, "augment": layer}
    files = LabelledFiles(paths, np.tile(range(4), 50), tuple("abcd"))
    dataset = make_image_pipeline(files, (16, 16), 30, **options)
    assert dataset.element_spec[0] == tf.TensorSpec((None, 16, 16, 3), tf.uint8)
    batches = list(dataset)
    images, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
    assert images.shape == (200, 16, 16, 3) and images.dtype == np.uint8
    dark_left = images[:, 8, 0, 0] == 10
    assert 0.35 < dark_left.mean() < 0.65
    bright = np.where(dark_left, images[:, 8, -1, 0], images[:, 8, 0, 0])
    np.testing.assert_array_equal(bright, 60 + 40 * labels)
    np.testing.assert_array_equal(np.where(dark_left, images[:, 8, 0, 0], images[:, 8, -1, 0]), 10)


# Values --------------------------------------------------------------------------------------


def test_brightness_adds_one_number_to_all_values_of_a_picture(images):
    added = change(make_augmentation(brightness=0.2, seed=0), images.astype("float32")) - images
    each = added[:, 0, 0, 0]
    expected = np.broadcast_to(each[:, None, None, None], added.shape)
    np.testing.assert_allclose(added, expected, atol=1e-3)
    assert -51 <= each.min() < 0 < each.max() <= 51 and np.unique(each).size == 16


def test_contrast_goes_up_and_down_and_keeps_the_mean_of_each_channel(images):
    changed = change(make_augmentation(contrast=0.4, seed=0), images.astype("float32"))
    np.testing.assert_allclose(changed.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=0.01)
    factors = changed.std(axis=(1, 2, 3)) / images.std(axis=(1, 2, 3))
    assert 0.55 < factors.min() < 0.9 and 1.1 < factors.max() < 1.45


def test_colour_adds_a_number_of_its_own_to_each_channel(images):
    added = change(make_augmentation(color=0.2, seed=0), images.astype("float32")) - images
    each = added[:, 0, 0]
    np.testing.assert_allclose(added, np.broadcast_to(each[:, None, None], added.shape), atol=1e-3)
    assert np.unique(each).size == 48 and abs(each).max() <= 51 and each.min() < 0 < each.max()


def test_noise_has_the_standard_deviation_asked_for():
    grey = np.full((4, 40, 40, 3), 128, "float32")
    added = change(make_augmentation(noise=0.1, seed=0), grey) - 128
    assert added.std() == pytest.approx(25.5, rel=0.02)
    assert abs(added.mean()) < 0.5
    assert abs(np.corrcoef(added.reshape(4, -1)) - np.eye(4)).max() < 0.06


@pytest.mark.slow
def test_cutout_paints_one_square_of_the_size_asked_for_in_every_picture():
    white = np.full((50, 20, 20, 3), 255, "uint8")
    painted = change(make_augmentation(cutout=0.5, fill_value=9, seed=0), white) == 9
    assert (painted.all(axis=-1) == painted.any(axis=-1)).all()
    rows, columns = painted.any(axis=(2, 3)), painted.any(axis=(1, 3))
    assert set(rows.sum(axis=1)) | set(columns.sum(axis=1)) <= {9, 10, 11}
    assert (painted[..., 0].sum(axis=(1, 2)) == rows.sum(axis=1) * columns.sum(axis=1)).all()
    assert len(np.unique(np.c_[rows.argmax(axis=1), columns.argmax(axis=1)], axis=0)) > 25


@pytest.mark.slow
def test_values_stay_in_range_and_do_not_wrap_around():
    extremes = np.zeros((200, 8, 8, 3), "uint8")
    extremes[100:] = 255
    for name in ("brightness", "color", "noise"):
        changed = change(make_augmentation(**{name: 1.0}, seed=0), extremes)
        dark, light = changed[:100].reshape(100, -1), changed[100:].reshape(100, -1)
        assert (dark.min(axis=1) == 0).mean() > 0.3 and (light.max(axis=1) == 255).mean() > 0.3
    wild = change(make_augmentation(**EVERYTHING, seed=0), extremes.astype("float32"))
    assert wild.min() >= 0 and wild.max() <= 255


# The layer -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", CHANGES)
def test_each_change_alone_changes_pictures_in_training_and_nothing_else(name, images):
    layer = make_augmentation(**{name: EVERYTHING[name]}, seed=0)
    changed = change(layer, images)
    assert changed.dtype == images.dtype and changed.shape == images.shape
    assert (changed != images).any()
    for unchanged in (layer(images), layer(images, training=False)):
        np.testing.assert_array_equal(unchanged, images)


@pytest.mark.slow
def test_every_picture_gets_a_change_of_its_own_anew_in_each_call(images):
    same, layer = np.repeat(images[:1], 16, axis=0), make_augmentation(**EVERYTHING)
    first, second = change(layer, same), change(layer, same)
    assert len(np.unique(np.concatenate([first, second]), axis=0)) == 32


@pytest.mark.slow
def test_the_seed_fixes_the_changes(images):
    runs = [make_augmentation(**EVERYTHING, seed=seed) for seed in (5, 5, 6)]
    one, same, other = ([change(layer, images) for _ in range(2)] for layer in runs)
    np.testing.assert_array_equal(one, same)
    assert (np.array(one) != other).mean() > 0.5


@pytest.mark.slow
def test_keras_set_random_seed_fixes_a_layer_without_one(images):
    results = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        results.append(change(make_augmentation(**EVERYTHING), images))
    np.testing.assert_array_equal(*results)


@pytest.mark.slow
def test_changes_do_not_depend_on_one_another(images):
    """Equal seeds in all parts would make every picture that is flipped a dark one."""
    many = np.repeat(images[:1].astype("float32"), 600, axis=0)
    layer = make_augmentation(horizontal_flip=True, brightness=0.2, contrast=0.2, seed=4)
    changed = change(layer, many)
    draws = [changed.mean(axis=(1, 2, 3)), changed.std(axis=(1, 2, 3))]
    draws.append(np.corrcoef(changed.reshape(600, -1), many[0].reshape(1, -1))[-1, :-1] > 0.99)
    assert abs(np.corrcoef(np.array(draws, float)) - np.eye(3)).max() < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["uint8", "int32", "float32", "float64"])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_the_type_that_goes_in_comes_out_with_whole_numbers_rounded(kind, policy, images):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        layer = make_augmentation(rotation=20, brightness=0.1, seed=0)
        changed = layer(tf.constant(images.astype(kind)), training=True)
    finally:
        keras.config.set_dtype_policy(before)
    assert changed.dtype == kind
    exact = change(make_augmentation(rotation=20, brightness=0.1, seed=0), images.astype("float32"))
    np.testing.assert_allclose(changed, np.rint(exact) if "int" in kind else exact, atol=0.01)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_a_model_changes_pictures_in_fit_and_not_in_evaluate_or_predict(images):
    pixels = keras.Input((SIDE, SIDE, 3))
    changed = make_augmentation(brightness=0.2, seed=0)(pixels)
    assert changed.shape == (None, SIDE, SIDE, 3)
    model = keras.Model(pixels, changed)
    floats = images.astype("float32")
    model.compile("sgd", "mse")
    np.testing.assert_array_equal(model.predict(floats, verbose=0), floats)
    assert model.evaluate(floats, floats, verbose=0) == 0
    assert model.fit(floats, floats, verbose=0).history["loss"][0] > 10


@pytest.mark.slow
def test_a_saved_model_brings_its_augmentation_along(images, tmp_path):
    pixels = keras.Input((SIDE, SIDE, 3))
    model = keras.Model(pixels, make_augmentation(**EVERYTHING, seed=8)(pixels))
    model.save(tmp_path / "model.keras")
    layer = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    assert isinstance(layer, Augmentation)
    expected = change(make_augmentation(**EVERYTHING, seed=8), images)
    np.testing.assert_array_equal(change(layer, images), expected)


@pytest.mark.slow
def test_a_pipeline_augments_training_batches_of_any_size(images):
    labels = np.arange(16)
    layer = make_augmentation(**EVERYTHING, seed=0)
    batches = list(make_pipeline(images, labels, 10, training=True, augment=layer))
    assert [len(batch) for batch, _ in batches] == [10, 6]
    for batch, numbers in batches:
        assert batch.dtype == tf.uint8 and batch.shape[1:] == (SIDE, SIDE, 3)
        assert (batch.numpy() != images[numbers]).any(axis=(1, 2, 3)).all()


def test_a_pipeline_for_evaluation_gives_the_pictures_as_they_are(images):
    layer = make_augmentation(**EVERYTHING)
    for augment in (layer, make_mixup(16)):
        [(batch, labels)] = make_pipeline(images, np.arange(16), 16, augment=augment)
        np.testing.assert_array_equal(batch, images)
        np.testing.assert_array_equal(labels, np.arange(16))


@pytest.mark.slow
def test_pictures_whose_size_is_not_known_before(images):
    dataset = tf.data.Dataset.from_generator(
        lambda: [images, images[:, :5]], output_signature=tf.TensorSpec((None, None, None, 3))
    )
    layer = make_augmentation(rotation=30, crop=0.8, translation=0.1, color=0.1, seed=0)
    shapes = [batch.shape for batch in dataset.map(lambda batch: layer(batch, training=True))]
    assert shapes == [(16, 8, 8, 3), (16, 5, 8, 3)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "needs at least one change; got none"),
        ({"fill_mode": "nearest"}, "needs at least one change"),
        ({"rotation": -1}, "`rotation` must be between 0 and 180; got -1"),
        ({"rotation": 181}, "`rotation` must be between 0 and 180; got 181"),
        ({"zoom": 1.0}, "`zoom` must be between 0 and 0.9; got 1.0"),
        ({"crop": 0}, "`crop` must be between 0.05 and 1; got 0"),
        ({"crop": 1.2}, "`crop` must be between 0.05 and 1; got 1.2"),
        ({"noise": float("nan")}, "`noise` must be a finite number; got nan"),
        ({"cutout": 0.5, "fill_value": 256}, "`fill_value` must be between 0 and 255; got 256"),
        ({"shear": 0.1, "fill_mode": "wrap"}, "one of 'reflect', 'nearest', 'constant'; got 'wra"),
    ],
)
def test_impossible_arguments_are_named(arguments, words):
    with pytest.raises(ValueError, match=words):
        make_augmentation(**arguments)


def test_a_single_image_is_refused_with_advice(images):
    with pytest.raises(ValueError, match=r"got \(8, 8, 3\). For one image pass image\[None\]"):
        make_augmentation(zoom=0.1)(images[0], training=True)


@pytest.mark.slow
def test_arrays_that_are_not_from_0_to_255_are_told_of(images):
    layer, mirror = make_augmentation(brightness=0.1), make_augmentation(horizontal_flip=True)
    odd = (
        images / 255,
        images / 127.5 - 1,
        images // 128,
        images.astype(float) - 170,
        9.0 * images,
    )
    for pictures in odd:
        pictures = np.clip(pictures, -np.inf, 20) if pictures.min() < -1 else pictures
        with pytest.warns(UserWarning, match="`images` have values from .*in shares of 255. Give"):
            layer(pictures, training=True)
        with pytest.warns(UserWarning, match="`images` have values from .*in shares of 255. Give"):
            make_pipeline(pictures, np.arange(16), training=True, augment=layer)
        layer(pictures)  # nothing is measured where nothing is changed
        mirror(pictures, training=True)
        make_pipeline(pictures, np.arange(16), augment=layer)
    for pictures in (images, images.astype("float32"), 0 * images, images / 100, 1.05 * images):
        layer(pictures, training=True)


def test_a_format_of_channels_first_in_keras_json_is_not_followed():
    white = np.full((20, 12, 20, 3), 255, "uint8")
    keras.config.set_image_data_format("channels_first")
    try:
        layer = make_augmentation(cutout=0.5, contrast=0.3, seed=0)
        painted = np.asarray(layer(white, training=True)) == 0
        again = Augmentation.from_config(layer.get_config())
        mixed, shares = make_mixup(4, seed=0)(white, np.arange(20) % 4)
    finally:
        keras.config.set_image_data_format("channels_last")
    assert (painted.all(axis=-1) == painted.any(axis=-1)).all()
    assert 0.2 < painted.mean() < 0.3
    assert again.cutout.data_format == layer.cutout.data_format == "channels_last"
    assert mixed.shape == white.shape and shares.shape == (20, 4)


def test_numbers_of_numpy_make_a_layer_that_can_be_saved(images, tmp_path):
    layer = make_augmentation(brightness=np.float32(0.5), seed=np.int64(3))
    pixels = keras.Input((SIDE, SIDE, 3))
    keras.Model(pixels, layer(pixels)).save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    fresh = make_augmentation(brightness=0.5, seed=3)
    np.testing.assert_array_equal(change(loaded, images), change(fresh, images))
    make_mixup(np.int64(16), seed=np.int64(3))(images, np.arange(16))


# mixup ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def levels():
    """Pictures of ten classes; each is filled with 20 times its class."""
    labels = np.arange(40) % 10
    return np.broadcast_to(20.0 * labels[:, None, None, None], (40, 4, 4, 1)), labels


def test_labels_move_with_the_pictures(levels):
    """The grey of a blend is the blend of its classes' greys."""
    images, shares = map(np.asarray, make_mixup(10, alpha=1.0, seed=0)(*levels))
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert images.shape == (40, 4, 4, 1) and shares.shape == (40, 10)
    np.testing.assert_allclose(images[:, 0, 0, 0], shares @ (20.0 * np.arange(10)), atol=1e-3)
    assert ((shares > 0).sum(axis=1) == 2).mean() > 0.5
    assert (shares[np.arange(40), levels[1]] > 0).all()


def test_integer_labels_and_their_shares_give_the_same(levels):
    images, labels = levels
    by_number = make_mixup(10, seed=1)(images, labels)
    by_share = make_mixup(10, seed=1)(images, np.eye(10)[labels])
    for one, other in zip(by_number, by_share, strict=True):
        np.testing.assert_array_equal(one, other)


def test_alpha_says_how_much_is_blended(levels):
    largest = [
        np.asarray(make_mixup(10, alpha=alpha, seed=0)(*levels)[1]).max(axis=1).mean()
        for alpha in (0.05, 1.0, 50.0)
    ]
    assert largest[0] > 0.93 > largest[1] > 0.67 > largest[2] > 0.5


@pytest.mark.slow
def test_a_pipeline_mixes_batches_and_keeps_pictures_with_labels(levels):
    images, labels = levels
    batches = make_pipeline(
        images, labels, 16, training=True, augment=make_mixup(10, alpha=1.0, seed=0)
    )
    for batch, shares in batches:
        np.testing.assert_allclose(
            batch[:, 0, 0, 0], shares.numpy() @ (20.0 * np.arange(10)), atol=1e-3
        )
    assert batches.element_spec[1].shape.as_list() == [None, 10]


@pytest.mark.parametrize(
    ("num_classes", "alpha", "words"),
    [
        (1, 0.2, "`num_classes` must be 2 or more; got 1"),
        (3, 0.0, "`alpha` must be above 0; got 0.0"),
        (3, float("nan"), "`alpha` must be a finite number.*nan"),
        (3, float("inf"), "`alpha` must be a finite number.*inf"),
    ],
)
def test_impossible_arguments_of_mixup_are_named(num_classes, alpha, words):
    with pytest.raises(ValueError, match=words):
        make_mixup(num_classes, alpha=alpha)


@pytest.mark.parametrize("shape", [(4, 3), (4, 5, 1), ()])
def test_labels_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"`labels` must have shape \(batch,\) or \(batch, 5\)"):
        make_mixup(5)(np.zeros((4, 2, 2, 1)), np.zeros(shape))


WRONG_LABELS = {
    "numbered from 1": np.array([1, 2, 5, 5]),
    "below 0": np.array([0, -1, 2, 3]),
    "no whole numbers": np.array([0, 0.5, 1, 2]),
    "nan": np.array([0, np.nan, 1, 2]),
    "far beyond 32 bits": np.arange(4) + 2**32,
    "a sum of 2": 2 * np.eye(5)[:4],
    "no class at all": np.zeros((4, 5)),
    "below 0 with the sum 1": 2 * np.eye(5)[:4] - 0.2,
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", WRONG_LABELS)
def test_labels_that_are_no_classes_are_refused(kind, images):
    labels, mixup = WRONG_LABELS[kind], make_mixup(5)
    with pytest.raises(ValueError, match="`labels` must be 0 to 4, one of 5.*; got .* to .*"):
        mixup(images[:4], labels)
    dataset = tf.data.Dataset.from_tensors((images[:4], labels)).map(mixup)
    with pytest.raises(tf.errors.InvalidArgumentError, match="`labels` must be 0 to 4, one of 5"):
        list(dataset)


def test_whole_numbers_of_any_type_are_classes(images):
    expected = make_mixup(5, seed=1)(images[:4], np.arange(4))[1]
    for labels in (np.arange(4.0), np.arange(4, dtype="uint8"), [0, 1, 2, 3], np.eye(5)[:4]):
        np.testing.assert_array_equal(make_mixup(5, seed=1)(images[:4], labels)[1], expected)


@pytest.mark.parametrize("labels", [np.array(["cat"] * 4), np.arange(3), np.arange(4)[:, None]])
def test_labels_that_do_not_belong_to_the_images_are_refused(labels, images):
    with pytest.raises(
        ValueError, match="`labels` must (be an array of numbers|have shape .batch)"
    ):
        make_mixup(5)(images[:4], labels)


# What we say of Keras, and other backends ----------------------------------------------------


def test_keras_contrast_of_one_number_only_goes_up(images):
    changed = keras.layers.RandomContrast(0.4, seed=0)(images.astype("float32"), training=True)
    assert (np.std(changed, axis=(1, 2, 3)) >= images.std(axis=(1, 2, 3)) - 0.01).all()


def test_keras_noise_is_too_small_for_pixels_and_its_crop_cuts_a_batch_at_one_place(images):
    with pytest.raises(ValueError, match="between 0 and 1"):
        keras.layers.GaussianNoise(20)
    same = np.repeat(images[:1].astype("float32"), 8, axis=0)
    assert len(np.unique(keras.layers.RandomCrop(4, 4)(same, training=True), axis=0)) == 1


@pytest.mark.slow
def test_keras_shear_moves_the_centre():
    dot = np.zeros((20, 33, 33, 1), "float32")
    dot[:, 15:18, 15:18] = 255
    layer = keras.layers.RandomShear(x_factor=0.3, fill_mode="constant", seed=0)
    sheared = np.asarray(layer(dot, training=True))[..., 0]
    places = (sheared.sum(axis=1) @ np.arange(33)) / sheared.sum(axis=(1, 2))
    assert abs(places - 16).max() > 2
    ours = change(make_augmentation(shear=0.3, fill_mode="constant", seed=0), dot)[..., 0]
    places = (ours.sum(axis=1) @ np.arange(33)) / ours.sum(axis=(1, 2))
    assert abs(places - 16).max() < 0.01


def test_keras_mixup_makes_a_matrix_of_integer_labels(levels):
    images, labels = levels
    both = {"images": images.astype("float32"), "labels": labels.astype("float32")}
    assert keras.layers.MixUp()(both, training=True)["labels"].shape == (40, 40)


ELSEWHERE = """
import sys
from importlib.machinery import ModuleSpec
class NoTensorFlow:  # found, as PyTorch asks whether it is there, and fails to import
    def find_spec(self, name, *others):
        return ModuleSpec(name, self) if name.partition(".")[0] == "tensorflow" else None
    def create_module(self, spec):
        raise ModuleNotFoundError("augmentation.py must do without TensorFlow here")
    def exec_module(self, module):
        pass
sys.meta_path.insert(0, NoTensorFlow())
import keras, numpy as np
from cnnbook.datasets import augmentation
from cnnbook.datasets._resample import resample
random = np.random.default_rng(0)
images = random.integers(0, 256, (4, 9, 7, 3)).astype("float32")
matrices = (random.normal(0, 0.2, (4, 2, 3)) + np.eye(2, 3)).astype("float32")
for mode in augmentation.FILL_MODES:
    matrices = keras.ops.convert_to_tensor(matrices)
    result = resample(images, matrices, mode, 5.0, "float32")
    print(*keras.ops.convert_to_numpy(result).ravel().round(2).tolist())
everything = dict.fromkeys(augmentation.CHANGES, 0.3)
everything |= {"horizontal_flip": True, "vertical_flip": True}
layer = augmentation.make_augmentation(**everything, seed=0)
changed = keras.ops.convert_to_numpy(layer(images.astype("uint8"), training=True))
assert changed.shape == images.shape and changed.dtype == np.uint8 and (changed != images).any()
mixed, shares = augmentation.make_mixup(4)(images, np.arange(4))
assert np.allclose(keras.ops.convert_to_numpy(shares).sum(axis=1), 1)
"""


IN_TF_DATA = """
import keras, numpy as np, tensorflow as tf
from PIL import Image
from cnnbook.datasets.augmentation import CHANGES, make_augmentation, make_mixup
from cnnbook.datasets.image_pipeline import make_image_pipeline
from cnnbook.datasets.pipeline import make_pipeline
from cnnbook.labelled_files import LabelledFiles
images = np.random.default_rng(0).integers(60, 180, (12, 9, 7, 3)).astype("uint8")
for row, picture in enumerate(images):
    Image.fromarray(picture[: 9 - row % 2]).save(f"{row}.png")
files = LabelledFiles([f"{row}.png" for row in range(12)], np.arange(12), [*map(str, range(12))])
everything = dict.fromkeys(CHANGES, 0.3) | {"horizontal_flip": True, "vertical_flip": True}
mirror, brighter = make_augmentation(horizontal_flip=True), make_augmentation(brightness=0.5)
for layer in (make_augmentation(**everything), mirror, brighter, make_mixup(12), tf.identity):
    options = {"batch_size": 8, "training": True, "augment": layer}
    arrays = make_pipeline(images, np.arange(12), **options)
    pictures = make_image_pipeline(files, (9, 7), **options)
    for dataset in (arrays, pictures):
        for batch, labels in dataset:
            spec = dataset.element_spec
            assert batch.shape[1:] == spec[0].shape[1:] == (9, 7, 3)
            assert batch.dtype == spec[0].dtype
            if layer is mirror and dataset is arrays:
                for one, label in zip(batch.numpy(), labels.numpy()):
                    assert any((one == other).all() for other in
                               (images[label], images[label][:, ::-1]))
            if layer is brighter:
                assert (batch.numpy() != images[labels.numpy()]).any()
    print(spec[0].dtype.name, spec[1].shape)
for augment in (make_mixup(5), lambda images: keras.ops.flip(images)):
    try: list(make_pipeline(images, np.arange(12), **options | {"augment": augment}))
    except Exception as error: print(" ".join(str(error).split()))
"""


def said(backend, script, folder):
    """Run a program there, and return what it prints."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}")
    environment = {"KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    return run.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_pipelines_change_pictures_on_other_backends(backend, tmp_path):
    lines = said(backend, IN_TF_DATA, tmp_path)
    assert lines[:5] == ["uint8 (None,)"] * 3 + ["float32 (None, 12)", "uint8 (None,)"]
    assert "`labels` must be 0 to 4, one of 5 classes" in lines[5] and "got 0 to" in lines[5]
    assert "`augment` must take tensors of TensorFlow" in lines[6]


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same(backend, tmp_path):
    lines = said(backend, ELSEWHERE, tmp_path)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4, 9, 7, 3)).astype("float32")
    matrices = (random.normal(0, 0.2, (4, 2, 3)) + np.eye(2, 3)).astype("float32")
    for mode, line in zip(augmentation.FILL_MODES, lines, strict=True):
        ours = resample(images, matrices, mode, 5.0, "float32")
        np.testing.assert_allclose(np.array(line.split(), float), np.ravel(ours), atol=0.1)


def test_mixup_takes_lists():
    images, shares = make_mixup(2, seed=0)([[[[0], [2]]], [[[4], [6]]]], [0, 1])
    np.testing.assert_allclose(images[:, 0, 0, 0], 4 * shares[:, 1], atol=1e-5)
