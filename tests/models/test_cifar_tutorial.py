"""build_cifar_tutorial_net against the published count and the sizes worked by hand."""

import keras
import numpy as np
import pytest

from cnnbook.models.cifar_tutorial import build_cifar_tutorial_net


def test_it_has_exactly_the_published_parameters():
    assert build_cifar_tutorial_net().count_params() == 122_570


@pytest.mark.parametrize(
    ("name", "shape", "count"),
    [
        ("conv1", (30, 30, 32), 27 * 32 + 32),
        ("pool1", (15, 15, 32), 0),
        ("conv2", (13, 13, 64), 9 * 32 * 64 + 64),
        ("pool2", (6, 6, 64), 0),  # the 13th row and column are left out
        ("conv3", (4, 4, 64), 9 * 64 * 64 + 64),
        ("flatten", (1024,), 0),
        ("dense", (64,), 1024 * 64 + 64),
        ("logits", (10,), 64 * 10 + 10),
    ],
)
def test_sizes_and_counts(name, shape, count):
    layer = build_cifar_tutorial_net().get_layer(name)
    assert layer.output.shape == (None, *shape)
    assert layer.count_params() == count


def test_order_and_activations():
    model = build_cifar_tutorial_net()
    assert [layer.name for layer in model.layers] == [
        *("images", "rescaling", "conv1", "pool1", "conv2", "pool2", "conv3"),
        *("flatten", "dense", "logits"),
    ]
    activations = [layer.activation.__name__ for layer in model.layers if layer.count_params()]
    assert activations == ["relu"] * 4 + ["linear"]


def test_white_reaches_the_first_convolution_as_one():
    model = build_cifar_tutorial_net()
    scaled = keras.Model(model.input, model.get_layer("rescaling").output)
    np.testing.assert_allclose(scaled(np.full((1, 32, 32, 3), 255, "uint8")), 1, rtol=1e-6)


@pytest.mark.parametrize("shape", [(18, 18, 1), (19, 40, 3)])
def test_any_large_enough_image_gives_one_logit_a_class(shape):
    assert build_cifar_tutorial_net(shape, 3)(np.zeros((2, *shape), "uint8")).shape == (2, 3)


@pytest.mark.slow
def test_too_small_images_are_refused():
    with pytest.raises(ValueError, match=r"at least 18 x 18 .*got \(17, 32, 3\)"):
        build_cifar_tutorial_net((17, 32, 3))
