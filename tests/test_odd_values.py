"""Odd arrays, numbers and networks for every public function: an answer that holds, or our line.

Run as a program, it counts: `python tests/test_odd_values.py 200` tries 200 of each kind.
"""

import contextlib
import functools
import io
import os
import re
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")

import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as odd
from keras import layers, ops
from matplotlib import pyplot
from matplotlib.figure import Figure
from test_wrong_types import ANSWERS, DOORS, LARGE, VALID, small_net

from cnnbook.datasets.preprocessing import MeanImage, PCAWhitening, Standardize, ZCAWhitening
from cnnbook.deploy.costs import layer_costs
from cnnbook.explain.embedding import embed
from cnnbook.explain.feature_maps import dead_filters, feature_maps, filter_images
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.explain.integrated_gradients import integrated_gradients
from cnnbook.explain.maximize import maximize_filter
from cnnbook.explain.occlusion import occlusion_map
from cnnbook.explain.saliency import saliency
from cnnbook.training.features import bottleneck_features

EXAMPLES = 4  # of each argument; as a program, as many as are asked for
GENTLE = {
    "deadline": None,
    "database": None,
    "derandomize": True,
    "suppress_health_check": list(HealthCheck),
}
DTYPES = ("bool", "int8", "uint8", "int16", "int64", "uint64", "float16", "float32", "float64")
# What draws by chance, or measures time, answers differently each time.
BY_CHANCE = {
    "datasets.pipeline.make_pipeline",
    "deploy.latency.measure_latency",
    "plots.augmentations.plot_augmentations",
    "widgets.layers.layers_widget",
}
# A curve may have gaps, and what is not known need not be drawn.
MAY_HAVE_GAPS = {"plots.runs.plot_runs", "plots.learning_curves.plot_learning_curves"}


# Arrays and numbers -------------------------------------------------------------------------------


def like(valid):
    """Draw arrays that resemble a valid one: of its shape or another, of any values and dtype.

    In the place of a short list, such as a shape, there are no large numbers: they would be legal,
    and take hours.
    """
    shape = np.shape(valid)
    shapes = st.one_of(
        st.just(shape),
        st.just((1, *shape)),
        st.just(shape[1:]),
        st.just((0, *shape[1:])),
        st.just((*shape[:-1], 1)),
        odd.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4),
    )
    ranges = {
        "like": lambda dtype: _within(dtype, 0, max(1, float(np.max(valid, initial=1)))),
        "small": lambda dtype: _within(dtype, 0, 1),
        "signed": lambda dtype: _within(dtype, -3, 12),
        **({"any": odd.from_dtype} if isinstance(valid, np.ndarray) else {}),
    }
    return st.tuples(shapes, st.sampled_from(DTYPES), st.sampled_from(list(ranges))).flatmap(
        lambda kind: odd.arrays(kind[1], kind[0], elements=ranges[kind[2]](np.dtype(kind[1])))
    )


def _within(dtype, low, high):
    """Numbers of a dtype between two limits, as far as it has them."""
    if dtype.kind == "b":
        return st.booleans()
    if dtype.kind == "f":
        return st.floats(low, high, width=8 * dtype.itemsize, allow_subnormal=False)
    limits = np.iinfo(dtype)
    return st.integers(max(int(limits.min), low), min(int(limits.max), int(high)))


NUMBERS = st.one_of(
    st.integers(-3, 12),
    st.floats(-3, 3),
    st.sampled_from(
        [np.uint8(3), np.int16(-1), np.float32(0.5), float("inf"), float("nan"), 1e-300, 20.5]
    ),
)


def is_array(value):
    is_list = isinstance(value, (list, tuple)) and value and np.asarray(value).dtype.kind in "if"
    return isinstance(value, np.ndarray) or is_list


def odd_arguments(name, world):
    """Yield each argument that takes numbers, with a strategy and with how a value is put in."""
    for argument, value in VALID[name](world).items():
        if is_array(value):
            yield argument, like(value), lambda odd: odd
        elif isinstance(value, dict) and value and all(map(is_array, value.values())):
            yield argument, like(next(iter(value.values()))), lambda odd: {"a": odd}
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield argument, NUMBERS, lambda odd: odd


def numbers_of(answer):
    """Return all numbers of an answer in one list of arrays, as far as it has any."""
    if isinstance(answer, Figure):
        return [
            np.asarray(part, float)
            for axes in answer.axes
            for part in [image.get_array() for image in axes.images]
            + [line.get_ydata() for line in axes.lines]
        ]
    if isinstance(answer, keras.Model):
        return [np.asarray(answer.count_params(), float)]
    found = []
    for leaf in keras.tree.flatten(answer) if answer is not None else []:
        with contextlib.suppress(TypeError, ValueError):
            found.append(np.asarray(leaf, float))
    return found


