"""Files for LiteRT and ONNX: they answer as Keras does, and nothing half-made is left."""

import logging
import os
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from cnnbook.datasets.mnist import load_mnist
from cnnbook.deploy._quiet import quiet
from cnnbook.deploy.export import export_litert, export_onnx
from cnnbook.deploy.latency import load_litert, load_onnx
from cnnbook.models.small_digit_net import build_small_digit_net
from cnnbook.training.transfer import attach_head, build_head

SMALL = {"image_shape": (32, 32, 3), "num_classes": 3}
GREY = {"image_shape": (28, 28, 1), "num_classes": 3}
FAMILIES = {
    "neocognitron": ("build_neocognitron", {"image_shape": (19, 19, 1), "num_classes": 3}),
    "lenet5": ("build_lenet5", GREY),
    "alexnet": ("build_alexnet", SMALL | {"image_shape": (67, 67, 3)}),
    "vgg": ("build_vgg", SMALL | {"depth": 11}),
    "googlenet": ("build_googlenet", SMALL),
    "inception_v3": ("build_inception_v3", SMALL | {"image_shape": (75, 75, 3)}),
    "resnet": ("build_resnet", SMALL | {"depth": 18}),
    "resnet_cifar": ("build_resnet_cifar", SMALL | {"depth": 8}),
    "squeezenet": ("build_squeezenet", SMALL | {"variant": "1.1"}),
    "densenet": ("build_densenet_cifar", SMALL | {"depth": 10}),
    "se_resnet": ("build_se_resnet_cifar", SMALL | {"depth": 8}),
    "resnext": (
        "build_resnext_cifar",
        SMALL | {"cardinality": 2, "width": 4, "filters": 4},
    ),
    "convnext": ("build_convnext_cifar", SMALL),
    "vit": ("build_vit_cifar", SMALL),
    "spatial_transformer": ("build_spatial_transformer", GREY),
    "mobilenet_v2": ("build_mobilenet_v2", SMALL),
    "efficientnet_lite0": ("build_efficientnet_lite0", SMALL),
    "dense": ("build_dense_net", GREY),
    "mnist_cnn": ("build_mnist_cnn", GREY),
    "lenet_relu": ("build_lenet_relu", GREY),
    "cifar_tutorial": ("build_cifar_tutorial_net", SMALL),
    "deep_blocks": ("build_deep_blocks", GREY | {"filters": (8, 8, 8)}),
    "small_digit_net": ("build_small_digit_net", GREY),
    "small_photo_net": ("build_small_photo_net", SMALL),
}
FORMATS = {
    "litert": (export_litert, load_litert, "net.tflite"),
    "onnx": (export_onnx, load_onnx, "net.onnx"),
}
each_format = pytest.mark.parametrize("name", FORMATS)


def some_images(shape, count=3):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), "uint8")


def logits_of(model, images):
    return np.asarray(model(images.astype("float32"), training=False))


def tiny_net(**options):
    """Three layers, at once."""
    images = keras.Input((8, 8, 1), name="images")
    x = layers.Rescaling(1 / 255, **options)(images)
    x = layers.Conv2D(4, 3, activation="relu", **options)(x)
    x = layers.Dropout(0.5, **options)(layers.Flatten(**options)(x))
    return keras.Model(images, layers.Dense(3, dtype="float32")(x))


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


@pytest.fixture(scope="module")
def digit_net(digits):
    """Trained for seconds, on the 7,500 digits that come with the book."""
    keras.utils.set_random_seed(0)
    model = build_small_digit_net(filters=(16, 32, 64))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss, metrics=["accuracy"])
    training = digits.train_images, digits.train_labels
    model.fit(*training, batch_size=75, epochs=3, verbose=0)
    return model


def accuracy(predict, digits):
    return np.mean(predict(digits.test_images).argmax(axis=1) == digits.test_labels)


