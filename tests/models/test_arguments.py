"""What every image builder refuses, before it has built a layer."""

import inspect
from importlib import import_module

import keras
import pytest

from cnnbook.command.models import NETWORKS

NAMES = dict.fromkeys((network.module, network.builder) for network in NETWORKS.values())
BUILDERS = [getattr(import_module(f"cnnbook.models.{file}"), name) for file, name in NAMES]
WITH_DROPOUT = [build for build in BUILDERS if "dropout" in inspect.signature(build).parameters]


def each(builders):
    return pytest.mark.parametrize("build", builders, ids=lambda build: build.__name__)


@pytest.fixture(autouse=True)
def _no_layer_may_be_built(monkeypatch):
    def fail(*arguments, **keywords):
        raise AssertionError("built something before checking the arguments")

    monkeypatch.setattr(keras, "Input", fail)


@pytest.mark.parametrize(
    "shape",
    [(28, 28), (64, 28, 28, 1), (0, 28, 1), (28, -28, 1), (28, 28, 0), (None, None, 3)],
)
@each(BUILDERS)
def test_wrong_image_shape(build, shape):
    with pytest.raises(ValueError, match=r"`image_shape` must be \(height.*images\.shape\[1:\]"):
        build(image_shape=shape)


@pytest.mark.parametrize("count", [1, 0, -10])
@each(BUILDERS)
def test_fewer_than_two_classes(build, count):
    with pytest.raises(ValueError, match=f"`num_classes` must be 2 or more; got {count}"):
        build(num_classes=count)


@pytest.mark.parametrize("rate", [1, -0.1, 30, float("nan")])
@each(WITH_DROPOUT)
def test_impossible_dropout(build, rate):
    words = "`dropout` must be (0 or more and less|a finite number).*; got .*"
    with pytest.raises(ValueError, match=f"{words}{rate}"):
        build(dropout=(0.2, rate) if build.__name__ == "build_mnist_cnn" else rate)


WRONG = ["text", 3, 0.5, None, {"a": 1}, object(), [1], [[1, 2], [3]], True]


@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__)
def test_what_is_of_a_wrong_type_is_refused_by_name_in_one_line(build):
    for name in inspect.signature(build).parameters:
        refusals = []
        for value in WRONG:
            try:
                build(**{name: value})
            except ValueError as refused:
                refusals.append(str(refused))
            except AssertionError:  # nothing wrong with it: a layer would have been built
                pass
        assert len(refusals) >= 6, (name, refusals)
        for refusal in refusals:
            assert f"`{name}`" in refusal and "\n" not in refusal