def attempt(call):
    """Call, and return the answer, the error and what was warned of."""
    with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            answer = call()
            if isinstance(answer, Figure):
                answer.canvas.draw()
            return answer, None, warned
        except Exception as error:
            return None, error, warned
        finally:
            pyplot.close("all")


def is_ours(error):
    if isinstance(error, ANSWERS):  # such as of a file that is not there
        return True
    return isinstance(error, ValueError) and "`" in str(error) and "\n" not in str(error)


def verdict(name, valid, argument, value, put):
    """Say what a function does with an odd value; 'refused', 'answered', or what is wrong."""
    before = np.array(value, copy=True)
    answer, error, warned = attempt(lambda: DOORS[name](**valid | {argument: put(value)}))
    if not np.array_equal(before, value, equal_nan=before.dtype.kind == "f"):
        return "silent: the argument was changed"
    if error is not None:
        return "refused" if is_ours(error) else f"raw: {type(error).__name__}: {error}"
    if noise := [each for each in warned if issubclass(each.category, RuntimeWarning)]:
        return f"silent: NumPy warned: {noise[0].message}"
    found = numbers_of(answer)
    numbers = [] if isinstance(answer, Figure) else found  # in a figure nan is a gap
    if not all(np.isfinite(part).all() for part in numbers):
        return "silent: nan or infinity in the answer"
    if before.dtype.kind == "f" and not np.isfinite(before).all() and name not in MAY_HAVE_GAPS:
        return "silent: nan or infinity was taken for a number"
    if isinstance(value, np.ndarray) and before.dtype.kind in "biuf" and name not in BY_CHANCE:
        wide = {"f": "float64", "u": "uint64"}.get(before.dtype.kind, "int64")
        again = before.astype(wide)
        other, error, _ = attempt(lambda: DOORS[name](**valid | {argument: put(again)}))
        if error is None and not same(found, numbers_of(other)):
            return f"silent: another answer for {again.dtype} than for {before.dtype}"
    return "answered"


def same(ones, others, tolerance=1e-3):
    """Compare lists of arrays, each to a share of its largest number."""
    return len(ones) == len(others) and all(
        one.shape == other.shape
        and np.allclose(one, other, rtol=0, atol=tolerance * _size(one), equal_nan=True)
        for one, other in zip(ones, others, strict=True)
    )


def _size(array):
    """The largest number of an array, and not quite 0."""
    return max(1e-6, np.nanmax(np.abs(array), initial=0))


def fuzz_door(name, world, examples, note):
    """Try odd values for each argument of a function that takes numbers."""
    if re.search(rf"^models\.\w*({LARGE}|neocognitron)\w*\.", name):
        return
    for argument, strategy, put in odd_arguments(name, world):
        fuzz_argument(name, VALID[name](world), argument, strategy, put, examples, note)


def fuzz_argument(name, valid, argument, strategy, put, examples, note):
    """Try odd values for one argument."""

    @settings(max_examples=examples, **GENTLE)
    @given(strategy)
    def try_one(value):
        shown = f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else repr(value)
        note(name, f"{argument} {shown}", verdict(name, valid, argument, value, put))

    try_one()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory)


def make_world(factory):
    from test_wrong_types import world as fixture

    return fixture.__wrapped__(factory)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in DOORS if name in VALID])
