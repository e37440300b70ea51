"""What two families of networks have in common, and the names under which models are saved."""

import inspect
import pkgutil
from importlib import import_module

import keras
import numpy as np
import pytest

import cnnbook
from cnnbook.models import _parts
from cnnbook.models.alexnet import build_alexnet
from cnnbook.models.googlenet import build_googlenet


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "shape"), [(build_alexnet, (67, 67, 3)), (build_googlenet, (17, 17, 3))]
)
def test_a_saved_network_loads_with_the_one_class_of_its_normalization(build, shape, tmp_path):
    model = build(image_shape=shape, num_classes=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for name in ("norm1", "norm2"):
        found, expected = loaded.get_layer(name), model.get_layer(name)
        assert type(found) is type(expected) is _parts.LocalResponseNormalization
        assert found.get_config() == expected.get_config()
    images = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype="uint8")
    np.testing.assert_array_equal(loaded(images), model(images))


def test_no_two_of_the_package_are_saved_under_one_name():
    found = {}
    for module in pkgutil.walk_packages(cnnbook.__path__, "cnnbook."):
        for value in vars(import_module(module.name)).values():
            is_own = getattr(value, "__module__", None) == module.name
            if is_own and (inspect.isclass(value) or inspect.isfunction(value)):
                name = keras.saving.get_registered_name(value)
                if name.startswith("cnnbook>"):
                    found.setdefault(name, []).append(value)
    assert {"cnnbook>LocalResponseNormalization", "cnnbook>line_patterns"} <= set(found)
    for name, values in found.items():
        assert len(values) == 1, values
        assert keras.saving.get_registered_object(name) is values[0]


@pytest.mark.parametrize("neighbors", [4, 0, -1])
def test_a_normalization_over_an_even_number_of_maps_is_refused(neighbors):
    with pytest.raises(ValueError, match=f"`neighbors` must be odd.*got {neighbors}"):
        _parts.LocalResponseNormalization(neighbors)


@pytest.mark.parametrize("name", ["neighbors", "k", "alpha", "beta"])
def test_a_normalization_by_text_is_refused(name):
    with pytest.raises(ValueError, match=f"`{name}` must be a .*number; got '5'"):
        _parts.LocalResponseNormalization(**{name: "5"})
