"""The sanity checks of Adebayo et al. (2018): what a map shows must depend on what was learned."""

import keras
import numpy as np
import pytest

from cnnbook.datasets.mnist import load_mnist
from cnnbook.explain.grad_cam import grad_cam
from cnnbook.explain.integrated_gradients import integrated_gradients
from cnnbook.explain.occlusion import occlusion_map
from cnnbook.explain.saliency import saliency
from cnnbook.models.small_digit_net import build_small_digit_net

pytestmark = pytest.mark.slow


def rank_correlation(first, second):
    """Spearman's, the mean over the images; ties get their order."""
    values = []
    for one, other in zip(first, second, strict=True):
        ranks = [np.argsort(np.argsort(values.ravel())) for values in (one, other)]
        values.append(np.corrcoef(*ranks)[0, 1])
    return float(np.mean(values))


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
def trained(digits):
    model = build_and_train(digits.train_images[:4000], digits.train_labels[:4000])
    assert model.evaluate(digits.test_images, digits.test_labels, verbose=0)[1] > 0.95
    return model


@pytest.fixture(scope="module")
def random_net():
    keras.utils.set_random_seed(99)
    return build_small_digit_net()


@pytest.mark.parametrize(
    "explain",
    [
        lambda model, x, y: grad_cam(model, x, y, "relu2"),
        saliency,
        integrated_gradients,
        lambda model, x, y: occlusion_map(model, x, y, window=4),
    ],
    ids=["grad_cam", "saliency", "integrated_gradients", "occlusion_map"],
)
def test_random_weights_give_another_map(digits, trained, random_net, explain, record_property):
    images, labels = digits.test_images[:20], digits.test_labels[:20]
    learned = explain(trained, images, labels)
    correlation = rank_correlation(learned, explain(random_net, images, labels))
    record_property("rank correlation", correlation)
    print(f"rank correlation {correlation:.2f}")
    assert correlation < 0.7
    assert rank_correlation(learned, explain(trained, images, labels)) > 0.99


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
