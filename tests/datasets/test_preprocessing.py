"""The preprocessing layers against scikit-learn and NumPy, and on pixels that never change."""

import copy
import importlib.util
import os
import pickle
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from cnnbook.datasets.preprocessing import MeanImage, PCAWhitening, Standardize, ZCAWhitening

LAYERS = [MeanImage, Standardize, PCAWhitening, ZCAWhitening]
each_layer = pytest.mark.parametrize("layer_class", LAYERS)


@pytest.fixture(scope="module")
def images():
    """300 images of 4x3x2 values that depend on each other, and are not centred."""
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(300, 24)) @ rng.normal(size=(24, 24)) + 10
    return mixed.reshape(300, 4, 3, 2)


def flat(images):
    return np.asarray(images).reshape(len(images), -1)


def adapted(layer, images):
    layer.adapt(images)
    return layer


def test_mean_image_is_numpys(images):
    layer = adapted(MeanImage(), images)
    np.testing.assert_allclose(layer(images), images - images.mean(axis=0), atol=1e-4)


def test_standardize_is_scikit_learns(images):
    expected = StandardScaler().fit_transform(flat(images))
    np.testing.assert_allclose(flat(adapted(Standardize(), images)(images)), expected, atol=1e-4)


@pytest.mark.parametrize("components", [None, 1, 5])
def test_pca_whitening_is_scikit_learns(images, components):
    expected = PCA(components, whiten=True).fit_transform(flat(images))
    layer = adapted(PCAWhitening(components, epsilon=0), images)
    assert layer(images).shape == (300, components or 24)
    np.testing.assert_allclose(layer(images), expected, atol=1e-4)


@pytest.mark.parametrize("components", [None, 5])
def test_zca_whitening_is_scikit_learns_pca_turned_back(images, components):
    pca = PCA(components, whiten=True).fit(flat(images))
    expected = pca.transform(flat(images)) @ pca.components_
    layer = adapted(ZCAWhitening(components, epsilon=0), images)
    assert layer(images).shape == images.shape
    np.testing.assert_allclose(flat(layer(images)), expected, atol=1e-4)


def test_new_images_are_measured_by_the_training_images(images):
    train, test = images[:200], images[200:]
    expected = PCA(whiten=True).fit(flat(train)).transform(flat(test))
    layer = adapted(PCAWhitening(epsilon=0), train)
    np.testing.assert_allclose(layer(test), expected, atol=1e-4)


def test_epsilon_is_added_to_the_variance_before_the_root():
    """Two images at -1 and 1: variance 2. With epsilon 2 they come out at 1 / sqrt(4)."""
    images = np.array([[-1.0], [1.0]])
    assert flat(adapted(PCAWhitening(epsilon=2), images)(images)).tolist() == [[-0.5], [0.5]]
    assert PCAWhitening().epsilon == 1e-5


def test_zca_leaves_the_covariance_the_identity(images):
    whitened = flat(adapted(ZCAWhitening(), images)(images))
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(24), atol=2e-3)


@pytest.fixture
def dark_corner(images):
    """The upper left corner is always 0, as in digits."""
    dark = images.copy()
    dark[:, :2, :2] = 0
    return dark


def test_constant_pixels_are_scaled_by_one_as_in_scikit_learn(dark_corner):
    scaler = StandardScaler().fit(flat(dark_corner))
    new = dark_corner[:3] + 1
    layer = adapted(Standardize(), dark_corner)
    np.testing.assert_allclose(flat(layer(new)), scaler.transform(flat(new)), atol=1e-4)
    np.testing.assert_allclose(np.asarray(layer(new))[:, :2, :2], 1, atol=1e-6)


def test_a_constant_that_floats_cannot_write_counts_as_constant():
    layer = adapted(Standardize(), np.full((999, 2), 0.1))
    assert np.abs(layer(np.full((1, 2), 1.1)) - 1).max() < 1e-5


@pytest.mark.parametrize("layer_class", [PCAWhitening, ZCAWhitening])
def test_directions_without_variance_come_out_as_zero(layer_class, dark_corner):
    layer = adapted(layer_class(), dark_corner)
    lit = dark_corner[:3].copy()
    lit[:, :2, :2] = 200  # a place where no training image had anything
    np.testing.assert_allclose(layer(lit), layer(dark_corner[:3]), atol=1e-3)


def test_fewer_images_than_values_leave_the_rest_of_the_numbers_zero(images):
    whitened = np.asarray(adapted(PCAWhitening(), images[:6])(images[:6]))
    np.testing.assert_allclose(np.cov(whitened[:, :5].T), np.eye(5), atol=1e-3)
    assert np.abs(whitened[:, 5:]).max() == 0