def test_an_odd_value_gets_an_answer_that_holds_or_our_line(name, world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    faults = []

    def note(name, what, word):
        if word not in ("refused", "answered"):
            faults.append(f"{what}: {word:.250}")

    fuzz_door(name, world, EXAMPLES, note)
    assert not faults, "\n".join(faults)


# Layers with `adapt` ------------------------------------------------------------------------------

ADAPTED = (MeanImage, Standardize, PCAWhitening, ZCAWhitening)


def verdict_of_adapt(kind, data, images):
    """Hold what a layer makes of images against the same in plain NumPy, where that is easy."""

    def compute():
        layer = kind()
        layer.adapt(data)
        return np.asarray(layer(images))

    answer, error, warned = attempt(compute)
    if error is not None:
        return "refused" if is_ours(error) else f"raw: {type(error).__name__}: {error}"
    if noise := [each for each in warned if issubclass(each.category, RuntimeWarning)]:
        return f"silent: NumPy warned: {noise[0].message}"
    if images.shape[1:] != data.shape[1:]:
        return "silent: images of another shape than those that it knows"
    if not np.isfinite(answer).all():
        return "silent: nan or infinity in the answer"
    mean = data.astype("float64").mean(axis=0)
    if kind is MeanImage and not np.allclose(answer, images - mean, rtol=1e-3, atol=1e-3):
        return "silent: not the images less the mean image"
    return "answered"


SHAPES = [
    (6, 4, 4, 3),
    (6, 4, 4, 1),
    (6, 4, 4),
    (4, 4, 3),
    (1, 4, 4, 3),
    (6, 4),
    (6,),
    (0, 4, 4, 3),
]


def fuzz_adapt(examples, note):
    arrays = st.sampled_from(SHAPES).flatmap(
        lambda shape: odd.arrays("float32", shape, elements=_within(np.dtype("float32"), 0, 255))
    )

    @settings(max_examples=examples, **GENTLE)
    @given(st.sampled_from(ADAPTED), arrays, arrays)
    def try_one(kind, data, images):
        shapes = f"adapted to {data.shape}, given {images.shape}"
        note(kind.__name__, shapes, verdict_of_adapt(kind, data, images))

    try_one()


@pytest.mark.slow
def test_an_adapted_layer_is_right_or_refuses():
    faults = []
    fuzz_adapt(40, lambda *said: said[2] in ("refused", "answered") or faults.append(said))
    assert not faults, faults


# Networks -----------------------------------------------------------------------------------------

WAYS_TO_END = ("logits", "softmax in Dense", "Softmax", "Activation", "ops.softmax", "twice nested")
WAYS_TO_BUILD = (
    *("functional", "sequential", "sequential never called", "nested", "in a model of its own"),
    *("shared with a larger model", "head apart", "subclass never called", "two outputs"),
)
SHAPE = (12, 12, 3)


def parts_of(strides, wide, norm):
    """Make the layers of a small network with weights that are always the same."""
    keras.utils.set_random_seed(3)
    body = [
        layers.Rescaling(1 / 255, name="rescale"),
        layers.Conv2D(4 + 2 * wide, 3, strides=strides, activation="relu", name="conv"),
        *([layers.BatchNormalization(name="norm")] if norm else []),
        layers.Conv2D(5, 3, padding="same", activation="relu", name="conv2"),
        layers.GlobalAveragePooling2D(name="average"),
    ]
    return body, layers.Dense(3, name="logits", kernel_initializer="glorot_normal")


def chain(x, steps):
    for step in steps:
        x = step(x)
    return x


def end_of(how, x, dense):
    """Put the last layer on, in one of the ways in which people end a classifier."""
    if how == "softmax in Dense":
        dense.activation = keras.activations.softmax
    x = dense(x)
    if how == "Softmax":
        return layers.Softmax(name="softmax")(x)
    if how == "Activation":
        return layers.Activation("softmax", name="softmax")(x)
    if how == "ops.softmax":
        return ops.softmax(x)
    if how == "twice nested":
        scores = keras.Input((3,))
        inner = keras.Model(scores, layers.Softmax()(scores), name="inner")
        outer = keras.Input((3,))
        return keras.Model(outer, inner(outer), name="outer")(x)
    return x


def build(how, end, *options):
    """Build the network in one of the ways in which people build one."""
    body, dense = parts_of(*options)
    images = keras.Input(SHAPE, name="images")
    if how.startswith("sequential"):
        if end in ("ops.softmax", "twice nested"):
            how = "functional"
        else:
            if end == "softmax in Dense":
                dense.activation = keras.activations.softmax
            tail = [layers.Softmax()] if end in ("Softmax", "Activation") else []
            net = keras.Sequential([*body, dense, *tail])
            if "never" not in how:
                net(np.zeros((1, *SHAPE), "float32"))
            return net
    if how == "subclass never called":
        return Subclass(body, dense, end)
    if how == "shared with a larger model":
        large = keras.Input((20, 20, 3))
        keras.Model(large, chain(large, body))
    if how == "nested":
        inside = keras.Input(SHAPE)
        body = [keras.Model(inside, chain(inside, body), name="base")]
    if how == "in a model of its own":
        net = keras.Model(images, end_of(end, chain(images, body), dense), name="whole")
        around = keras.Input(SHAPE)
        return keras.Model(around, net(around))
    if how == "head apart":
        given = keras.Input((5,))
        head = keras.Model(given, end_of(end, given, dense), name="head")
        return keras.Model(images, head(chain(images, body)))
    features = chain(images, body)
    scores = end_of(end, features, dense)
    if how == "two outputs":
        return keras.Model(images, [scores, features])
    return keras.Model(images, scores)


class Subclass(keras.Model):
    """A network as a class."""

    def __init__(self, body, dense, end):
        super().__init__()
        self.body, self.dense, self.end = body, dense, end
        if end == "softmax in Dense":
            dense.activation = keras.activations.softmax

    def call(self, images):
        scores = self.dense(chain(images, self.body))
        return scores if self.end in ("logits", "softmax in Dense") else ops.softmax(scores)


def total_costs(net, images):
    rows = layer_costs(net)
    return np.array([sum(row.multiply_adds for row in rows), sum(row.parameters for row in rows)])


QUESTIONS = {
    "grad_cam": lambda net, images: grad_cam(net, images),
    "grad_cam of class 1": lambda net, images: grad_cam(net, images, 1, layer_name="conv2"),
    "saliency": lambda net, images: saliency(net, images),
    "occlusion_map": lambda net, images: occlusion_map(net, images, 2, 6, 6),
    "integrated_gradients": lambda net, images: integrated_gradients(net, images, 0, steps=4),
    "feature_maps": lambda net, images: feature_maps(net, images, "conv2")["conv2"],
    "dead_filters": lambda net, images: dead_filters(net, images, "conv"),
    "filter_images": lambda net, images: filter_images(net, "conv"),
    "embed": lambda net, images: embed(net, images),
    "maximize_filter": lambda net, images: maximize_filter(net, "conv2", 1, steps=2),
    "layer_costs": total_costs,
    "bottleneck_features": lambda net, images: bottleneck_features(net, images),
}


@functools.cache
def expected(question, options):
    images = pictures()
    end = "Softmax" if question == "bottleneck_features" else "logits"
    return QUESTIONS[question](build("functional", end, *options), images)


def pictures():
    return np.random.default_rng(1).integers(0, 256, (2, *SHAPE)).astype("uint8")


def verdict_of_network(question, how, end, options):
    """Hold the answer about a network against that about the same one, built plainly."""
    if question == "bottleneck_features" and end == "logits":
        end = "Softmax"
    net, images = build(how, end, *options), pictures()
    before = None if "never" in how else [np.array(weight) for weight in net.get_weights()]
    predicted = None if before is None else net.predict(images, verbose=0)
    answer, error, _ = attempt(lambda: QUESTIONS[question](net, images))
    if predicted is not None:
        after = net.predict(images, verbose=0)
        if not same(keras.tree.flatten(predicted), keras.tree.flatten(after)):
            return "silent: the network predicts otherwise afterwards"
    if error is not None:
        return "refused" if is_ours(error) else f"raw: {type(error).__name__}: {error}"
    if not same([np.asarray(expected(question, options))], [np.asarray(answer)]):
        return "silent: another answer than for the same network, built plainly"
    return "answered"


def fuzz_networks(question, examples, note):
    @settings(max_examples=examples, **GENTLE)
    @given(
        st.sampled_from(WAYS_TO_BUILD),
        st.sampled_from(WAYS_TO_END),
        st.tuples(st.sampled_from([1, 2]), st.booleans(), st.booleans()),
    )
    def try_one(how, end, options):
        if how == "subclass never called" and end in ("Softmax", "Activation", "twice nested"):
            end = "ops.softmax"
        note(question, f"{how}, {end}, {options}", verdict_of_network(question, how, end, options))

    try_one()


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS)
def test_a_network_gets_the_same_answer_however_it_is_built(question):
    faults = []
    fuzz_networks(
        question, 12, lambda *said: said[2] in ("refused", "answered") or faults.append(said)
    )
    assert not faults, "\n".join(map(str, faults))


