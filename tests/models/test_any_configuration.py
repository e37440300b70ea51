"""What the user's keras.json says of images, and NumPy's numbers, change no network.

That all of them give equal logits under `channels_first` is seen in test_backends.py.
"""

import keras
import numpy as np
import pytest

from cnnbook.models.convnext import build_convnext_cifar
from cnnbook.models.dense import build_dense_net
from cnnbook.models.densenet import build_densenet_cifar
from cnnbook.models.lenet5 import build_lenet5
from cnnbook.models.neocognitron import build_neocognitron
from cnnbook.models.resnet import build_resnet
from cnnbook.models.resnext import build_resnext_cifar
from cnnbook.models.spatial_transformer import build_spatial_transformer
from cnnbook.models.vit import build_vit_cifar

BUILDS = {
    "lenet5": build_lenet5,
    "neocognitron": build_neocognitron,
    "resnet": lambda: build_resnet(18, (33, 33, 3), 5),
    "densenet": lambda: build_densenet_cifar(depth=10),
    "resnext": lambda: build_resnext_cifar(cardinality=2, width=4, filters=8),
    "convnext": build_convnext_cifar,
    "vit": build_vit_cifar,
    "spatial_transformer": build_spatial_transformer,
}


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


def sizes(model):
    return [tuple(operation.output.shape) for operation in model.operations]


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILDS)
def test_a_network_is_the_same_where_keras_json_says_channels_first(name, tmp_path, channels_first):
    model = BUILDS[name]()
    assert keras.config.image_data_format() == "channels_first"  # the reader's own setting stays
    images = np.random.default_rng(0).uniform(0, 255, (2, *model.input_shape[1:]))
    logits = model.predict(images, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").predict(images, verbose=0)
    np.testing.assert_array_equal(loaded, logits)
    keras.config.set_image_data_format("channels_last")
    usual = BUILDS[name]()
    assert sizes(model) == sizes(usual)
    assert model.count_params() == usual.count_params()
    usual.set_weights(model.get_weights())
    np.testing.assert_array_equal(usual.predict(images, verbose=0), logits)


def test_the_setting_comes_back_after_an_error_too(channels_first):
    with pytest.raises(ValueError, match="`num_classes` must be 2 or more"):
        build_lenet5(num_classes=1)
    assert keras.config.image_data_format() == "channels_first"


def test_counts_may_be_numpys_as_that_of_the_largest_label_is(tmp_path):
    labels = np.array([0, 2, 1], "uint8")
    shape = np.zeros((5, 8, 9, 1)).shape
    widths = np.array([200, 100], "uint8")  # 200 x 100 would not fit into their own type
    model = build_dense_net([np.int64(side) for side in shape[1:]], labels.max() + 1, widths)
    assert model.output_shape == (None, 3)
    assert model.count_params() == build_dense_net(shape[1:], 3, (200, 100)).count_params()
    model.save(tmp_path / "model.keras")
