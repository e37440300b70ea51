"""integrated_gradients against integrals that are known."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook.explain import _listen
from cnnbook.explain import integrated_gradients as module
from cnnbook.explain.integrated_gradients import integrated_gradients


def net_of(function, pixels=2):
    """Class 0 scores a function of the pixels of a 1 x n image, class 1 its negative."""
    images = keras.Input((1, pixels, 1))
    flat = layers.Flatten()(images)
    value = function(*[flat[:, index : index + 1] for index in range(pixels)])
    return keras.Model(images, layers.Concatenate()([value, -value]))


def row(*pixels):
    return np.array(pixels, "float32").reshape(1, 1, -1, 1)


def shares(*arguments, **keywords):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return integrated_gradients(*arguments, **keywords).ravel()


def test_of_a_sum_each_pixel_gets_what_it_added(make_linear_net):
    model = make_linear_net([[2, 0], [-3, 0]], (1, 2, 1))
    found = integrated_gradients(model, row(5, 4), 0, steps=1)
    np.testing.assert_allclose(found.ravel(), [10, -12], rtol=1e-6)
    assert found.shape == (1, 1, 2, 1)
    assert found.dtype == "float32"


@pytest.mark.slow
def test_of_a_product_of_mixed_signs_both_get_half():
    np.testing.assert_allclose(shares(net_of(lambda a, b: a * b), row(2, -3), 0), [-3, -3])
    np.testing.assert_allclose(shares(net_of(lambda a, b: a * b), row(2, -3), 1), [3, 3])


@pytest.mark.slow
def test_where_relu_opens_on_the_way_the_rest_is_shared_out():
    """relu(4 t - 1) at t of the way: open for the last three quarters, so 3/4 of 3 and of 1."""
    model = net_of(lambda a, b: keras.ops.relu(a + b - 1))
    np.testing.assert_allclose(shares(model, row(3, 1), 0, steps=4), [2.25, 0.75], rtol=1e-6)


@pytest.mark.slow
def test_steps_are_halved_until_the_sum_is_right():
    """One step says 3 where the score rises by 2: it bends at 1."""
    model = net_of(lambda a: keras.ops.relu(a - 1), pixels=1)
    np.testing.assert_allclose(shares(model, row(3), 0, steps=1), [2], rtol=0.01)


@pytest.fixture
def asked(monkeypatch):
    """Where on the way gradients were taken, in shares of it."""
    places, compute = [], module._along

    def count(function, ends, chosen, at):
        if function.python_function.__name__ == "slopes":
            places.extend(at)
        return compute(function, ends, chosen, at)

    monkeypatch.setattr(module, "_along", count)
    return places


@pytest.mark.slow
def test_small_errors_that_are_let_pass_in_each_round_do_not_add_up(asked):
    """x ** 0.6 bends everywhere, and most at 0: each round errs to the same side.

    What one round lets pass, the next ones may not let pass again. With the budget kept, the sum
    is right to 0.999 % after 43 gradients; halving all steps alike would take more than 500.
    """
    model = net_of(lambda a: keras.ops.power(a, 0.6), pixels=1)
    np.testing.assert_allclose(shares(model, row(1), 0, steps=1), [1], rtol=0.01)
    assert len(asked) < 60


@pytest.mark.slow
def test_only_the_step_where_the_score_bends_is_halved(asked):
    shares(net_of(lambda a: keras.ops.relu(a - 1.1), pixels=1), row(3), 0, steps=4)
    assert 4 < len(asked) <= 20
    assert len(np.unique(np.round(asked, 9))) == len(asked)
    assert np.abs(np.array(asked[6:]) - 1.1 / 3).max() < 1 / 8


@pytest.mark.slow
def test_a_ramp_between_two_steps_is_not_missed():
    model = net_of(lambda a: keras.ops.clip(10_000 * (a - 0.3), 0, 1), pixels=1)
    np.testing.assert_allclose(shares(model, row(1), 0, steps=2), [1], rtol=0.01)


@pytest.mark.slow
def test_a_score_that_jumps_gets_a_warning():
    model = net_of(lambda a: 0 * a + keras.ops.floor(a + 0.5), pixels=1)
    with pytest.warns(UserWarning, match=r"image 0 sum to 0, not to the change of its score, 1: "):
        integrated_gradients(model, row(1), 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["flat", "nested", "sequential"])
@pytest.mark.parametrize("baseline", [0, 127.5])
def test_shares_sum_to_the_difference_of_the_scores(make_model, sixteen, kind, baseline):
    model = make_model(kind)
    found = integrated_gradients(model, sixteen, [0, 1, 2], baseline=baseline)
    after = model(sixteen.astype("float32"))
    before = model(np.full((3, 16, 16, 3), baseline, "float32"))
    expected = [float(after[i, i] - before[i, i]) for i in range(3)]
    sums = found.sum(axis=(1, 2, 3))
    allowed = np.maximum(0.01 * np.abs(expected), 2e-4 * np.abs(found).sum(axis=(1, 2, 3)))
    assert (np.abs(sums - expected) <= allowed).all()
    assert found.any()


@pytest.mark.slow
def test_a_net_that_is_sure_by_softmax_is_explained_by_its_logits(make_linear_net):
    model = make_linear_net([[2, 0], [0, 3]], (1, 2, 1), activation="softmax")
    np.testing.assert_allclose(shares(model, row(200, 255)), [0, 765], rtol=1e-5)


@pytest.mark.slow
def test_evidence_against_a_class_is_negative_and_what_is_not_read_is_zero(one_pixel_net):
    images = np.full((1, 4, 5, 1), -2.0)
    found = integrated_gradients(one_pixel_net, images, 1)
    assert found[0, 2, 3, 0] == pytest.approx(-14)
    assert np.count_nonzero(found) == 1
    np.testing.assert_array_equal(integrated_gradients(one_pixel_net, images, 0), 0)


@pytest.mark.slow
def test_what_equals_the_baseline_gets_nothing():
    model = net_of(lambda a, b: a * b)
    np.testing.assert_allclose(shares(model, row(5, 3), 0, baseline=3), [6, 0], atol=1e-4)
    other = np.array([5, 1], "float32").reshape(1, 2, 1)
    np.testing.assert_allclose(shares(model, row(5, 3), 0, baseline=other), [0, 10], atol=1e-4)


@pytest.mark.slow
def test_each_image_may_have_its_own_baseline_and_class():
    model = net_of(lambda a, b: a * b)
    images = np.concatenate([row(5, 3), row(5, 3)])
    found = integrated_gradients(model, images, [0, 1], np.concatenate([row(5, 1), row(4, 3)]))
    np.testing.assert_allclose(found.reshape(2, 2), [[0, 10], [-3, 0]], atol=1e-5)


@pytest.mark.slow
def test_the_default_is_the_preferred_class_of_the_image_not_of_the_baseline():
    model = net_of(lambda a, b: a - b)
    np.testing.assert_allclose(shares(model, row(1, 3)), [-1, 3], atol=1e-4)


@pytest.mark.slow
def test_batches_make_no_difference(make_model, sixteen, monkeypatch):
    at_once = integrated_gradients(make_model("flat"), sixteen[:1], 0)
    monkeypatch.setattr(_listen, "BATCH_PIXELS", 7 * 16 * 16)
    parts = integrated_gradients(make_model("flat"), sixteen[:1], 0)
    np.testing.assert_allclose(parts, at_once, rtol=1e-3, atol=1e-4)


def test_what_does_not_fit_is_refused(one_pixel_net):
    images = np.zeros((2, 4, 5, 1))
    with pytest.raises(ValueError, match="`steps` must be 1 or more; got 0"):
        integrated_gradients(one_pixel_net, images, steps=0)
    with pytest.raises(ValueError, match=r"`baseline` must be .*an image \(4, 5, 1\).* \(3, 3\)"):
        integrated_gradients(one_pixel_net, images, baseline=np.zeros((3, 3)))
    with pytest.raises(ValueError, match="`baseline` must be finite"):
        integrated_gradients(one_pixel_net, images, baseline=np.full((4, 5, 1), np.nan))
    with pytest.raises(ValueError, match="`class_index` must be one whole number"):
        integrated_gradients(one_pixel_net, images, [0])
