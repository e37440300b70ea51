"""build_vgg against table 1 of the paper and against keras.applications."""

import contextlib
import gc
from itertools import pairwise

import keras
import numpy as np
import pytest

from cnnbook.models.vgg import build_vgg

PUBLISHED = {11: 132_863_336, 13: 133_047_848, 16: 138_357_544, 19: 143_667_240}
OFFICIAL = {16: "VGG16", 19: "VGG19"}


def photos(count=1, shape=(32, 32, 3)):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype="uint8")


@contextlib.contextmanager
def under_policy(name):
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.fixture(autouse=True)
def _forget_the_last_one(request):
    """One of these networks after the other needs 0.6 GB less than two at once."""
    yield
    if request.node.get_closest_marker("slow"):  # the others build none
        keras.utils.clear_session()
        gc.collect()


@pytest.fixture(scope="module", params=PUBLISHED)
def small(request):
    return request.param, build_vgg(request.param, (32, 32, 3), num_classes=10)


@pytest.fixture(scope="module")
def vgg11():
    return build_vgg(11, (32, 32, 3), num_classes=3)


@pytest.mark.slow
def test_parameters_of_images_of_224_pixels_and_1000_classes(small):
    depth, model = small
    to_fc1, to_logits = 4096 * 512 * (7 * 7 - 1), 4097 * 990
    assert model.count_params() + to_fc1 + to_logits == PUBLISHED[depth]


@pytest.mark.slow
def test_depth_counts_the_layers_with_weights_of_which_all_but_three_convolve(small):
    depth, model = small
    weighted = [type(layer).__name__ for layer in model.layers if layer.count_params()]
    assert weighted == ["Conv2D"] * (depth - 3) + ["Dense"] * 3


@pytest.mark.slow
def test_blocks_are_the_columns_of_table_1(small):
    depth, model = small
    column = {
        11: "64 M 128 M 256 256 M 512 512 M 512 512 M",
        13: "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
        16: "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
        19: "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
    }[depth]
    blocks = [layer for layer in model.layers if layer.name.startswith("block")]
    drawn = ["M" if "pool" in layer.name else str(layer.filters) for layer in blocks]
    assert " ".join(drawn) == column
    for layer in blocks:
        assert (layer.pool_size if "pool" in layer.name else layer.kernel_size) == (
            (2, 2) if "pool" in layer.name else (3, 3)
        )


@pytest.mark.slow
def test_map_sizes_halve_with_each_block(small):
    _, model = small
    sizes = [model.get_layer(f"block{n}_pool").output.shape[1:3] for n in range(1, 6)]
    assert sizes == [(16, 16), (8, 8), (4, 4), (2, 2), (1, 1)]


@pytest.mark.slow
def test_every_weighted_layer_but_the_last_has_a_relu(small):
    depth, model = small
    weighted = [layer for layer in model.layers if layer.count_params()]
    activations = [layer.activation.__name__ for layer in weighted]
    assert activations == ["relu"] * (depth - 1) + ["linear"]


@pytest.mark.slow
def test_dense_layers_drop_half_of_their_values(vgg11):
    assert [layer.name for layer in vgg11.layers[-6:]] == [
        *("flatten", "fc1", "dropout1", "fc2", "dropout2", "logits")
    ]
    assert [vgg11.get_layer(f"dropout{n}").rate for n in (1, 2)] == [0.5, 0.5]
    assert build_vgg(11, (32, 32, 3), 2, dropout=0.2).get_layer("dropout2").rate == 0.2


