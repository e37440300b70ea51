"""Features before the last layer, and their places in a plane."""

import keras
import numpy as np
import pytest
from keras import layers

from cnnbook.explain import _listen
from cnnbook.explain.embedding import embed, project
from cnnbook.training.transfer import attach_head, build_head


@pytest.mark.parametrize("kind", ["flat", "nested", "sequential"])
def test_the_default_is_what_the_last_layer_gets(make_model, sixteen, kind):
    model = make_model(kind)
    features = embed(model, sixteen)
    assert features.shape == (3, 6)
    assert features.dtype == "float32"
    weights, bias = model.get_layer("logits").get_weights()
    expected = model(sixteen.astype("float32"))
    np.testing.assert_allclose(features @ weights + bias, expected, atol=1e-5)
    np.testing.assert_array_equal(embed(model, sixteen, "average"), features)


def test_a_head_that_was_attached_hides_nothing(make_model, sixteen):
    whole = make_model("flat")
    base = keras.Model(whole.input, whole.get_layer("average").output)
    model = attach_head(base, build_head(6, 4, hidden_units=9))
    features = embed(model, sixteen)
    assert features.shape == (3, 9)
    np.testing.assert_array_equal(features, embed(model, sixteen, "new_head/hidden"))
    np.testing.assert_array_equal(embed(model, sixteen, "average"), embed(whole, sixteen))


def test_of_maps_the_mean_counts(make_model, sixteen):
    features = embed(make_model("flat"), sixteen, "pool2")
    np.testing.assert_allclose(features, embed(make_model("flat"), sixteen), atol=1e-6)


def test_a_last_convolution_gets_maps(sixteen):
    images = keras.Input((16, 16, 3))
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 1)(images))
    features = embed(keras.Model(images, x), sixteen)
    np.testing.assert_allclose(features, sixteen.mean(axis=(1, 2)), rtol=1e-5)


def test_batches_make_no_difference(make_model, sixteen, monkeypatch):
    at_once = embed(make_model("flat"), sixteen)
    monkeypatch.setattr(_listen, "BATCH_PIXELS", 1)
    np.testing.assert_allclose(embed(make_model("flat"), sixteen), at_once, atol=1e-6)


def test_what_cannot_be_embedded_is_refused(make_model, sixteen):
    with pytest.raises(ValueError, match="0 are named 'averag'. Close names: average"):
        embed(make_model("flat"), sixteen, "averag")
    with pytest.raises(ValueError, match=r"takes images \(16, 16, 3\)"):
        embed(make_model("flat"), sixteen[0])
    images = keras.Input((16, 16, 3))
    with pytest.raises(
        ValueError, match="`model` must end in one layer with weights; .*`layer_name`"
    ):
        embed(keras.Model(images, layers.Flatten()(images)), sixteen)


# In a plane -----------------------------------------------------------------------------------


@pytest.fixture
def two_clouds():
    random = np.random.default_rng(0)
    points = random.normal(0, 1, (60, 8))
    points[30:] += 12
    return points


def test_pca_is_that_of_the_singular_values(two_clouds):
    centred = two_clouds - two_clouds.mean(axis=0)
    _, _, directions = np.linalg.svd(centred)
    expected = centred @ directions[:2].T
    found = project(two_clouds)
    assert found.dtype == "float32"
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_two_clouds_stay_apart_and_a_seed_gives_the_same_picture(two_clouds, method):
    places = project(two_clouds, method, seed=3)
    assert places.shape == (60, 2)
    centres = places[:30].mean(axis=0), places[30:].mean(axis=0)
    to_own = [np.linalg.norm(places - centre, axis=1) for centre in centres]
    is_second = to_own[1] < to_own[0]
    np.testing.assert_array_equal(is_second, np.arange(60) >= 30)
    np.testing.assert_array_equal(project(two_clouds, method, seed=3), places)


def test_images_are_flattened():
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 5, 3)).astype("uint8")
    np.testing.assert_array_equal(project(images), project(images.reshape(20, 60)))
    assert project(images, "tsne").shape == (20, 2)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize("shape", [(4, 1), (4, 2), (4, 90), (70, 60)])
def test_few_points_and_few_features_will_do(method, shape):
    points = np.random.default_rng(0).normal(0, 1, shape)
    places = project(points, method)
    assert places.shape == (shape[0], 2)
    assert np.isfinite(places).all()


def test_what_cannot_be_laid_out_is_refused(two_clouds):
    for wrong in (
        two_clouds[:3],
        two_clouds[0],
        np.zeros((9, 0)),
        np.full((9, 2), np.nan),
        two_clouds * 1e30,
    ):
        with pytest.raises(ValueError, match=r"`features` must be \(count, features\), 4 points"):
            project(wrong)
    with pytest.raises(ValueError, match='`method` must be "pca" or "tsne"; got \'umap\''):
        project(two_clouds, "umap")
    with pytest.raises(ValueError, match="`seed` must be 0 to 4294967295; got -1"):
        project(two_clouds, seed=-1)


@pytest.mark.parametrize("method", ["pca", "tsne"])
@pytest.mark.parametrize("features", [np.ones((6, 5)), np.ones((6, 5), bool), np.zeros((4, 1))])
def test_points_that_are_all_alike_lie_in_one_place(method, features):
    np.testing.assert_array_equal(project(features, method), np.zeros((len(features), 2)))


def test_points_far_from_0_keep_their_distances(two_clouds):
    points = np.asarray(two_clouds, float)
    np.testing.assert_allclose(project(points + 1e8), project(points), atol=1e-3)