@pytest.mark.slow
@each_format
def test_a_float_file_of_a_trained_net_gives_the_logits_of_keras(name, digit_net, digits, tmp_path):
    export, load, file = FORMATS[name]
    predict = load(export(digit_net, tmp_path / file))
    expected = logits_of(digit_net, digits.test_images)
    for part in (slice(1), slice(7), slice(1), slice(None)):  # the count may change
        found = predict(digits.test_images[part])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected[part], atol=1e-4)


@pytest.mark.slow
def test_integers_cost_half_a_point_at_most_and_take_a_third_of_the_space(
    digit_net, digits, tmp_path
):
    whole = export_litert(digit_net, tmp_path / "float.tflite")
    small = export_litert(
        digit_net, tmp_path / "int8.tflite", int8_images=digits.train_images[:200]
    )
    before = np.mean(logits_of(digit_net, digits.test_images).argmax(axis=1) == digits.test_labels)
    assert before > 0.95
    assert abs(accuracy(load_litert(small), digits) - before) <= 0.005
    assert small.stat().st_size < whole.stat().st_size / 3


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "share"), [("float16", 0.55), ("int8", 0.32)])
def test_weights_can_be_stored_shorter_and_bytes_still_go_in_as_floats(
    weights, share, digit_net, digits, tmp_path
):
    whole = export_litert(digit_net, tmp_path / "float.tflite")
    short = export_litert(digit_net, tmp_path / f"{weights}.tflite", weights=weights)
    assert short.stat().st_size < share * whole.stat().st_size
    expected, predict = logits_of(digit_net, digits.test_images), load_litert(short)
    found = predict(digits.test_images)
    assert found.dtype == np.float32
    off = abs(found - expected).max()
    assert 0 < off < (0.05 if weights == "float16" else 1.5)  # so it is not the whole file again
    assert np.mean(found.argmax(axis=1) == expected.argmax(axis=1)) >= 0.99


