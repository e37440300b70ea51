"""The vision transformers against the paper's table, published counts, and attention in NumPy."""

import keras
import numpy as np
import pytest

from cnnbook.deploy.costs import layer_costs
from cnnbook.models.vit import VARIANTS, ClassToken, Positions, build_vit, build_vit_cifar

# torchvision's, and of table 1 in millions.
PUBLISHED = {
    "B/16": (86_567_656, 86),
    "B/32": (88_224_232, 88),
    "L/16": (304_326_632, 307),
    "L/32": (306_535_400, 307),
    "H/14": (632_045_800, 632),
}


def by_hand(blocks: int, width: int, side: int, shape=(224, 224, 3), classes: int = 1000) -> int:
    """Patches, class token, places, blocks, norm, logits."""
    patches = (shape[0] // side) * (shape[1] // side)
    total = side * side * shape[2] * width + width + width + (patches + 1) * width
    attention = 4 * (width * width + width)
    dense = 2 * 4 * width * width + 4 * width + width
    total += blocks * (attention + dense + 2 * 2 * width)
    return total + 2 * width + width * classes + classes


@pytest.fixture(scope="module")
def model():
    yield build_vit()
    keras.backend.clear_session()


@pytest.fixture(scope="module")
def small():
    return build_vit_cifar((8, 12, 1), 4, patch_size=4, width=32, num_blocks=2)


@pytest.mark.slow
def test_parameters_are_the_published_ones_and_those_of_a_count_by_hand(model):
    for variant, (count, millions) in PUBLISHED.items():
        blocks, width, _, side = VARIANTS[variant]
        assert by_hand(blocks, width, side) == count
        assert count / 1e6 == pytest.approx(millions, rel=0.01)
        assert f"{count:,}" in build_vit.__doc__.replace("\n        ", " ").replace("\n    ", " ")
    assert model.count_params() == PUBLISHED["B/16"][0]
    assert all(weight.trainable for weight in model.weights)


@pytest.mark.slow
def test_sizes_and_depth_are_those_of_figure_1_and_table_1(model):
    assert model.get_layer("patches").output.shape == (None, 14, 14, 768)
    assert model.get_layer("class_token").output.shape == (None, 197, 768)
    for number in range(1, 13):
        attention = model.get_layer(f"block{number}_attention")
        assert (attention.num_heads, attention.key_dim) == (12, 64)
        assert model.get_layer(f"block{number}_expand").output.shape == (None, 197, 3072)
        assert model.get_layer(f"block{number}_add2").output.shape == (None, 197, 768)
    assert "block13_add2" not in {layer.name for layer in model.layers}
    heads = {variant: width // heads for variant, (_, width, heads, _) in VARIANTS.items()}
    assert heads == {"B/16": 64, "B/32": 64, "L/16": 64, "L/32": 64, "H/14": 80}
    blocks = {variant: row[0] for variant, row in VARIANTS.items()}
    assert blocks == {"B/16": 12, "B/32": 12, "L/16": 24, "L/32": 24, "H/14": 32}


@pytest.mark.slow
def test_multiply_adds_by_hand_and_as_published(model):
    """torchvision says 17.56; that counts no products of queries, keys and values."""
    total = sum(row.multiply_adds for row in layer_costs(model))
    places, width = 197, 768
    block = places * 12 * width * width + 2 * places * places * width
    assert total == 196 * 768 * width + 12 * block + width * 1000
    assert total == pytest.approx(17.56e9, rel=0.005)


@pytest.mark.slow
def test_norms_come_before_attention_and_before_the_dense_layers(model):
    """Equations 2 and 3; what is dropped is dropped after each, and after the places."""
    names = [layer.name for layer in model.layers if layer.name.startswith("block7_")]
    parts = "norm1 attention attention_dropout add1 norm2 expand expand_dropout project"
    parts += " project_dropout add2"
    assert names == [f"block7_{part}" for part in parts.split()]
    assert model.get_layer("positions_dropout").rate == 0.1
    add = model.get_layer("block7_add1")
    before = {tensor._keras_history.operation.name for tensor in add.input}
    assert before == {"block6_add2", "block7_attention_dropout"}


def softmax(scores):
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    return scores / scores.sum(-1, keepdims=True)


def norm(x, weights):
    scale, shift = weights
    normal = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    return normal * scale + shift


def gelu(x):
    from scipy.special import erf

    return x * (1 + erf(x / np.sqrt(2))) / 2


def attend(x, weights):
    """Attention of a few tokens, head by head, in NumPy."""
    query, query_bias, key, key_bias, value, value_bias, out, out_bias = weights
    result = np.zeros(x.shape) + out_bias
    for head in range(query.shape[1]):
        asks = x @ query[:, head] + query_bias[head]
        answers = x @ key[:, head] + key_bias[head]
        shares = softmax(asks @ answers.T / np.sqrt(query.shape[-1]))
        result += shares @ (x @ value[:, head] + value_bias[head]) @ out[head]
    return result


@pytest.mark.slow
def test_a_net_of_four_patches_is_what_numpy_says():
    model = build_vit_cifar((4, 4, 3), 3, patch_size=2, width=32, num_blocks=1)
    random = np.random.default_rng(0)
    model.set_weights([random.normal(0, 0.3, weight.shape) for weight in model.weights])
    images = random.integers(0, 256, (2, 4, 4, 3)).astype("float32")
    weights = {layer.name: layer.get_weights() for layer in model.layers}
    for image, found in zip(images, keras.ops.convert_to_numpy(model(images)), strict=True):
        pixels = image / 127.5 - 1
        kernel, bias = weights["patches"]
        corners = [(0, 0), (0, 2), (2, 0), (2, 2)]
        x = [pixels[a : a + 2, b : b + 2].ravel() @ kernel.reshape(-1, 32) for a, b in corners]
        x = np.vstack([weights["class_token"][0], np.array(x) + bias]) + weights["positions"][0]
        x = x + attend(norm(x, weights["block1_norm1"]), weights["block1_attention"])
        hidden = norm(x, weights["block1_norm2"]) @ weights["block1_expand"][0]
        hidden = gelu(hidden + weights["block1_expand"][1])
        x = x + hidden @ weights["block1_project"][0] + weights["block1_project"][1]
        x = norm(x, weights["norm"])[0]
        expected = x @ weights["logits"][0] + weights["logits"][1]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_the_class_token_stands_first_and_places_are_added():
    tokens = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    first, places = ClassToken(), Positions()
    longer = keras.ops.convert_to_numpy(first(tokens))
    assert not longer[:, 0].any()
    first.token.assign([1, 2, 3, 4])
    longer = keras.ops.convert_to_numpy(first(tokens))
    np.testing.assert_array_equal(longer[:, 0], [[1, 2, 3, 4]] * 2)
    np.testing.assert_array_equal(longer[:, 1:], tokens)
    placed = keras.ops.convert_to_numpy(places(longer))
    table = keras.ops.convert_to_numpy(places.positions)
    assert table.shape == (4, 4) and 0 < np.abs(table).max() < 0.2
    np.testing.assert_allclose(placed, longer + table, rtol=1e-6)


@pytest.mark.slow
def test_without_places_the_order_of_the_patches_means_nothing(small):
    left = np.random.default_rng(0).integers(0, 256, (1, 8, 12, 1)).astype("float32")
    right = np.concatenate([left[:, :, 4:], left[:, :, :4]], axis=2)
    places = small.get_layer("positions").positions
    kept = keras.ops.convert_to_numpy(places)
    one, other = (keras.ops.convert_to_numpy(small(images)) for images in (left, right))
    assert np.abs(one - other).max() > 1e-4
    places.assign(np.zeros(kept.shape))
    one, other = (keras.ops.convert_to_numpy(small(images)) for images in (left, right))
    places.assign(kept)
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.slow
def test_the_default_for_small_images():
    model = build_vit_cifar()
    assert model.count_params() == by_hand(4, 48, 4, (32, 32, 3), 10) == 119_194
    assert model.get_layer("block1_attention").num_heads == 3
    assert not any(isinstance(layer, keras.layers.Dropout) for layer in model.layers)


@pytest.mark.slow
def test_training_lowers_the_loss_and_moves_every_weight(small, learns):
    learns(small, rate=1e-2)


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(small, saved_and_loaded):
    saved_and_loaded(small)


@pytest.mark.slow
def test_a_single_patch_will_do():
    model = build_vit_cifar((3, 3, 1), num_classes=2, patch_size=3, width=16, num_blocks=1)
    assert model(np.zeros((1, 3, 3, 1), "uint8")).shape == (1, 2)


@pytest.mark.parametrize(
    ("build", "arguments", "message"),
    [
        (build_vit, {"variant": "S/16"}, "`variant` must be 'B/16', .*; got 'S/16'"),
        (
            build_vit,
            {"image_shape": (225, 240, 3)},
            r"16 x 16 divide, as `variant` says; got \(225, 240, 3\)\. .*for example to 224 x 240",
        ),
        (build_vit, {"image_shape": (10, 32, 3)}, "for example to 16 x 32"),
        (build_vit, {"variant": "H/14", "image_shape": (224, 225, 3)}, "patches of 14 x 14"),
        (build_vit, {"dropout": 1.0}, "`dropout` must be 0 or more.*got 1.0"),
        (build_vit, {"num_classes": 1}, "`num_classes` must be 2 or more; got 1"),
        (build_vit_cifar, {"width": 40}, "multiple of 16.*got 40. The nearest are 32 and 48"),
        (build_vit_cifar, {"width": 8}, "multiple of 16.*got 8. The nearest are 16 and 32"),
        (build_vit_cifar, {"patch_size": 0}, "`patch_size` must be 1 or more; got 0"),
        (
            build_vit_cifar,
            {"patch_size": 5},
            "patches of 5 x 5 divide, as `patch_size` says.*to 30 x 30",
        ),
        (build_vit_cifar, {"num_blocks": 0}, "`num_blocks` must be 1 or more; got 0"),
    ],
)
def test_what_cannot_be_built_is_refused_before_a_layer_is(
    build, arguments, message, refused_at_once
):
    refused_at_once(build, arguments, message)
