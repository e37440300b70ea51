"""The sanity checks of Adebayo et al. (2018): what a map shows must depend on what was learned."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.stats import spearmanr

from cnnbook.book.notebooks import make_notebook
from cnnbook.datasets.mnist import load_mnist
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.explain.integrated_gradients import integrated_gradients
from cnnbook.explain.occlusion import occlusion_map
from cnnbook.explain.saliency import saliency
from cnnbook.models.small_digit_net import build_small_digit_net

SOURCE = Path(__file__).parents[2] / "notebooks" / "source" / "14_where_did_it_look.py"
slow = pytest.mark.slow


def rank_correlations(first, second, signed):
    """Spearman's, one an image; equal values share their rank; nan where a map is empty."""
    values = []
    for pair in zip(first, second, strict=True):
        one, other = (each.ravel() if signed else np.abs(each).ravel() for each in pair)
        is_empty = not np.ptp(one) or not np.ptp(other)
        values.append(np.nan if is_empty else spearmanr(one, other).statistic)
    return np.array(values)


@pytest.fixture(scope="module")
def digits():
    return load_mnist()


def build_and_train(images, labels, seed=0):
    keras.utils.set_random_seed(seed)
    model = build_small_digit_net()
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.003), loss, metrics=["accuracy"])
    model.fit(images, labels, batch_size=64, epochs=2, verbose=0)
    return model


@pytest.fixture(scope="module")
def readers(digits):
    """Two nets that learned the same from different beginnings."""
    part = digits.train_images[:4000], digits.train_labels[:4000]
    models = [build_and_train(*part, seed) for seed in (0, 1)]
    for model in models:
        assert model.evaluate(digits.test_images, digits.test_labels, verbose=0)[1] > 0.95
    return models


@pytest.fixture(scope="module")
def guessers():
    """Nets that learned nothing."""
    models = []
    for seed in (97, 98, 99):
        keras.utils.set_random_seed(seed)
        models.append(build_small_digit_net())
    return models


def slopes(model, images, classes):
    """The gradient of the scores by the pixels: what `saliency` gives the size of."""
    pixels = tf.constant(images.astype("float32"))
    with tf.GradientTape() as tape:
        tape.watch(pixels)
        scores = tf.gather(model(pixels), classes, axis=1, batch_dims=1)
    return tape.gradient(scores, pixels).numpy()[..., 0]


METHODS = {
    "grad_cam": lambda model, x, y: grad_cam(model, x, y, "relu2"),
    "saliency": slopes,
    "integrated_gradients": lambda model, x, y: integrated_gradients(model, x, y)[..., 0],
    "occlusion_map": lambda model, x, y: occlusion_map(model, x, y, window=4),
}


@pytest.fixture(scope="module")
def agreements(digits, readers, guessers):
    """For each method: of a net that learned, with random nets and with another that learned."""
    asked = digits.test_images[:20], digits.test_labels[:20]
    found = {}
    for name, explain in METHODS.items():
        one, other = (explain(model, *asked) for model in readers)
        randoms = [explain(model, *asked) for model in guessers]
        for signed in (True, False):
            pairs = [rank_correlations(one, each, signed) for each in randoms]
            found[name, signed] = (
                np.array(pairs),
                rank_correlations(one, other, signed),
            )
    return found


def test_maps_with_opposite_signs_differ_with_sign_and_agree_by_size():
    one = np.array([[[4, -3], [1, 0]]])
    assert rank_correlations(one, -one, signed=True) == pytest.approx(-1)
    assert rank_correlations(one, -one, signed=False) == pytest.approx(1)


def test_an_empty_map_is_no_disagreement():
    one, empty = np.array([[[4, 3], [1, 0]]]), np.zeros((1, 2, 2))
    for signed in (True, False):
        assert np.isnan(rank_correlations(one, empty, signed)).all()
    tied = (
        np.array([[[1, 0], [0, 0]]]),
        np.array([[[0, 0], [0, 1]]]),
    )  # zeros in order say nothing
    assert rank_correlations(*tied, signed=True)[0] < 0