@pytest.mark.parametrize("layer_class", [PCAWhitening, ZCAWhitening])
def test_equal_images_come_out_as_zero_not_nan(layer_class):
    same = np.full((5, 2, 2, 1), 7.0)
    assert not np.asarray(adapted(layer_class(), same)(same)).any()


def forms_of(images):
    labels = np.zeros(len(images))
    dataset = tf.data.Dataset.from_tensor_slices((images, labels))
    return {
        "list of uneven batches": [images[:100], images[100:107], images[107:]],
        "generator": (batch for batch in np.array_split(images, 7)),
        "single images in batches": list(images[:, None]),
        "tf.data": tf.data.Dataset.from_tensor_slices(images).batch(64),
        "tf.data with labels": dataset.batch(64),
        "tensor": tf.constant(images),
    }


@each_layer
@pytest.mark.parametrize("form", list(forms_of(np.zeros((300, 1)))))
def test_batches_give_the_numbers_of_the_whole_array(layer_class, form, images):
    whole, batched = layer_class(), layer_class()
    whole.adapt(images)
    batched.adapt(forms_of(images)[form])
    for one, other in zip(whole.get_weights(), batched.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_batches_far_from_zero_lose_no_digits():
    """A sum of squares minus a squared sum would have none left here."""
    spread = np.random.default_rng(1).normal(size=(500, 1, 1, 3))
    near, far = Standardize(), Standardize()
    near.adapt([spread[:250], spread[250:]])
    far.adapt([spread[:250] + 1e7, spread[250:] + 1e7])
    np.testing.assert_allclose(near.scale, far.scale, rtol=1e-5)


def test_more_than_one_chunk_of_an_array():
    values = np.random.default_rng(2).normal(size=(2500, 2)) + np.arange(2500)[:, None]
    expected = StandardScaler().fit_transform(values)
    np.testing.assert_allclose(adapted(Standardize(), values)(values), expected, atol=1e-4)


@each_layer
def test_bytes_are_counted_as_numbers(layer_class):
    pictures = np.random.default_rng(3).integers(0, 256, (50, 3, 3, 1), dtype="uint8")
    from_bytes, from_floats = layer_class(name="a"), layer_class(name="b")
    from_bytes.adapt(pictures)
    from_floats.adapt(pictures.astype(float))
    np.testing.assert_array_equal(from_bytes(pictures), from_floats(pictures.astype("float32")))


def in_a_model(layer, image_shape):
    inputs = keras.Input(image_shape)
    x = keras.layers.Flatten()(layer(inputs))
    return keras.Model(inputs, keras.layers.Dense(2)(x))


@pytest.mark.slow
@each_layer
def test_a_saved_model_brings_the_numbers_along(layer_class, images, tmp_path):
    keywords = {"components": 7, "epsilon": 0.5} if issubclass(layer_class, PCAWhitening) else {}
    layer = adapted(layer_class(name="prepare", **keywords), images)
    model = in_a_model(layer, images.shape[1:])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.get_layer("prepare").get_config() == layer.get_config()
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), loaded.predict(images, verbose=0)
    )


def without_numbers(model):
    return {
        "clone_model": keras.models.clone_model(model),
        "from_config": keras.Model.from_config(model.get_config()),
        "model_from_json": keras.models.model_from_json(model.to_json()),
    }


@pytest.mark.slow
@each_layer
def test_a_copy_without_the_numbers_refuses_images_until_it_gets_them(
    layer_class, images, tmp_path
):
    model = in_a_model(adapted(layer_class(name="prepare"), images), images.shape[1:])
    expected = model.predict(images, verbose=0)
    model.save_weights(tmp_path / "model.weights.h5")
    copies = without_numbers(model)
    for bare in copies.values():
        assert not bare.get_layer("prepare").adapted
        for use in (bare, bare.predict, bare.get_layer("prepare")):
            with pytest.raises(
                ValueError, match="`adapt` of layer 'prepare' must be called before"
            ):
                use(images)
    copies["from_config"].load_weights(tmp_path / "model.weights.h5")
    for bare in list(copies.values())[::2]:
        bare.layers[-1].set_weights(model.layers[-1].get_weights())
    copies["clone_model"].set_weights(model.get_weights())
    copies["model_from_json"].get_layer("prepare").adapt(images)
    for copied in copies.values():
        assert copied.get_layer("prepare").adapted
        np.testing.assert_allclose(copied.predict(images, verbose=0), expected, atol=1e-5)


