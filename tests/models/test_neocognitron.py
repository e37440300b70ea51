"""build_neocognitron: the sizes of 1988, both kinds of cells by hand, what they answer to."""

import keras
import numpy as np
import pytest

from cnnbook.models.neocognitron import LINES, CCells, SCells, build_neocognitron


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return build_neocognitron()


def part(model, *names):
    return keras.Model(model.input, [model.get_layer(name).output for name in names])


def stroke(row=9, brightness=255):
    picture = np.zeros((1, 19, 19, 1), "uint8")
    picture[:, row, 4:15] = brightness
    return picture


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("rescaling", (19, 19, 1)),
        ("s1", (19, 19, 12)),
        ("c1", (21, 21, 8)),
        ("s2", (21, 21, 38)),
        ("c2", (13, 13, 19)),
        ("s3", (13, 13, 35)),
        ("c3", (7, 7, 23)),
        ("s4", (3, 3, 11)),
        ("c4", (1, 1, 10)),
        ("logits", (10,)),
    ],
)
def test_planes_are_those_of_the_network_of_1988(model, name, shape):
    assert model.get_layer(name).output.shape == (None, *shape)


@pytest.mark.slow
def test_only_patterns_and_the_last_layer_are_trained(model):
    s_cells = 9 * 1 * 12 + 25 * (8 * 38 + 19 * 35 + 23 * 11)
    assert model.count_params() == s_cells + 10 * 10 + 10 == 30_768
    weighted = [layer.name for layer in model.layers if layer.count_params()]
    assert weighted == ["s1", "s2", "s3", "s4", "logits"]


def test_the_first_patterns_are_lines_of_eight_directions(model):
    patterns = np.asarray(model.get_layer("s1").get_weights()[0])[:, :, 0].transpose(2, 0, 1)
    assert patterns.shape == (12, 3, 3)
    for pattern, line in zip(patterns, LINES, strict=True):
        assert "".join(str(int(value)) for value in pattern.ravel()) == line.replace(" ", "")
    drawn = {pattern.tobytes() for pattern in patterns}
    assert len(drawn) == 12
    assert all(pattern.sum() == 3 and pattern[1, 1] == 1 for pattern in patterns)
    assert {np.rot90(pattern).copy().tobytes() for pattern in patterns} == drawn
    assert {pattern[:, ::-1].copy().tobytes() for pattern in patterns} == drawn


def test_s_cells_answer_as_the_formula_says():
    random = np.random.default_rng(0)
    maps = random.uniform(0, 1, (2, 5, 6, 3)).astype("float32")
    maps[0, :3, :3] = 0
    layer = SCells(4, 3, padding="valid", selectivity=1.5)
    answers = np.asarray(layer(maps))
    [patterns] = layer.get_weights()
    expected = np.zeros((2, 3, 4, 4))
    for b, i, j, k in np.ndindex(expected.shape):
        seen, pattern = maps[b, i : i + 3, j : j + 3].ravel(), patterns[..., k].ravel()
        excitation = 100 * (seen * pattern).sum() / 27
        inhibition = 100 * np.sqrt((seen**2).sum() / 27) * np.sqrt((pattern**2).sum() / 27)
        value = (1 + excitation) / (1 + 1.5 / 2.5 * inhibition) - 1
        expected[b, i, j, k] = 1.5 * max(value, 0)
    assert 0.1 < np.mean(expected > 0) < 1
    np.testing.assert_allclose(answers, expected, atol=1e-2)