@slow
@pytest.mark.parametrize("name", METHODS)
def test_with_their_signs_maps_of_random_nets_are_others(agreements, name, record_property):
    randoms, learned = agreements[name, True]
    assert np.isnan(randoms).mean() < 0.6  # enough are left to speak of
    record_property("rank correlation", float(np.nanmean(randoms)))
    assert np.nanmean(randoms) < 0.3
    assert np.nanmean(learned) > np.nanmean(randoms) + 0.1


@slow
def test_by_size_integrated_gradients_cannot_tell_a_net_that_learned(agreements):
    """Not a wish, but what holds: black paper gets exactly nothing, whatever the weights are."""
    randoms, learned = agreements["integrated_gradients", False]
    assert np.nanmean(randoms) > 0.9
    assert np.nanmean(learned) - np.nanmean(randoms) < 0.03


@slow
def test_saliency_is_the_worst_only_where_its_size_is_compared_with_the_signs_of_others(
    agreements,
):
    """The misreading of the first edition, and what is right."""
    random = {key: np.nanmean(pairs[0]) for key, pairs in agreements.items()}
    as_it_was = {name: random[name, name != "saliency"] for name in METHODS}
    assert max(as_it_was, key=as_it_was.get) == "saliency"
    by_size = {name: random[name, False] for name in METHODS}
    assert max(by_size, key=by_size.get) == "integrated_gradients"
    assert random["saliency", True] < 0.2 < random["saliency", False]


def chapter():
    """Run the two functions of chapter 14 that say how alike maps are."""
    cells = make_notebook(SOURCE.read_text(encoding="utf-8")).cells
    names = {"np": np, "tf": tf, "spearmanr": spearmanr, "grad_cam": grad_cam}
    names |= {
        "integrated_gradients": integrated_gradients,
        "occlusion_map": occlusion_map,
    }
    for start in ("def slopes_of(", "def maps_of(", "def agreement("):
        [cell] = [cell.source for cell in cells if cell.source.startswith(start)]
        exec(cell.partition("\n\n\nslopes = ")[0], names)
    return names["agreement"], names["maps_of"]


def test_the_chapter_counts_no_empty_map_and_compares_with_sign_or_by_size():
    agreement, _ = chapter()
    one = np.array([[[4.0, -3], [1, 0]], [[0, 0], [0, 0]]])
    for signed, wanted in ((True, -1), (False, 1)):
        found = agreement(one, -one, signed)
        assert found[0] == pytest.approx(wanted)
        assert np.isnan(found[1])
    ink = np.array([[[True, False], [True, True]]] * 2)
    assert agreement(one, np.abs(one), True, ink)[0] == pytest.approx(1)


def test_the_chapter_asks_all_methods_the_same(make_model, sixteen):
    _, maps_of = chapter()
    model, classes = make_model("flat"), np.array([0, 1, 2])
    found = maps_of(model, sixteen, classes, 4, "relu2")
    assert list(found) == [
        "occlusion",
        "saliency",
        "integrated gradients",
        "Grad-CAM",
    ]
    for name, values in found.items():
        assert (values.min() < 0) == (name != "Grad-CAM"), f"{name} has lost its signs"
    wanted = saliency(model, sixteen, classes)
    np.testing.assert_allclose(np.abs(found["saliency"]), wanted, rtol=1e-3, atol=1e-6)


@slow
def test_grad_cam_finds_a_corner_that_gives_the_class_away(digits):
    """Whoever reads the corner need not read the digit."""
    chosen = digits.train_labels < 2
    images = digits.train_images[chosen][:1000].copy()
    labels = np.random.default_rng(0).permutation(digits.train_labels[chosen][:1000])
    images[labels == 1, :4, :4] = 255
    model = build_and_train(images, labels)
    marked = images[labels == 1][:50]
    assert (model.predict(marked, verbose=0).argmax(axis=1) == 1).mean() > 0.95
    heatmaps = grad_cam(model, marked, 1, "relu2")
    places = heatmaps.reshape(len(marked), -1).argmax(axis=1)
    rows, columns = np.divmod(places, heatmaps.shape[2])
    assert ((rows <= 1) & (columns <= 1)).mean() >= 0.9