def test_a_file_of_integers_has_no_weights_of_16_bits(tmp_path):
    with pytest.raises(ValueError, match='"float32" or "int8" in a file of integers'):
        export_litert(
            tiny_net(), tmp_path / "a.tflite", int8_images=some_images((8, 8, 1)), weights="float16"
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.filterwarnings(r"ignore:\s*Warning. tf.lite.Interpreter is deprecated")
def test_in_an_integer_file_bytes_go_in_and_nothing_inside_is_a_float(digit_net, digits, tmp_path):
    dim = digits.train_images[:20] // 2 + 20  # neither 0 nor 255 occurs in them
    path = export_litert(digit_net, tmp_path / "int8.tflite", int8_images=dim)
    interpreter = tf.lite.Interpreter(str(path))
    [given], [returned] = interpreter.get_input_details(), interpreter.get_output_details()
    assert given["dtype"] == np.uint8 and given["quantization"] == (1.0, 0)
    assert returned["dtype"] == np.int8
    kinds = {tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    assert kinds <= {np.uint8, np.int8, np.int32}
    assert dim.min() == 20  # what was given is not changed


@pytest.mark.slow
def test_calibration_on_other_pictures_is_what_the_user_pays_for(digit_net, digits, tmp_path):
    night = digits.train_images[:100] // 16
    path = export_litert(digit_net, tmp_path / "night.tflite", int8_images=night)
    day = export_litert(digit_net, tmp_path / "day.tflite", int8_images=digits.train_images[:100])
    assert accuracy(load_litert(path), digits) < accuracy(load_litert(day), digits) - 0.02


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_exported(family, tmp_path):
    builder, options = FAMILIES[family]
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = getattr(import_module(f"cnnbook.models.{family}"), builder)(**options)
    images = some_images(options["image_shape"])
    expected = logits_of(model, images)
    close = {"atol": 1e-4 * max(1, abs(expected).max())}
    # For large networks tf2onnx takes minutes (VGG) or 12 GB (Inception v3); their layers are those
    # of the small ones.
    names = ["litert"] if model.count_params() > 4_000_000 else FORMATS
    for export, load, file in (FORMATS[name] for name in names):
        predict = load(export(model, tmp_path / file))
        np.testing.assert_allclose(predict(images), expected, **close)
        np.testing.assert_allclose(predict(images[:1]), expected[:1], **close)


@pytest.mark.slow
def test_a_network_that_knows_photographs_still_does_in_integers(tmp_path):
    from cnnbook.datasets.photos import load_photo
    from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0

    model = build_efficientnet_lite0((128, 128, 3), weights="imagenet")
    photos = [
        ops.image.resize(load_photo(name).astype("float32"), (128, 128), antialias=True)
        for name in ("cat", "coffee", "rocket")
    ]
    photos = np.stack(photos).clip(0, 255).astype("uint8")
    turned = np.concatenate([np.rot90(photos, k, (1, 2)) for k in range(4)])
    path = export_litert(model, tmp_path / "lite0.tflite", int8_images=turned)
    expected, found = logits_of(model, photos), load_litert(path)(photos)
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).sum() >= 2
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.9


@pytest.mark.slow
@each_format
def test_a_model_of_16_bits_is_exported_in_32_and_stays_as_it_is(name, tmp_path):
    export, load, file = FORMATS[name]
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = tiny_net()
        predict = load(export(model, tmp_path / file))
    finally:
        keras.config.set_dtype_policy(before)
    twin = tiny_net()
    twin.set_weights(model.get_weights())
    images = some_images((8, 8, 1))
    expected = logits_of(twin, images)
    assert abs(logits_of(model, images) - expected).max() > 1e-4  # 16 bits make a difference
    np.testing.assert_allclose(predict(images), expected, atol=1e-4)
    assert model.layers[2].compute_dtype == "bfloat16"


@pytest.mark.slow
@each_format
def test_a_model_within_a_model_comes_along(name, tmp_path):
    export, load, file = FORMATS[name]
    base = tiny_net(dtype="mixed_bfloat16")
    base = keras.Model(base.input, base.layers[-2].output)
    model = attach_head(base, build_head(base.output_shape[-1], 2, hidden_units=5))
    model.compile("adam", lambda labels, logits: ops.mean(logits))  # cannot be built anew from JSON
    images = some_images((8, 8, 1))
    predict = load(export(model, tmp_path / file))
    np.testing.assert_allclose(predict(images), logits_of(model, images), atol=0.05)


@pytest.mark.slow
@each_format
def test_nothing_is_printed(name, tmp_path, capfd):
    export, load, file = FORMATS[name]
    predict = load(export(tiny_net(), tmp_path / file))
    predict(some_images((8, 8, 1)))
    if name == "litert":
        export_litert(tiny_net(), tmp_path / file, int8_images=some_images((8, 8, 1)))
    assert capfd.readouterr() == ("", "")
    print("afterwards one can be heard again")
    assert "heard" in capfd.readouterr().out


@pytest.mark.slow
@each_format
def test_a_file_is_replaced_by_a_whole_one(name, tmp_path):
    export, load, file = FORMATS[name]
    (tmp_path / file).write_bytes(b"old")
    path = export(tiny_net(), str(tmp_path / file))
    assert load(path)(some_images((8, 8, 1))).shape == (3, 3)
    assert [item.name for item in tmp_path.iterdir()] == [file]


@pytest.mark.parametrize(
    ("error", "kind"),
    [(OSError(28, "No space left on device"), OSError), (KeyError(1), ValueError)],
)
@each_format
def test_what_fails_leaves_the_old_file_and_nothing_else(name, error, kind, tmp_path, monkeypatch):
    export, _, file = FORMATS[name]

    def half(self, path, **options):
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(keras.Model, "export", half)
    (tmp_path / file).write_bytes(b"old")
    with pytest.raises(kind):
        export(tiny_net(), tmp_path / file)
    assert (tmp_path / file).read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == [file]


@pytest.mark.slow
@each_format
def test_a_layer_without_counterpart_is_named(name, tmp_path):
    export, _, file = FORMATS[name]
    images = keras.Input((8, 8, 1))
    x = ops.linalg.svd(ops.reshape(images, (-1, 8, 8)), compute_uv=False)
    with pytest.raises(ValueError, match=r"cannot become .* file \(no counterpart of Svd"):
        export(keras.Model(images, x), tmp_path / file)
    assert not list(tmp_path.iterdir())


@each_format
def test_paths_that_cannot_be(name, tmp_path):
    export, _, file = FORMATS[name]
    with pytest.raises(ValueError, match="`path` must end in .*got 'net.pb'"):
        export(tiny_net(), tmp_path / "net.pb")
    with pytest.raises(OSError, match="lies in none"):
        export(tiny_net(), tmp_path / "missing" / file)
    (tmp_path / file).mkdir()
    with pytest.raises(OSError, match="it is a folder"):
        export(tiny_net(), tmp_path / file)


@pytest.mark.slow
@each_format
def test_afterwards_logging_is_as_before(name, tmp_path, capsys):
    export, load, file = FORMATS[name]
    loggers = [logging.root, *map(logging.getLogger, ("absl", "tensorflow", "tf2onnx"))]

    def state():
        handlers = [(logger.name, logger.level, *logger.handlers) for logger in loggers]
        return handlers, logging.root.manager.disable, warnings.filters, sys.stdout, sys.stderr

    before = state()
    load(export(tiny_net(), tmp_path / file))(some_images((8, 8, 1)))
    assert state() == before


def test_a_handler_made_in_silence_speaks_afterwards(capfd):
    with quiet():
        logger = logging.getLogger("made in silence")
        handler = logging.StreamHandler()
        logger.addHandler(handler)
        logger.error("not heard")
        print("nor this")
        with quiet():
            pass
        print("nor this")
    logger.error("heard")
    logger.removeHandler(handler)
    assert capfd.readouterr() == ("", "heard\n")


def test_two_threads_that_are_quiet_at_once_leave_the_outputs_as_they_were(capfd):
    def be_quiet(seconds):
        with quiet():
            time.sleep(seconds)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(be_quiet, (0.1, 0.2)))
    print("heard")
    os.write(1, b"below, too")
    assert capfd.readouterr().out == "heard\nbelow, too"


