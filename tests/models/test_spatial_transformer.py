"""build_spatial_transformer: its sampler against NumPy and cases by hand, and how it starts."""

import keras
import numpy as np
import pytest

from cnnbook.models.spatial_transformer import AffineSampler, build_spatial_transformer

IDENTITY = (1, 0, 0, 0, 1, 0)


@pytest.fixture(scope="module")
def model():
    return build_spatial_transformer()


def digits(count=2, shape=(28, 28, 1)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype="uint8")


def bilinear(picture, theta, size):
    """Sample as equation 5 of the paper says, pixel by pixel, in double precision."""
    height, width, _ = picture.shape
    result = np.zeros((*size, picture.shape[2]))
    for i, j in np.ndindex(size):
        x, y = -1 + 2 * j / (size[1] - 1), -1 + 2 * i / (size[0] - 1)
        x, y = np.reshape(theta, (2, 3)).astype(float) @ (x, y, 1)
        x, y = (x + 1) * (width - 1) / 2, (y + 1) * (height - 1) / 2
        near_row = np.maximum(0, 1 - abs(y - np.arange(height)))
        near_column = np.maximum(0, 1 - abs(x - np.arange(width)))
        result[i, j] = np.einsum("hwc,h,w->c", picture, near_row, near_column)
    return result


@pytest.mark.parametrize(
    ("shape", "size"),
    [((7, 7, 1), None), ((5, 8, 3), None), ((6, 5, 2), (9, 4)), ((28, 28, 1), (28, 28))],
)
def test_the_sampler_equals_numpy_inside_and_outside_of_the_picture(shape, size):
    random = np.random.default_rng(0)
    pictures = random.uniform(0, 1, (6, *shape)).astype("float32")
    theta = (np.array(IDENTITY) + random.normal(0, 0.5, (6, 6))).astype("float32")
    expected = [bilinear(*pair, size or shape[:2]) for pair in zip(pictures, theta, strict=True)]
    share_outside = np.mean(np.asarray(expected) == 0)
    assert 0.05 < share_outside < 0.7
    np.testing.assert_allclose(AffineSampler(size)(pictures, theta), expected, atol=1e-5)


PICTURE = np.arange(1.0, 26).reshape(1, 5, 5, 1).astype("float32")
EMPTY = np.zeros((5, 1))


@pytest.mark.parametrize(
    ("theta", "expected"),
    [
        (IDENTITY, PICTURE[0, :, :, 0]),
        ((-1, 0, 0, 0, 1, 0), PICTURE[0, :, ::-1, 0]),
        ((1, 0, 0, 0, -1, 0), PICTURE[0, ::-1, :, 0]),
        ((0, 1, 0, 1, 0, 0), PICTURE[0, :, :, 0].T),
        ((0, -1, 0, 1, 0, 0), np.rot90(PICTURE[0, :, :, 0])),
        ((1, 0, 0.5, 0, 1, 0), np.hstack([PICTURE[0, :, 1:, 0], EMPTY])),
        ((1, 0, 0, 0, 1, -0.5), np.vstack([EMPTY.T, PICTURE[0, :-1, :, 0]])),
        ((0, 0, 1, 0, 0, -1), np.full((5, 5), 5)),
        ((0, 0, 0, 0, 0, 0), np.full((5, 5), 13)),
        ((1, 0, 9e9, 0, 1, -9e9), np.zeros((5, 5))),
        ((1e30, 1e30, 0, 0, 1, 9), np.zeros((5, 5))),
    ],
)
def test_flips_turns_and_shifts_by_hand(theta, expected):
    result = np.asarray(AffineSampler()(PICTURE, np.array([theta], "float32")))
    np.testing.assert_allclose(result[0, :, :, 0], expected, atol=2e-5)


def test_each_picture_is_moved_by_its_own_theta():
    pictures = np.concatenate([PICTURE, PICTURE])
    theta = np.array([IDENTITY, (-1, 0, 0, 0, 1, 0)], "float32")
    one, other = np.asarray(AffineSampler()(pictures, theta))
    np.testing.assert_allclose(one, other[:, ::-1], atol=2e-5)


def smooth_spot(x, y):
    rows, columns = np.mgrid[:15, :15]
    return np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 8)[None, :, :, None].astype("float32")


def follow(steps, optimizer, picture, target, start=IDENTITY):
    """Train nothing but theta."""
    one, image = keras.Input((1,)), keras.Input((15, 15, 1))
    theta = keras.layers.Dense(6, use_bias=False, name="theta")(one)
    net = keras.Model([one, image], AffineSampler()(image, theta))
    net.get_layer("theta").set_weights([np.array([start], "float32")])
    net.compile(optimizer, "mse")
    losses = [net.train_on_batch([np.ones((1, 1)), picture], target) for _ in range(steps)]
    return losses, net.get_layer("theta").get_weights()[0][0]


