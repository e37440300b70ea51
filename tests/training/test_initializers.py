"""Sparse initial weights: how many, how large, and again the same."""

import keras
import numpy as np
import pytest

from cnnbook.training.initializers import SparseConnections


def draw(shape, **keywords):
    return np.asarray(SparseConnections(**{"seed": 1, **keywords})(shape))


@pytest.mark.parametrize("connections", [1, 10, 15, 100])
def test_every_unit_has_exactly_k_connections(connections):
    assert (np.count_nonzero(draw((100, 50), connections=connections), axis=0) == connections).all()


def test_every_filter_has_exactly_k_connections_over_all_its_channels():
    kernel = draw((3, 3, 8, 16), connections=15)
    assert kernel.shape == (3, 3, 8, 16)
    assert (np.count_nonzero(kernel, axis=(0, 1, 2)) == 15).all()


def test_a_unit_with_fewer_inputs_is_connected_with_all():
    assert np.count_nonzero(draw((3, 3, 1, 4), connections=15)) == 36


def test_units_choose_for_themselves_and_every_input_has_the_same_chance():
    chosen = draw((40, 4000), connections=10) != 0
    assert len({column.tobytes() for column in chosen.T}) > 3990
    # 4,000 draws with chance 1/4: standard deviation 27
    assert np.abs(chosen.sum(axis=1) - 1000).max() < 5 * 27


@pytest.mark.parametrize(("stddev", "expected"), [(None, np.sqrt(2 / 12)), (1, 1), (0.03, 0.03)])
def test_the_spread_of_the_weights_is_as_asked(stddev, expected):
    weights = draw((200, 2000), connections=12, stddev=stddev)
    weights = weights[weights != 0]
    assert weights.std() == pytest.approx(expected, rel=0.02)
    assert weights.mean() == pytest.approx(0, abs=0.02 * expected)


@pytest.mark.slow
def test_the_default_keeps_the_spread_through_twenty_relu_layers():
    x = np.random.default_rng(0).normal(size=(200, 512))
    first = x.std()
    for layer in range(20):
        x = np.maximum(0, x @ draw((512, 512), seed=layer))
    assert 0.3 < np.sqrt((x**2).mean() / 2) / first < 3  # ReLU halves the mean square


def test_the_same_seed_gives_the_same_weights_and_another_others():
    np.testing.assert_array_equal(draw((50, 5)), draw((50, 5)))
    assert (draw((50, 5)) != draw((50, 5), seed=2)).any()
    assert ((draw((50, 5)) != 0) != (draw((50, 5), seed=2) != 0)).any()  # other connections too


def test_the_books_seed_decides_where_none_is_given():
    kernels = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        kernels.append([np.asarray(SparseConnections()((50, 5))) for _ in range(2)])
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert (kernels[0][0] != kernels[0][1]).any()


def test_a_saved_model_with_it_loads(tmp_path):
    inputs = keras.Input((30,))
    start = SparseConnections(4, stddev=0.5, seed=9)
    model = keras.Model(inputs, keras.layers.Dense(3, kernel_initializer=start)(inputs))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = loaded.layers[-1].kernel_initializer
    assert again.get_config() == {"connections": 4, "stddev": 0.5, "seed": 9}
    np.testing.assert_array_equal(again((30, 3)), model.layers[-1].kernel)


def test_the_type_asked_for():
    assert (
        keras.backend.standardize_dtype(SparseConnections()((4, 4), "float16").dtype) == "float16"
    )


@pytest.mark.parametrize("connections", [0, -1])
def test_no_connection_at_all(connections):
    with pytest.raises(ValueError, match=f"`connections` must be 1 or more; got {connections}"):
        SparseConnections(connections)


@pytest.mark.parametrize("stddev", [0, -1, float("nan"), float("inf")])
def test_no_spread_at_all(stddev):
    with pytest.raises(ValueError, match=f"`stddev` must be (above 0|a finite .*); got {stddev}"):
        SparseConnections(stddev=stddev)


def test_numbers_of_numpy_are_taken_and_saved_as_pythons():
    ours = SparseConnections(np.int64(3), np.float32(0.5), np.int64(1))
    np.testing.assert_array_equal(ours((9, 4)), SparseConnections(3, 0.5, 1)((9, 4)))
    assert keras.initializers.deserialize(keras.initializers.serialize(ours)).seed == 1


def test_no_inputs_give_no_weights():
    assert SparseConnections()((0, 5)).shape == (0, 5)