@each_format
def test_what_a_killed_export_left_is_swept_a_day_later(name, tmp_path, monkeypatch):
    export, _, file = FORMATS[name]
    for folder, age in ((".export-old", 90_000), (".export-new", 60)):
        (tmp_path / folder).mkdir()
        os.utime(tmp_path / folder, (time.time() - age,) * 2)
    monkeypatch.setattr(keras.Model, "export", lambda *_, **__: 1 / 0)
    with pytest.raises(ValueError, match="cannot become"):
        export(tiny_net(), tmp_path / file)
    assert [item.name for item in tmp_path.iterdir()] == [".export-new"]


@each_format
def test_a_full_disk_is_no_fault_of_the_model(name, tmp_path, monkeypatch):
    export, _, file = FORMATS[name]

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    monkeypatch.setattr(keras.Model, "export", full)
    with pytest.raises(OSError, match=r"cannot be written \(No space left on device\)"):
        export(tiny_net(), tmp_path / file)


def test_paths_may_begin_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "net.tflite").touch()
    with pytest.raises(OSError, match=rf"^{tmp_path}/net.tflite is empty"):
        load_litert("~/net.tflite")
    monkeypatch.setattr(keras.Model, "export", lambda *_, **__: 1 / 0)
    with pytest.raises(ValueError, match="cannot become"):  # else: lies in none
        export_litert(tiny_net(), "~/net.tflite")


@pytest.mark.slow
def test_an_integer_file_refuses_what_is_no_picture_of_bytes(tmp_path):
    images = some_images((8, 8, 1))
    predict = load_litert(export_litert(tiny_net(), tmp_path / "a.tflite", int8_images=images))
    np.testing.assert_array_equal(predict(images.astype("float32")), predict(images))
    for wrong in (images / 255, images - 1.0, images * 2.0):
        with pytest.raises(ValueError, match="`images` must have pixels from 0 to 255, for this"):
            predict(wrong)
    with pytest.raises(ValueError, match="`images` must be finite"):
        predict(images * np.nan)


