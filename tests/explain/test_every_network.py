"""Every builder of the package, and models of keras.applications, can be looked into."""

import gc
from importlib import import_module

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook.explain.embedding import embed
from cnnbook.explain.feature_maps import dead_filters, feature_maps, filter_images
from cnnbook.explain.grad_cam import _last_maps, grad_cam
from cnnbook.explain.integrated_gradients import integrated_gradients
from cnnbook.explain.maximize import maximize_filter
from cnnbook.explain.occlusion import occlusion_map
from cnnbook.explain.saliency import saliency
from cnnbook.training.transfer import attach_head, build_head

SMALL = {"image_shape": (32, 32, 3), "num_classes": 3}
GREY = {"image_shape": (28, 28, 1), "num_classes": 3}
NETWORKS = [
    ("neocognitron", "build_neocognitron", GREY),
    ("lenet5", "build_lenet5", GREY),
    ("alexnet", "build_alexnet", SMALL | {"image_shape": (67, 67, 3)}),
    ("vgg", "build_vgg", SMALL | {"depth": 11}),
    ("googlenet", "build_googlenet", SMALL),
    ("googlenet", "build_googlenet", {"image_shape": (65, 65, 3), "auxiliary_heads": True}),
    ("inception_v3", "build_inception_v3", SMALL | {"image_shape": (75, 75, 3)}),
    ("resnet", "build_resnet", SMALL | {"depth": 18}),
    ("resnet_cifar", "build_resnet_cifar", SMALL | {"depth": 8}),
    ("squeezenet", "build_squeezenet", SMALL | {"variant": "1.1"}),
    ("densenet", "build_densenet", SMALL),
    ("densenet", "build_densenet_cifar", SMALL | {"depth": 10}),
    ("se_resnet", "build_se_resnet_cifar", SMALL | {"depth": 8, "reduction": 4}),
    ("resnext", "build_resnext_cifar", SMALL | {"cardinality": 2, "width": 4, "filters": 8}),
    ("convnext", "build_convnext_cifar", SMALL),
    ("vit", "build_vit_cifar", SMALL),
    ("spatial_transformer", "build_spatial_transformer", GREY),
    ("mobilenet_v2", "build_mobilenet_v2", SMALL),
    ("efficientnet_lite0", "build_efficientnet_lite0", SMALL),
    ("mnist_cnn", "build_mnist_cnn", GREY),
    ("lenet_relu", "build_lenet_relu", GREY),
    ("cifar_tutorial", "build_cifar_tutorial_net", SMALL),
    ("deep_blocks", "build_deep_blocks", GREY),
    ("small_digit_net", "build_small_digit_net", GREY),
    ("small_photo_net", "build_small_photo_net", SMALL),
]

pytestmark = pytest.mark.slow


MOST_LAYERS = 60  # of more, what is compiled takes a minute


def look_into(model, size):
    """Call every function on two random images; those that compile the model if it is small."""
    shape = (2, *size)
    images = np.random.default_rng(0).integers(0, 256, shape).astype("uint8")
    name = _last_maps(model, images[:1])
    maps = feature_maps(model, images, name)[name]
    heatmaps = grad_cam(model, images)
    assert heatmaps.shape == maps.shape[:3]
    assert heatmaps.min() >= 0 and heatmaps.max() <= 1
    np.testing.assert_allclose(grad_cam(model, images.astype("float32")), heatmaps, atol=1e-4)
    dead = dead_filters(model, images, name)
    assert dead.shape == maps.shape[3:] and set(dead) <= {0, 0.5, 1}
    found = saliency(model, images)
    assert found.shape == shape[:3] and np.isfinite(found).all() and found.any()
    assert filter_images(model).shape[-1] in {1, size[2]}
    assert len(embed(model, images)) == 2
    if len(model.layers) <= MOST_LAYERS:
        assert np.isfinite(occlusion_map(model, images[:1], window=min(size[:2]) // 2)).all()
        assert maximize_filter(model, name, 0, steps=1).shape == size
        integrated_gradients(model, images[:1])  # would warn where the shares have another sum


@pytest.mark.parametrize(("module", "builder", "options"), NETWORKS, ids=lambda value: str(value))
@pytest.mark.filterwarnings("error:The shares")
def test_every_builder(module, builder, options):
    keras.utils.set_random_seed(0)
    model = getattr(import_module(f"cnnbook.models.{module}"), builder)(**options)
    look_into(model, options["image_shape"])
    keras.utils.clear_session()
    gc.collect()


@pytest.mark.filterwarnings("error:The shares")
def test_keras_applications_alone_nested_and_with_a_head():
    keras.utils.set_random_seed(0)
    size = (96, 96, 3)
    whole = keras.applications.MobileNetV2(size, 0.35, weights=None, classes=7)
    look_into(whole, size)
    image = np.zeros((1, *size), "uint8")
    assert _last_maps(whole, image) == "out_relu"

    base = keras.applications.MobileNetV2(
        size, 0.35, include_top=False, pooling="avg", weights=None, name="base"
    )
    images = keras.Input(size)
    nested = base(keras.applications.mobilenet_v2.preprocess_input(images), training=False)
    nested = keras.Model(images, layers.Dense(5)(nested))
    assert _last_maps(nested, image) == "base/out_relu"
    look_into(nested, size)  # has few layers of its own, so this compiles it

    model = attach_head(base, build_head(1280, 5))
    assert _last_maps(model, image) == "out_relu"
    look_into(model, size)


def test_a_perceptron_has_no_maps_but_saliency():
    from cnnbook.models.dense import build_dense_net

    model = build_dense_net()
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1))
    assert saliency(model, images).any()
    assert integrated_gradients(model, images).any()
    with pytest.raises(ValueError, match="must have a convolution"):
        grad_cam(model, images)
