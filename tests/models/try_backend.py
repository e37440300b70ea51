"""Builds every network on the Keras backend of the environment, runs it and trains it one step.

Run by test_backends.py as a program. Weights and images depend on nothing but their shapes, so that
all backends get equal ones. Prints a line of JSON a network: its logits, and what the step did.
"""

import json
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec


class NoTensorFlow:
    """Finds TensorFlow, as PyTorch and Keras ask whether it is there, and fails to import it."""

    def find_spec(self, name: str, *others) -> ModuleSpec | None:
        """Answer for TensorFlow, or leave it to the next finder."""
        return ModuleSpec(name, self) if name.partition(".")[0] == "tensorflow" else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Refuse."""
        raise ModuleNotFoundError("a network for all backends may not import TensorFlow")

    def exec_module(self, module: object) -> None:
        """Be a loader in full."""


if sys.argv[1] != "tensorflow":
    sys.meta_path.insert(0, NoTensorFlow())

import keras  # noqa: E402
import numpy as np  # noqa: E402

if sys.argv[1] != "tensorflow":  # as keras.json may say; the networks must not follow it
    keras.config.set_image_data_format("channels_first")

SMALL = {"image_shape": (32, 32, 3), "num_classes": 3}
GREY = {"image_shape": (28, 28, 1), "num_classes": 3}
NETWORKS = [
    ("neocognitron", "build_neocognitron", GREY),
    ("lenet5", "build_lenet5", GREY),
    ("alexnet", "build_alexnet", SMALL | {"image_shape": (67, 67, 3)}),
    ("alexnet", "build_alexnet", SMALL | {"image_shape": (67, 67, 3), "variant": "single_tower"}),
    ("vgg", "build_vgg", SMALL | {"depth": 11}),
    ("googlenet", "build_googlenet", SMALL),
    ("inception_v3", "build_inception_v3", SMALL | {"image_shape": (75, 75, 3)}),
    ("resnet", "build_resnet", SMALL | {"depth": 18}),
    ("resnet", "build_resnet", SMALL | {"depth": 50}),
    ("resnet_cifar", "build_resnet_cifar", SMALL | {"depth": 8}),
    ("resnet_cifar", "build_resnet_cifar", SMALL | {"depth": 8, "residual": False}),
    ("squeezenet", "build_squeezenet", SMALL | {"variant": "1.1"}),
    ("squeezenet", "build_squeezenet_cifar", SMALL),
    ("densenet", "build_densenet", SMALL),
    ("densenet", "build_densenet_cifar", SMALL | {"depth": 10, "bottleneck": True}),
    ("se_resnet", "build_se_resnet", SMALL),
    ("se_resnet", "build_se_resnet_cifar", SMALL | {"depth": 8, "reduction": 4}),
    ("resnext", "build_resnext", SMALL | {"cardinality": 8, "width": 4}),
    ("resnext", "build_resnext_cifar", SMALL | {"cardinality": 2, "width": 4, "filters": 8}),
    ("convnext", "build_convnext", SMALL | {"image_shape": (35, 40, 3)}),
    ("convnext", "build_convnext_cifar", SMALL | {"drop_path_rate": 0.1}),
    ("vit", "build_vit", SMALL | {"variant": "B/32"}),
    ("vit", "build_vit_cifar", SMALL),
    ("spatial_transformer", "build_spatial_transformer", GREY),
    ("mobilenet_v2", "build_mobilenet_v2", SMALL),
    ("mobilenet_v2", "build_mobilenet_v2_cifar", SMALL),
    ("efficientnet_lite0", "build_efficientnet_lite0", SMALL),
    ("dense", "build_dense_net", GREY),
    ("mnist_cnn", "build_mnist_cnn", GREY),
    ("lenet_relu", "build_lenet_relu", GREY),
    ("cifar_tutorial", "build_cifar_tutorial_net", SMALL),
    ("deep_blocks", "build_deep_blocks", GREY),
    ("small_digit_net", "build_small_digit_net", GREY),
    ("small_photo_net", "build_small_photo_net", SMALL),
]


def shorten() -> None:
    """Leave of the largest networks a block or two a stage: they are all alike."""
    tables = {
        name: import_module(f"cnnbook.models.{name}") for name in ("_parts", "convnext", "vit")
    }
    tables["_parts"].BOTTLENECKS[50] = (1, 2, 1, 1)
    tables["convnext"].VARIANTS["tiny"] = ((1, 2, 1, 1), (8, 16, 24, 32))
    tables["vit"].VARIANTS["B/32"] = (2, 64, 2, 32)


def made_up(path: str, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Numbers of a size that keeps the values of a deep net near 1."""
    if len(shape) > 1:
        values = random.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape)
        return abs(values) if "patterns" in path else values
    if "variance" in path or "gamma" in path:
        return random.uniform(0.8, 1.2, shape)
    return random.normal(0, 0.1, shape)


def blank(initializer, shape: tuple[int, ...], dtype: str | None = None) -> object:
    """Zeros, without any computation: JAX would compile a program for each shape of weights."""
    return keras.ops.convert_to_tensor(np.zeros(shape, dtype or "float32"))


def main() -> None:
    """Try them all."""
    shorten()
    kinds = keras.initializers
    random = kinds.VarianceScaling, kinds.RandomUniform, kinds.RandomNormal
    for kind in (*random, kinds.Zeros, kinds.Ones, kinds.Constant):
        kind.__call__ = blank
    for module, builder, options in NETWORKS:
        random = np.random.default_rng(0)
        model = getattr(import_module(f"cnnbook.models.{module}"), builder)(**options)
        model.set_weights([made_up(w.path, w.shape, random) for w in model.weights])
        images = random.integers(0, 256, (2, *options["image_shape"])).astype("float32")
        model.compile(keras.optimizers.SGD(1e-6), "mse")
        logits = model.predict_on_batch(images)
        before = model.get_weights()
        value = float(model.train_on_batch(images, np.ones((2, 3), "float32")))
        pairs = zip(before, model.get_weights(), strict=True)
        moved = float(np.mean([not np.array_equal(a, b) for a, b in pairs]))
        line = {"network": model.name, "logits": logits.tolist(), "loss": value, "moved": moved}
        print(json.dumps(line), flush=True)
        keras.backend.clear_session()
        if sys.argv[1] == "jax":
            sys.modules["jax"].clear_caches()  # compiled programs, else some gigabytes


if __name__ == "__main__":
    main()