def test_a_sequential_model_that_is_not_built_gets_another_advice(tmp_path):
    with pytest.raises(ValueError, match=r"Build it: a Sequential begins with keras\.Input"):
        export_litert(keras.Sequential([layers.Dense(2)]), tmp_path / "a.tflite")


def two_heads():
    model = tiny_net()
    return keras.Model(model.input, [model.output, model.layers[-2].output])


def of_any_size():
    images = keras.Input((None, None, 3))
    return keras.Model(images, layers.GlobalAveragePooling2D()(images))


@pytest.mark.parametrize("build", [two_heads, of_any_size, keras.Sequential])
@each_format
def test_models_that_are_not_images_to_one_array(name, build, tmp_path):
    export, _, file = FORMATS[name]
    with pytest.raises(ValueError, match="`model` must be functional, from images of one known"):
        export(build(), tmp_path / file)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.ones((0, 8, 8, 1), "uint8"), r"`int8_images` must be at least one image \(8, 8, 1\)"),
        (np.ones((5, 9, 8, 1), "uint8"), r"got uint8 of shape \(5, 9, 8, 1\)"),
        (np.ones((8, 8, 1), "uint8"), r"image alone is `image\[None\]`"),
        (np.full((1, 8, 8, 1), "a"), "of numbers"),
        (np.ones((5, 8, 8, 1)), "pixels from 0 to 255; got 1 to 1.*model scales them itself"),
        (np.full((1, 8, 8, 1), -3.0), "pixels from 0 to 255; got -3 to -3"),
        (np.full((1, 8, 8, 1), 300.0), "pixels from 0 to 255; got 300 to 300"),
        (np.full((1, 8, 8, 1), np.nan), "`int8_images` must be finite; got nan or inf"),
        (np.zeros((5, 8, 8, 1), "uint8"), "pixels from 0 to 255; got 0 to 0"),
    ],
)
def test_calibration_images_that_cannot_be(images, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        export_litert(tiny_net(), tmp_path / "net.tflite", int8_images=images)
    assert not list(tmp_path.iterdir())


def test_without_tf2onnx_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(ImportError, match="pip install tf2onnx"):
        export_onnx(tiny_net(), tmp_path / "net.onnx")


@pytest.mark.slow
@each_format
@pytest.mark.parametrize("dtype", ["uint8", "float16", "float64"])
def test_a_model_that_takes_other_numbers_takes_float32_in_the_file(name, dtype, tmp_path):
    images = keras.Input((8, 8, 1), dtype=dtype)
    x = layers.Conv2D(2, 3)(layers.Rescaling(1 / 255)(images))
    net = keras.Model(images, layers.Flatten()(x))
    pixels = np.arange(128, dtype="uint8").reshape(2, 8, 8, 1)
    export, load, file = FORMATS[name]
    answer = load(export(net, tmp_path / file))(pixels)
    np.testing.assert_allclose(answer, net(pixels.astype(dtype)), atol=1e-3)
    assert net.input.dtype == dtype


@pytest.mark.slow
@each_format
def test_the_constants_of_a_normalization_are_in_the_file(name, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3)).astype("float32")
    normalize = layers.Normalization()
    normalize.adapt(pixels)
    images = keras.Input((8, 8, 3))
    net = keras.Model(images, layers.Flatten()(normalize(images)))
    export, load, file = FORMATS[name]
    answer = load(export(net, tmp_path / file))(pixels)
    np.testing.assert_allclose(answer, net(pixels), atol=1e-4)
    assert not isinstance(normalize.mean, np.ndarray)


def test_a_function_of_16_bits_is_refused_in_one_line(tmp_path):
    images = keras.Input((8, 8, 1))
    half = layers.Lambda(lambda x: x / 255, dtype="mixed_bfloat16")(images)
    with pytest.raises(ValueError, match="`model` cannot be rebuilt in float32 [^\n]*$"):
        export_litert(keras.Model(images, layers.Flatten()(half)), tmp_path / "net.tflite")