@each_layer
def test_a_file_without_numbers_brings_none_along(layer_class, images, tmp_path):
    model = in_a_model(layer_class(name="prepare"), images.shape[1:])  # as after a clone
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="`adapt` of layer 'prepare' must be called before"):
        loaded.predict(images, verbose=0)


@each_layer
def test_copies_of_the_layer_itself_bring_the_numbers_along(layer_class, images):
    layer = adapted(layer_class(), images)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(copied(images), layer(images))


@pytest.mark.slow
@each_layer
def test_a_model_that_has_predicted_sees_the_numbers_of_a_later_adapt(layer_class, images):
    layer = adapted(layer_class(), 2 * images)
    model = in_a_model(layer, images.shape[1:])
    before = model.predict(images, verbose=0)
    layer.adapt(images)
    expected = model.layers[-1](model.layers[-2](layer(images)))
    assert abs(model.predict(images, verbose=0) - before).max() > 0.1
    np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-4)


@pytest.mark.slow
@each_layer
def test_training_leaves_the_numbers_alone(layer_class, images):
    layer = adapted(layer_class(), images)
    before = layer.get_weights()
    model = in_a_model(layer, images.shape[1:])
    model.compile("sgd", "mse")
    model.fit(images, np.zeros((300, 2)), epochs=1, verbose=0)
    assert not layer.trainable_weights
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@each_layer
def test_adapting_again_replaces_the_numbers(layer_class, images):
    again = adapted(adapted(layer_class(), images), 3 * images + 1)
    fresh = adapted(layer_class(), 3 * images + 1)
    np.testing.assert_array_equal(again(images), fresh(images))


@each_layer
def test_all_digits_are_kept_under_mixed_precision(layer_class, images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = adapted(layer_class(), images)(images)
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_array_equal(mixed, adapted(layer_class(), images)(images))


@each_layer
def test_use_before_adapt_says_so(layer_class, images):
    with pytest.raises(ValueError, match=r"`adapt` of layer 'prepare'.*training_images"):
        layer_class(name="prepare")(images)


@each_layer
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((0, 4, 4, 1)), "at least one image; got none"),
        ([], "at least one image; got none"),
        (np.array([[1.0, np.nan], [1.0, 2.0]]), "must be finite; got nan or infinity"),
        (np.array([[1.0, np.inf], [1.0, -np.inf]]), "must be finite; got nan or infinity"),
        (
            [np.zeros((2, 4, 4, 1)), np.zeros((2, 5, 5, 1))],
            r"one shape; got \(4, 4, 1\) and \(5, 5",
        ),
        ([np.zeros(4)], r"batches.*got shape \(4,\)"),
        (np.zeros((2, 0, 4, 1)), "at least one image; got none"),
        (np.ma.masked_less(np.eye(4), 1), "batches of numbers; got MaskedArray of float64. Take"),
        (np.full((2, 4), 1e200), r"must be finite; got .* or 1e\+30 and more"),
        (np.eye(4).astype(complex), "batches of numbers; got ndarray of complex128"),
        (np.eye(4).astype(str), "batches of numbers; got ndarray of <U"),
        ([{"image": np.zeros((2, 4, 4, 1))}], "batches of numbers; got dict of object. Take the"),
        (tf.data.Dataset.from_tensors(np.zeros((2, 3))).repeat(), "must end; got an infinite"),
    ],
)
def test_unusable_data_says_why(layer_class, data, message):
    with pytest.raises(ValueError, match=message):
        layer_class().adapt(data)


@pytest.mark.parametrize("layer_class", [PCAWhitening, ZCAWhitening])
def test_what_whitening_refuses(layer_class, images):
    with pytest.raises(ValueError, match="`data` must hold at least 2 images to whiten; got 1"):
        layer_class().adapt(images[:1])
    with pytest.raises(ValueError, match=r"16,384 values an image.*got 19,200.*Shrink"):
        layer_class().adapt(np.zeros((2, 80, 80, 3)))
    with pytest.raises(ValueError, match="`components` must be at most the 24 values.*got 25"):
        layer_class(components=25).adapt(images)
    with pytest.raises(ValueError, match="`components` must be 1 or more.*got 0"):
        layer_class(components=0)
    for epsilon, rule in ((-1e-5, "0 or more"), (np.nan, "a finite"), (np.inf, "a finite")):
        with pytest.raises(ValueError, match=f"`epsilon` must be {rule}.*got {epsilon}"):
            layer_class(epsilon=epsilon)


