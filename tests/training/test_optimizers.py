"""FusedAdam against Keras' own Adam, step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from cnnbook.training.optimizers import FusedAdam


def trained(optimizer, steps=20):
    """The weights of a small net after some steps."""
    keras.utils.set_random_seed(0)
    net = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.BatchNormalization(),
            keras.layers.Flatten(),
            keras.layers.Dense(5),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizer, loss)
    random = np.random.default_rng(1)
    images, labels = random.normal(size=(16 * steps, 8, 8, 1)), random.integers(0, 5, 16 * steps)
    net.fit(images, labels, batch_size=16, verbose=0, shuffle=False)
    return net


OPTIONS = [
    {},
    {"learning_rate": 0.01, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-4},
    {"learning_rate": keras.optimizers.schedules.CosineDecay(0.02, 20)},
    {"weight_decay": 0.01, "clipnorm": 0.1},
    {"use_ema": True, "ema_momentum": 0.5},
    {"amsgrad": True},
]


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: " ".join(options) or "defaults")
def test_weights_are_those_of_keras_adam(options):
    ours, keras_own = (trained(kind(**options)) for kind in (FusedAdam, keras.optimizers.Adam))
    for a, b in zip(ours.get_weights(), keras_own.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    assert ours.optimizer.iterations == 20


@pytest.mark.slow
def test_it_moves_the_weights_by_one_operation_an_array(monkeypatch):
    calls = []
    whole = tf.raw_ops.ResourceApplyAdam
    monkeypatch.setattr(
        tf.raw_ops, "ResourceApplyAdam", lambda **inputs: (calls.append(1), whole(**inputs))
    )
    net = trained(FusedAdam(), steps=1)
    assert len(net.trainable_variables) == 6
    assert len(calls) in (6, 12)  # Keras may trace the step twice
    calls.clear()
    trained(FusedAdam(amsgrad=True), steps=1)
    assert not calls


def test_gradients_of_some_rows_are_left_to_keras():
    def rows(kind):
        keras.utils.set_random_seed(0)
        net = keras.Sequential([keras.Input((2,)), keras.layers.Embedding(9, 3)])
        net.compile(kind(0.1), "mse")
        net.fit(np.array([[1, 4], [4, 7]]), np.ones((2, 2, 3)), verbose=0)
        return net.get_weights()[0]

    np.testing.assert_allclose(rows(FusedAdam), rows(keras.optimizers.Adam), atol=1e-6)


@pytest.mark.slow
def test_it_trains_in_mixed_precision_and_survives_saving(tmp_path):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        net = trained(FusedAdam(0.01), steps=3)
    finally:
        keras.config.set_dtype_policy("float32")
    net.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras")
    assert type(loaded.optimizer) is FusedAdam
    for a, b in zip(loaded.optimizer.variables, net.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a, b)