@pytest.mark.slow
def test_the_networks_are_the_same_however_they_are_built():
    """Else the test above compared nothing."""
    images = pictures()
    probabilities = [
        build(how, end, 2, True, True)(images)
        for how in WAYS_TO_BUILD
        for end in WAYS_TO_END
        if end != "logits" and how not in ("two outputs", "subclass never called")
    ]
    assert all(np.allclose(each, probabilities[0], atol=1e-5) for each in probabilities)
    assert small_net() is not None


# The count ----------------------------------------------------------------------------------------


def main(examples):
    """Print how often each kind of thing happened, and the first of each fault."""
    counts, faults = Counter(), {}

    def note(name, what, word):
        kind = word.partition(":")[0]
        counts[kind] += 1
        if kind not in ("refused", "answered"):
            faults.setdefault((name, what.split()[0], word[:60]), f"{what}: {word[:160]}")

    class Folders:
        def mktemp(self, name):
            return Path(tempfile.mkdtemp(prefix=name))

    world = make_world(Folders())
    os.chdir(tempfile.mkdtemp())
    for name in [name for name in DOORS if name in VALID]:
        fuzz_door(name, world, examples, note)
    arrays = Counter(counts)
    fuzz_adapt(10 * examples, note)
    for question in QUESTIONS:
        fuzz_networks(question, examples, note)
    for (name, *_), text in sorted(faults.items()):
        print(f"{name}: {' '.join(text.split())}")
    print("arrays and numbers:", dict(arrays), "networks and layers:", dict(counts - arrays))
    print(f"{len(faults)} different faults")


if __name__ == "__main__":
    main(int(sys.argv[1]))
