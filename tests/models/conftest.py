"""What tests of networks share. Large ones are forgotten before the next file builds its own."""

import gc

import keras
import numpy as np
import pytest


@pytest.fixture(autouse=True, scope="module")
def forget_networks():
    """Drop the graphs and weights that Keras and Python still hold."""
    yield
    keras.utils.clear_session()
    gc.collect()


@pytest.fixture
def saved_and_loaded(tmp_path):
    """Save a model, load it, see that it gives the same logits, and return it."""

    def check(model):
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        shape = 2, *model.input_shape[1:]
        images = np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")
        found, expected = (keras.ops.convert_to_numpy(net(images)) for net in (loaded, model))
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        return loaded

    return check


@pytest.fixture
def learns():
    """Train a copy of a model for eight steps: the loss falls, and every weight moves."""

    def check(model, rate):
        model = keras.models.clone_model(model)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(rate), loss, run_eagerly=True)
        before = model.get_weights()
        shape = 8, *model.input_shape[1:]
        images = np.random.default_rng(0).integers(0, 256, shape).astype("float32")
        labels = np.arange(8) % model.output_shape[-1]
        losses = [float(model.train_on_batch(images, labels)) for _ in range(8)]
        assert losses[-1] < 0.8 * losses[0]
        for old, variable in zip(before, model.weights, strict=True):
            assert np.any(old != keras.ops.convert_to_numpy(variable)), variable.path

    return check


@pytest.fixture
def refused_at_once(monkeypatch):
    """See that arguments are refused in one line before a layer is built."""

    def check(build, arguments, message):
        monkeypatch.setattr(keras, "Input", lambda *a, **k: pytest.fail("built something"))
        with pytest.raises(ValueError, match=message) as refused:
            build(**arguments)
        assert "\n" not in str(refused.value)

    return check
