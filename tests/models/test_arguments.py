"""What every image builder refuses, before it has built a layer."""

import ast
import inspect
from importlib import import_module
from pathlib import Path

import keras
import pytest

from cnnbook.command.models import NETWORKS

NAMES = dict.fromkeys((network.module, network.builder) for network in NETWORKS.values())
BUILDERS = [getattr(import_module(f"cnnbook.models.{file}"), name) for file, name in NAMES]
WITH_DROPOUT = [build for build in BUILDERS if "dropout" in inspect.signature(build).parameters]
MODELS = Path(__file__).parents[2] / "cnnbook" / "models"


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
    with pytest.raises(ValueError, match=f"`dropout` must be 0 or more and less .*; got {rate}"):
        build(dropout=(0.2, rate) if build.__name__ == "build_mnist_cnn" else rate)


@each(BUILDERS)
def test_the_check_is_word_for_word_the_same_in_every_file(build):
    def check_in(path):
        [found] = [
            node
            for node in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef) and node.name == "_check_arguments"
        ]
        return ast.dump(found)

    path = MODELS / f"{build.__module__.rpartition('.')[2]}.py"
    assert check_in(path) == check_in(MODELS / "dense.py")