@pytest.mark.slow
def test_pixels_are_prepared_as_keras_applications_prepares_them(vgg11):
    prepared = keras.Model(vgg11.input, vgg11.get_layer("mean").output)
    expected = keras.applications.vgg16.preprocess_input(photos(2).astype("float32"))
    np.testing.assert_allclose(prepared(photos(2)), expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("depth", OFFICIAL)
def test_it_is_the_net_of_keras_applications(depth):
    shape = (75, 93, 3)
    official = getattr(keras.applications, OFFICIAL[depth])(
        weights=None, input_shape=shape, classes=7, classifier_activation=None
    )
    random = np.random.default_rng(0)
    for layer in official.layers:
        if layer.count_params():
            kernel, bias = layer.get_weights()
            # Twice as wide as Keras starts them, so that the signal does not die out.
            layer.set_weights([1.4 * kernel, random.normal(0, 0.1, bias.shape)])
    model = build_vgg(depth, shape, 7)
    assert model.count_params() == official.count_params()
    model.set_weights(official.get_weights())
    images = photos(2, shape)
    expected = np.asarray(
        official(keras.applications.vgg16.preprocess_input(images.astype("float32")))
    )
    assert expected.std() > 0.1
    np.testing.assert_allclose(model(images), expected, atol=1e-4 * max(1, expected.std()))


@pytest.mark.slow
@pytest.mark.parametrize("depth", OFFICIAL)
def test_official_weights_are_asked_of_keras_and_land_in_their_layers(depth, monkeypatch):
    asked = []

    class Official:
        def __init__(self, **keywords):
            asked.append(keywords)

        def get_weights(self):
            convolutions = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}[depth]
            widths = [3, *np.repeat([64, 128, 256, 512, 512], convolutions)]
            shapes = [(3, 3, *pair) for pair in pairwise(widths)]
            shapes += [(25_088, 4096), (4096, 4096), (4096, 1000)]
            both = [shape for kernel in shapes for shape in (kernel, kernel[-1:])]
            return [np.broadcast_to(np.float32(n), shape) for n, shape in enumerate(both)]

    monkeypatch.setattr(keras.applications, OFFICIAL[depth], Official)
    with under_policy("float16"):  # TensorFlow never gives back the memory of the largest network
        model = build_vgg(depth, weights="imagenet")
    assert asked == [{"weights": "imagenet", "classifier_activation": None}]
    assert model.count_params() == PUBLISHED[depth]
    assert model.get_layer("block5_pool").output.shape == (None, 7, 7, 512)
    weighted = [layer for layer in model.layers if layer.count_params()]
    for number, layer in enumerate(weighted):
        bias = layer.bias
        assert float(bias[0]) == 2 * number + 1 == float(layer.kernel[(0,) * layer.kernel.ndim]) + 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": 11}, r"needs depth 16 or 19; got 11"),
        (
            {"num_classes": 10},
            r"needs images of .* and 1000 .*got \(224, 224, 3\) and 10\..*\"dropout2\"",
        ),
        ({"image_shape": (256, 256, 3)}, r"needs images of \(224, 224, 3\).*got \(256, 256, 3\)"),
        ({"depth": 19, "num_classes": 999}, r"needs .*got \(224, 224, 3\) and 999"),
    ],
)
def test_official_weights_are_refused_where_there_are_none(arguments, message, monkeypatch):
    monkeypatch.setattr(keras, "Input", None)
    with pytest.raises(ValueError, match=f'`weights="imagenet"` {message}'):
        build_vgg(**arguments, weights="imagenet")


def test_other_weights_are_refused():
    with pytest.raises(ValueError, match=r'`weights` must be None or "imagenet"; got \'places\''):
        build_vgg(weights="places")


@pytest.mark.parametrize("depth", [12, 0, 18, "16", None])
def test_unknown_depths_are_refused(depth, monkeypatch):
    monkeypatch.setattr(keras, "Input", None)
    with pytest.raises(ValueError, match=r"`depth` must be 11, 13, 16 or 19; got "):
        build_vgg(depth)


@pytest.mark.parametrize("shape", [(31, 224, 3), (224, 31, 3)])
def test_too_small_images_are_refused(shape):
    with pytest.raises(ValueError, match=r"at least 32 x 32 pixels.* got \(.*Enlarge"):
        build_vgg(image_shape=shape)


def test_images_must_have_three_channels():
    with pytest.raises(ValueError, match=r"`image_shape` must end in 3 .*np\.repeat\(images, 3"):
        build_vgg(image_shape=(224, 224, 1))


@pytest.mark.slow
def test_a_training_step_changes_all_weights(vgg11):
    keras.utils.set_random_seed(0)
    before = vgg11.get_weights()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    vgg11.compile(keras.optimizers.SGD(0.01), loss)
    assert np.isfinite(vgg11.train_on_batch(photos(3), np.arange(3)))
    changed = [np.any(o != n) for o, n in zip(before, vgg11.get_weights(), strict=True)]
    assert all(changed)


@pytest.mark.slow
def test_an_odd_image_gives_one_logit_a_class():
    assert build_vgg(11, (33, 63, 3), 2)(photos(2, (33, 63, 3))).shape == (2, 2)


@pytest.mark.slow
def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    with under_policy("mixed_bfloat16"):
        model = build_vgg(11, (32, 32, 3), 2)
    assert model.get_layer("block1_conv1").compute_dtype == "bfloat16"
    assert keras.backend.standardize_dtype(model(photos()).dtype) == "float32"


@pytest.mark.slow
def test_the_graph_survives_saving(vgg11):
    loaded = keras.Model.from_config(vgg11.get_config())
    loaded.set_weights(vgg11.get_weights())
    np.testing.assert_array_equal(vgg11(photos()), loaded(photos()))