@each_layer
def test_images_that_come_one_by_one_are_refused_and_not_taken_for_batches(layer_class, images):
    """The mean of 4 rows would fit every image by broadcasting."""
    single = tf.data.Dataset.from_tensor_slices(images)
    pairs = tf.data.Dataset.from_tensor_slices((images, np.zeros(300)))
    for data in (single, pairs, list(images), iter(images), list(images[..., 0])):
        with pytest.raises(
            ValueError, match=r"in batches \(count, height.*got shape \(4, 3.*Batch"
        ):
            layer_class().adapt(data)
    with pytest.raises(ValueError, match=r"several images; got one.*\(4, 3, 1\). Pass image\[None"):
        layer_class().adapt(images[0, :, :, :1])


@each_layer
@pytest.mark.parametrize("shape", [(5, 4, 3, 1), (4, 3, 2), (5, 1, 3, 2), (5, 24), (5, 4, 3, 2, 2)])
def test_images_of_another_shape_are_refused_and_not_broadcast(layer_class, shape, images):
    layer = adapted(layer_class(name="prepare"), images)
    for other in (np.zeros(shape), tf.zeros(shape), keras.Input(shape[1:])):
        with pytest.raises(ValueError, match=r"'prepare' must be of shape \(4, 3, 2\) each; got"):
            layer(other)


@each_layer
def test_images_of_another_scale_than_those_adapted_to_are_told(layer_class):
    pictures = np.random.default_rng(4).integers(0, 256, (30, 3, 3, 1), dtype="uint8")
    layer = adapted(layer_class(name="prepare"), pictures)
    for other in (pictures / 255, pictures / 127.5 - 1.0):
        with pytest.warns(UserWarning, match=r"from -?[01][.\d]* to 0.9.*'prepare' knows larger"):
            layer(other)
    for same in (
        pictures,
        0 * pictures,
        np.ones((1, 3, 3, 1)),
        pictures / 10,
        tf.ones((1, 3, 3, 1)),
    ):
        layer(same)  # and no warning


@each_layer
def test_images_of_another_shape_need_a_new_layer(layer_class, images):
    layer = adapted(layer_class(), images)
    with pytest.raises(ValueError, match=r"\(4, 3, 2\); got \(2, 3, 2\). Make a new layer"):
        layer.adapt(images[:, :2])


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_layers_run_on_the_other_backends(backend):
    script = (
        "import sys; sys.modules['tensorflow'] = None; import numpy as np\n"
        "from cnnbook.datasets.preprocessing import MeanImage, PCAWhitening\n"
        "from cnnbook.datasets.preprocessing import Standardize, ZCAWhitening\n"
        "images = np.random.default_rng(0).normal(size=(50, 2, 2, 1))\n"
        "for layer in (MeanImage(), Standardize(), PCAWhitening(), ZCAWhitening()):\n"
        "    layer.adapt(images); print(tuple(layer(images).shape))\n"
    )
    shapes = ["(50, 2, 2, 1)", "(50, 2, 2, 1)", "(50, 4)", "(50, 2, 2, 1)"]
    assert said(backend, script) == shapes


def said(backend, script):
    """Run a program there, and return what it prints."""
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs {backend}")
    environment = {"KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr[-800:]
    return run.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_the_layers_run_in_tf_data_and_refuse_without_numbers_on_the_other_backends(backend):
    script = (
        "import keras, numpy as np, tensorflow as tf\n"
        "from cnnbook.datasets.preprocessing import MeanImage, PCAWhitening, Standardize\n"
        "images = np.random.default_rng(0).normal(size=(50, 2, 2, 1))\n"
        "dataset = tf.data.Dataset.from_tensor_slices(images).batch(20)\n"
        "for layer in (MeanImage(), Standardize(), PCAWhitening(3)):\n"
        "    layer.adapt(dataset); here = np.concatenate(list(dataset.map(layer)))\n"
        "    model = keras.Sequential([keras.Input((2, 2, 1)), layer])\n"
        "    there = model.predict(images, verbose=0)\n"
        "    bare = keras.models.clone_model(model)\n"
        "    try: bare.predict(images, verbose=0)\n"
        "    except ValueError as error: print('`adapt` of layer' in str(error))\n"
        "    bare.set_weights(model.get_weights())\n"
        "    for other in (here, bare.predict(images, verbose=0)):\n"
        "        shape = dataset.map(layer).element_spec.shape\n"
        "        print(np.allclose(other, there, atol=1e-5), shape)\n"
    )
    picture = ["True", *["True (None, 2, 2, 1)"] * 2]
    assert said(backend, script) == [*picture, *picture, "True", *["True (None, 3)"] * 2]