@pytest.mark.slow
def test_the_gradient_of_theta_is_that_of_finite_differences():
    random = np.random.default_rng(3)
    picture, target = random.uniform(0, 1, (2, 1, 15, 15, 1))
    start = np.array(IDENTITY) + random.normal(0, 0.1, 6)

    def loss(theta):
        return np.mean((bilinear(picture[0], theta, (15, 15)) - target[0]) ** 2)

    tiny = 1e-5 * np.eye(6)
    expected = [(loss(start + step) - loss(start - step)) / 2e-5 for step in tiny]
    _, after = follow(1, keras.optimizers.SGD(1.0), picture, target, start)
    np.testing.assert_allclose(start - after, expected, rtol=1e-2, atol=1e-4)


@pytest.mark.slow
def test_from_the_identity_it_finds_the_shift_between_two_pictures():
    picture, target = smooth_spot(8.5, 6.0), smooth_spot(7.0, 7.0)
    losses, theta = follow(150, keras.optimizers.Adam(0.02), picture, target)
    assert losses[-1] < losses[0] / 100
    x, y = theta[[2, 5]] * 7  # where the centre comes from, in pixels from the centre
    assert abs(x - 1.5) < 0.3 and abs(y + 1) < 0.3


def test_untrained_it_leaves_the_picture_as_it_is(model):
    moved = keras.Model(model.input, [model.get_layer(n).output for n in ("theta", "sampler")])
    theta, pictures = moved(digits())
    np.testing.assert_array_equal(theta, [IDENTITY] * 2)
    np.testing.assert_allclose(pictures, digits() / 255, atol=1e-5)


@pytest.mark.slow
def test_a_fresh_copy_starts_at_the_identity_too(model):
    copy = keras.models.clone_model(model)
    np.testing.assert_array_equal(copy.get_layer("theta").get_weights()[1], IDENTITY)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape", "count"),
    [
        ("locate_conv1", (24, 24, 20), 520),
        ("locate_pool1", (12, 12, 20), 0),
        ("locate_conv2", (8, 8, 20), 10_020),
        ("locate_pool2", (4, 4, 20), 0),
        ("locate_dense", (32,), 10_272),
        ("theta", (6,), 198),
        ("sampler", (28, 28, 1), 0),
        ("conv1", (26, 26, 32), 320),
        ("pool1", (13, 13, 32), 0),
        ("conv2", (11, 11, 64), 18_496),
        ("pool2", (5, 5, 64), 0),
        ("logits", (10,), 16_010),
    ],
)
def test_sizes_and_counts(model, name, shape, count):
    layer = model.get_layer(name)
    assert layer.output.shape == (None, *shape)
    assert layer.count_params() == count


@pytest.mark.slow
def test_there_are_no_other_parameters(model):
    assert model.count_params() == 520 + 10_020 + 10_272 + 198 + 320 + 18_496 + 16_010


@pytest.mark.slow
def test_the_classifier_sees_the_moved_picture(model):
    net = keras.models.clone_model(model)
    net.set_weights(model.get_weights())
    net.get_layer("theta").bias.assign([-1, 0, 0, 0, 1, 0])
    np.testing.assert_allclose(net(digits()), model(digits()[:, :, ::-1]), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(16, 16, 1), (17, 30, 3)])
def test_any_image_of_16_pixels_a_side_gives_one_logit_a_class(shape):
    net = build_spatial_transformer(shape, 3)
    assert net.get_layer("sampler").output.shape == (None, *shape)
    assert net(digits(shape=shape)).shape == (2, 3)


@pytest.mark.parametrize("shape", [(15, 28, 1), (28, 15, 1)])
def test_too_small_images_are_refused(shape):
    with pytest.raises(ValueError, match=r"at least 16 x 16 pixels.*got \(.*Enlarge or pad"):
        build_spatial_transformer(shape)


@pytest.mark.slow
def test_positions_and_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        net = build_spatial_transformer()
    finally:
        keras.config.set_dtype_policy("float32")
    assert net.get_layer("locate_conv1").compute_dtype == "bfloat16"
    assert net.get_layer("conv1").compute_dtype == "bfloat16"
    ends = keras.Model(net.input, [net.get_layer(n).output for n in ("theta", "sampler", "logits")])
    for values in ends(digits()):
        assert keras.backend.standardize_dtype(values.dtype) == "float32"


@pytest.mark.slow
def test_two_training_steps_change_all_weights():
    keras.utils.set_random_seed(0)
    net = build_spatial_transformer()
    before = net.get_weights()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.Adam(0.01), loss)
    for _ in range(2):  # in the first, nothing flows through the zeros of theta
        assert np.isfinite(net.train_on_batch(digits(8), np.arange(8)))
    assert all(np.any(old != new) for old, new in zip(before, net.get_weights(), strict=True))


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(model, tmp_path):
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model(digits()), loaded(digits()))


@pytest.mark.slow
def test_a_saved_sampler_keeps_its_size(tmp_path):
    image, theta = keras.Input((8, 8, 1)), keras.Input((6,))
    net = keras.Model([image, theta], AffineSampler((3, 5))(image, theta))
    net.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.output.shape == (None, 3, 5, 1)
    assert loaded([np.zeros((2, 8, 8, 1)), np.zeros((2, 6))]).shape == (2, 3, 5, 1)