def test_c_cells_answer_as_the_formula_says():
    maps = np.random.default_rng(0).uniform(0, 2, (1, 6, 5, 3)).astype("float32")
    answers = np.asarray(CCells(2, 3, padding=1, strides=2)(maps))
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1), (0, 0)))
    expected = np.zeros((1, 3, 3, 2))
    for _, i, j, k in np.ndindex(expected.shape):
        seen = padded[0, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        for y, x in np.ndindex(3, 3):
            near = np.exp(-(4 / 9) * ((y - 1) ** 2 + (x - 1) ** 2))
            joined = seen[y, x, 0] if k == 0 else seen[y, x, 1] + seen[y, x, 2]
            expected[0, i, j, k] += near * joined
    np.testing.assert_allclose(answers, expected / (1 + expected), atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("planes", "singles"), [(12, 12), (8, 4), (6, 0)])
def test_each_s_plane_feeds_one_c_plane_and_each_c_plane_joins_two_at_most(planes, singles):
    layer = CCells(planes, 1)
    joined = []
    for k in range(12):
        maps = np.zeros((1, 1, 1, 12), "float32")
        maps[..., k] = 1
        answers = np.asarray(layer(maps)).ravel()
        assert np.count_nonzero(answers) == 1
        joined.append(int(answers.argmax()))
    assert joined == sorted(joined)
    assert np.bincount(joined, minlength=planes).tolist() == [1] * singles + [2] * (
        planes - singles
    )


@pytest.mark.slow
def test_a_horizontal_stroke_wakes_the_horizontal_plane_where_it_lies(model):
    planes = np.asarray(part(model, "s1")(stroke())[0])
    row, column, plane = np.unravel_index(planes.argmax(), planes.shape)
    assert (row, plane) == (9, 0) and 5 <= column <= 13
    assert 0.9 < planes.max() <= 1
    assert planes[9, 5:14, 1:4].max() == 0  # the other main directions do not answer
    assert planes[12:].max() == planes[:7].max() == 0


@pytest.mark.slow
def test_brightness_hardly_matters_to_an_s_cell(model):
    bright = np.asarray(part(model, "s1")(stroke()))[0, 9, 9, 0]
    dark = np.asarray(part(model, "s1")(stroke(brightness=80)))[0, 9, 9, 0]
    assert dark > 0.8 * bright


@pytest.mark.slow
def test_a_c_cell_answers_still_when_the_stroke_has_moved_by_a_pixel(model):
    def likeness(one, other):
        one, other = np.ravel(one), np.ravel(other)
        return one @ other / np.linalg.norm(one) / np.linalg.norm(other)

    s_here, c_here = (np.asarray(x)[..., :1] for x in part(model, "s1", "c1")(stroke(9)))
    s_there, c_there = (np.asarray(x)[..., :1] for x in part(model, "s1", "c1")(stroke(10)))
    assert likeness(s_here, s_there) < 0.1 < 0.6 < likeness(c_here, c_there)


@pytest.mark.slow
def test_a_higher_selectivity_lets_fewer_cells_answer():
    picture = np.random.default_rng(0).integers(0, 256, (1, 19, 19, 1), dtype="uint8")
    counts = [
        np.count_nonzero(part(build_neocognitron(selectivity=(r, 1, 1, 1)), "s1")(picture))
        for r in (0.5, 1.7, 4.0)
    ]
    assert counts[0] > counts[1] > counts[2] > 0


@pytest.mark.slow
def test_a_black_picture_wakes_no_cell(model):
    for values in part(model, "s1", "c1", "s4", "c4")(np.zeros((1, 19, 19, 1), "uint8")):
        assert np.max(values) == 0


@pytest.mark.slow
def test_all_stages_answer_to_a_stroke_and_c_cells_stay_below_one(model):
    for values in part(model, "s1", "c1", "s2", "c2", "s3", "c3", "s4", "c4")(stroke()):
        assert np.min(values) >= 0 and np.max(values) > 0.01
    for values in part(model, "c1", "c2", "c3")(stroke()):
        assert np.max(values) < 1


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(20, 31, 1), (28, 28, 3)])
def test_any_image_of_19_pixels_a_side_gives_one_logit_a_class(shape):
    assert build_neocognitron(shape, 3)(np.zeros((2, *shape), "uint8")).shape == (2, 3)


@pytest.mark.parametrize("shape", [(18, 19, 1), (30, 18, 1)])
def test_too_small_images_are_refused(shape):
    with pytest.raises(ValueError, match=r"at least 19 x 19 pixels.*got \(.*Enlarge"):
        build_neocognitron(shape)


@pytest.mark.parametrize("selectivity", [(1.7, 0.3, 0.3), (1, 1, 1, 0), (1, 1, -1, 1)])
def test_impossible_selectivity(selectivity):
    with pytest.raises(ValueError, match=r"`selectivity` must be four numbers above 0.*got \("):
        build_neocognitron(selectivity=selectivity)


@pytest.mark.slow
def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_neocognitron()
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("s2").compute_dtype == "bfloat16"
    assert keras.backend.standardize_dtype(model(stroke()).dtype) == "float32"


@pytest.mark.slow
def test_training_steps_change_all_weights_and_leave_no_pattern_below_zero():
    keras.utils.set_random_seed(0)
    model = build_neocognitron(num_classes=3)
    before = model.get_weights()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.3), loss)
    pictures = np.concatenate([stroke(5), stroke(9), stroke(13).swapaxes(1, 2)])
    for _ in range(2):
        assert np.isfinite(model.train_on_batch(pictures, np.arange(3)))
    after = model.get_weights()
    assert all(np.any(old != new) for old, new in zip(before, after, strict=True))
    assert all(weight.min() >= 0 for weight in after[:4])
    assert any(weight.min() == 0 for weight in after[1:4])


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(stroke()), loaded(stroke()))


def crosses(seed):
    random = np.random.default_rng(seed)
    pictures = np.zeros((120, 19, 19, 1), "uint8")
    labels = np.arange(120) % 3  # lying, standing, both
    for picture, label in zip(pictures, labels, strict=True):
        row, column = random.integers(6, 13, 2)
        if label != 1:
            picture[row, column - 4 : column + 5] = 255
        if label != 0:
            picture[row - 4 : row + 5, column] = 255
    return pictures, labels


@pytest.mark.slow
def test_it_learns_to_tell_strokes_apart_and_knows_those_that_it_has_not_seen():
    keras.utils.set_random_seed(0)
    model = build_neocognitron(num_classes=3)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    model.fit(*crosses(seed=0), batch_size=30, epochs=30, verbose=0)
    assert model.evaluate(*crosses(seed=1), verbose=0)[1] == 1
