"""bottleneck_features against the model itself; and its cache against all that may happen to it."""

import os
import subprocess
import sys
import threading
import warnings
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers, ops
from PIL import Image

from cnnbook._identity import network_key
from cnnbook.datasets.image_folder import read_center_crop, read_image
from cnnbook.labelled_files import LabelledFiles
from cnnbook.training import features as module
from cnnbook.training.features import bottleneck_features


def build(scale=1 / 255, dtype="float32", **options):
    """A small network with all that a key has to see: rescaling, batch norm, an operation."""
    keras.utils.set_random_seed(1)
    images = keras.Input((8, 6, 3))
    x = layers.Rescaling(scale)(images)
    x = layers.Conv2D(4, 3, dtype=dtype, **options)(x)
    x = layers.BatchNormalization(dtype=dtype)(x)
    return keras.Model(images, layers.GlobalAveragePooling2D(dtype=dtype)(ops.relu(x)))


@pytest.fixture(scope="module")
def model():
    return build()


@pytest.fixture
def computed(monkeypatch):
    """How many different pictures each call of any model's predict_on_batch was about."""
    counts, original = [], keras.Model.predict_on_batch

    def counted(self, images):
        counts.append(len(np.unique(images, axis=0)))
        return original(self, images)

    monkeypatch.setattr(keras.Model, "predict_on_batch", counted)
    return counts


def pictures(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 6, 3), np.uint8)


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{index:02}.png" for index in range(10)]
    for path, image in zip(paths, pictures(10), strict=True):
        Image.fromarray(image).save(path)
    return paths


# What is computed -----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 4, 5, 11])
def test_features_are_those_of_the_model_for_any_number_of_images(model, count):
    expected = ops.convert_to_numpy(model(pictures(count), training=False))
    found = bottleneck_features(model, pictures(count), batch_size=4)
    assert (found.shape, found.dtype) == ((count, 4), np.float32)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_no_images_give_no_rows(model, tmp_path):
    assert bottleneck_features(model, pictures(0), cache_folder=tmp_path).shape == (0, 4)
    assert bottleneck_features(model, []).shape == (0, 4)


def test_files_give_what_their_pixels_give(model, files):
    expected = bottleneck_features(model, pictures(10))
    np.testing.assert_allclose(
        bottleneck_features(model, files, read_center_crop, batch_size=3), expected, atol=1e-6
    )
    strings = bottleneck_features(model, tuple(map(str, files)), read_center_crop)
    np.testing.assert_allclose(strings, expected, atol=1e-6)


def test_labelled_files_give_the_features_of_their_pictures(model, files):
    labelled = LabelledFiles(files, [0, 1] * 5, ("cat", "dog"))
    expected = bottleneck_features(model, files[1::2], read_center_crop)
    chosen = labelled.select(slice(1, None, 2))
    np.testing.assert_array_equal(bottleneck_features(model, chosen, read_center_crop), expected)
    with pytest.raises(ValueError, match=r"`read_image` must be .*; got None. Give"):
        bottleneck_features(model, labelled)


def test_many_batches_are_read_ahead_and_stay_in_order(model, files):
    chosen = [files[index % 10] for index in np.random.default_rng(0).permutation(60)]
    expected = bottleneck_features(model, np.stack([read_image(path) for path in chosen]))
    np.testing.assert_allclose(
        bottleneck_features(model, chosen, read_center_crop, batch_size=1), expected, atol=1e-6
    )


def test_equal_pictures_are_computed_once(model, computed):
    images = pictures(3)[[0, 1, 0, 2, 1]]
    found = bottleneck_features(model, images)
    assert sum(computed) == 3
    np.testing.assert_array_equal(found[[0, 1]], found[[2, 4]])


def test_the_network_is_compiled_for_few_sizes_of_batches(model, monkeypatch):
    sizes, original = set(), keras.Model.predict_on_batch

    def note(self, images):
        sizes.add(len(images))
        return original(self, images)

    monkeypatch.setattr(keras.Model, "predict_on_batch", note)
    for count in (1, 3, 5, 7, 20, 32, 33, 70):
        bottleneck_features(model, pictures(count, seed=count))
    assert sizes == {1, 4, 8, 32}


def test_maps_keep_their_shape(tmp_path):
    images = keras.Input((8, 6, 3))
    model = keras.Model(images, layers.Conv2D(4, 3)(images))
    for _ in range(2):
        assert bottleneck_features(model, pictures(2), cache_folder=tmp_path).shape == (2, 6, 4, 4)


def test_features_are_float32_under_mixed_precision_too(tmp_path):
    model = build(dtype="mixed_bfloat16")
    assert model.output.dtype == "bfloat16"
    for _ in range(2):
        found = bottleneck_features(model, pictures(2), cache_folder=tmp_path)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, bottleneck_features(build(), pictures(2)), atol=0.02)


@pytest.mark.slow
def test_it_works_with_a_model_of_keras_applications(tmp_path, computed):
    base = keras.applications.MobileNetV2(
        (96, 96, 3), 0.35, include_top=False, pooling="avg", weights=None
    )
    images = keras.Input((96, 96, 3))
    prepared = keras.applications.mobilenet_v2.preprocess_input(images)
    model = keras.Model(images, base(prepared))
    photos = np.random.default_rng(0).integers(0, 256, (3, 96, 96, 3), np.uint8)
    found = bottleneck_features(model, photos, cache_folder=tmp_path)
    expected = base(keras.applications.mobilenet_v2.preprocess_input(photos.astype("float32")))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    again = bottleneck_features(keras.Model(images, base(prepared)), photos, cache_folder=tmp_path)
    np.testing.assert_array_equal(again, found)
    assert computed == [3]
    other = keras.applications.vgg16.preprocess_input(images)  # another order of the colours
    bottleneck_features(keras.Model(images, base(other)), photos, cache_folder=tmp_path)
    assert computed == [3, 3]


# Which pictures are computed again ------------------------------------------------------------


def test_the_second_call_computes_nothing_and_gives_the_same_bits(model, files, tmp_path, computed):
    cache = tmp_path / "new" / "cache"
    first = bottleneck_features(model, files, read_center_crop, cache_folder=cache)
    assert sum(computed) == 10
    again = bottleneck_features(model, files[::-1], read_center_crop, cache_folder=str(cache))
    assert sum(computed) == 10
    np.testing.assert_array_equal(again, first[::-1])


def test_a_changed_file_alone_is_computed_again_and_a_moved_one_is_not(
    model, files, tmp_path, computed
):
    cache = tmp_path / "cache"
    first = bottleneck_features(model, files, read_center_crop, cache_folder=cache)
    Image.fromarray(pictures(1, seed=9)[0]).save(files[3])
    files[5] = files[5].rename(tmp_path / "moved.png")
    second = bottleneck_features(model, files, read_center_crop, cache_folder=cache)
    assert sum(computed) == 11
    assert (first != second).any(axis=1).nonzero()[0].tolist() == [3]
    np.testing.assert_allclose(
        second[3:4], bottleneck_features(model, pictures(1, seed=9)), atol=1e-6
    )


def test_another_reader_computes_everything_again(model, files, tmp_path, computed):
    def read_mirrored(path, image_size):
        return read_center_crop(path, image_size)[:, ::-1]

    cache = {"cache_folder": tmp_path / "cache"}
    straight = bottleneck_features(model, files, read_center_crop, **cache)
    mirrored = bottleneck_features(model, files, read_mirrored, **cache)
    assert sum(computed) == 20
    assert (straight != mirrored).any(axis=1).all()
    np.testing.assert_array_equal(
        bottleneck_features(model, files, read_center_crop, **cache), straight
    )
    assert sum(computed) == 20


class Reader:
    """Reads, times what it holds."""

    def __init__(self, factor, hidden=None):
        self.factor, self.hidden = factor, hidden

    def read(self, path, image_size):
        return read_image(path, image_size) // self.factor

    def __call__(self, path, image_size):
        return self.read(path, image_size)


def read_part(path, image_size, factor=1):
    return read_image(path, image_size) // factor


def enclosed(factor):
    return lambda path, image_size: read_image(path, image_size) // factor


def from_a_script(code):
    """A function as a script of one's own has it; each is `__main__.read`."""
    names = {"read_image": read_image, "__name__": "__main__", "np": np}
    exec(code, names)
    return names["read"]


HALF = "def half(image): return image // p()"
SCRIPT = "def read(path, image_size): return half(read_image(path, image_size))\n"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (lambda p, s: read_image(p, s), lambda p, s: 255 - read_image(p, s)),
        (lambda p, s: read_image(p, s) // 2, lambda p, s: read_image(p, s) // 3),
        (enclosed(2), enclosed(3)),
        (partial(read_part, factor=2), partial(read_part, factor=3)),
        (Reader(2).read, Reader(3).read),
        (Reader(2), Reader(3)),
        (
            from_a_script(f"{SCRIPT}def half(image): return image // 2"),
            from_a_script(f"{SCRIPT}def half(image): return image // 4"),
        ),
        (
            from_a_script(
                f"{SCRIPT}from functools import cache\n@cache\ndef p(): return 2\n{HALF}"
            ),
            from_a_script(
                f"{SCRIPT}from functools import cache\n@cache\ndef p(): return 3\n{HALF}"
            ),
        ),
        (
            from_a_script("k = 2\ndef read(p, s): return read_image(p, s) // k"),
            from_a_script("k = 3\ndef read(p, s): return read_image(p, s) // k"),
        ),
    ],
)
def test_readers_of_one_name_are_told_apart_by_what_they_do(model, files, tmp_path, one, other):
    for reader in (one, other, one):
        kept = bottleneck_features(model, files, reader, cache_folder=tmp_path / "cache")
        np.testing.assert_array_equal(kept, bottleneck_features(model, files, reader))


@pytest.mark.slow
def test_a_reader_is_known_again_in_another_process():
    code = (
        "import functools, numpy as np\nfrom cnnbook._identity import identity\n"
        "from cnnbook.datasets.image_folder import read_center_crop, read_image\n"
        "K, S = {'a', 'b', 'c'}, np.arange(3)\nclass A:\n    def read(self, p, s): return K, S\n"
        "print(identity([read_center_crop, functools.partial(read_image), A().read, np.mean,"
        " lambda p, s: [read_image(p) for _ in K | {'x', 'y'}]]))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1 and len(digests.pop()) == 65


def test_a_reader_that_holds_what_cannot_be_told_is_refused_with_a_cache(model, files, tmp_path):
    reader = Reader(1, hidden=threading.Lock())
    bottleneck_features(model, files, reader)
    with pytest.raises(ValueError, match="`read_image` must be such that the cache can tell it"):
        bottleneck_features(model, files, reader, cache_folder=tmp_path / "cache")


def test_layers_of_one_name_are_told_apart_by_their_code():
    def network(factor):
        names = {"layers": layers, "__name__": "__main__"}
        exec(
            "class Own(layers.Layer):\n    def call(self, images):\n"
            f"        return images * {factor}\n"
            "    def compute_output_shape(self, shape): return shape\n"
            f"def act(values): return values + {factor}",
            names,
        )
        images = keras.Input((4, 4, 3))
        kinds = (
            names["Own"](),
            layers.Activation(names["act"]),
            layers.TimeDistributed(names["Own"]()),
        )
        return [keras.Model(images, layer(images)) for layer in kinds]

    keys = [network_key(model) for factor in (2, 3) for model in network(factor)]
    assert len(set(keys)) == 6
    assert [network_key(model) for model in network(2)[:2]] == keys[:2]


def test_images_from_0_to_1_for_a_network_that_takes_255_are_told(model):
    with pytest.warns(UserWarning, match="0 to 1, and .* begins with a layer that rescales"):
        bottleneck_features(model, pictures(3) / np.float32(255))


def test_an_array_with_one_new_image_computes_that_one(model, tmp_path, computed):
    bottleneck_features(model, pictures(5), cache_folder=tmp_path)
    images = np.concatenate([pictures(1, seed=9), pictures(5)])
    bottleneck_features(model, images, cache_folder=tmp_path)
    assert computed == [5, 1]
    floats = pictures(5).astype("float32")  # may be other numbers to a model
    bottleneck_features(model, floats, cache_folder=tmp_path)
    assert computed == [5, 1, 5]


# Which networks are the same ------------------------------------------------------------------


def test_a_network_built_again_has_the_same_key_under_other_names(model):
    again = build()
    assert [layer.name for layer in again.layers] != [layer.name for layer in model.layers]
    assert network_key(again) == network_key(model)
    again.trainable = False
    again.compile("adam", "mse")
    assert network_key(again) == network_key(model)
    assert network_key(keras.Model(again.input, again.output)) == network_key(model)


def test_every_change_of_what_is_computed_changes_the_key(model):
    weights = build()
    kernel = weights.layers[2].kernel
    kernel.assign(kernel + 1e-6 * ops.ones_like(kernel))
    statistics = build()
    statistics.layers[3].moving_variance.assign([1, 1, 1, 2])
    models = {
        "as it is": model,
        "weights": weights,
        "moving statistics": statistics,
        "preprocessing": build(scale=1 / 127.5),
        "precision": build(dtype="mixed_bfloat16"),
        "activation": build(activation="relu"),
        "cut earlier": keras.Model(model.input, layers.Flatten()(model.layers[2].output)),
    }
    assert len({network_key(model) for model in models.values()}) == len(models)


def test_the_wiring_is_part_of_the_key_and_a_name_like_an_activation_hides_nothing():
    def wired(first, second):
        images = keras.Input((4,))
        halves = [layers.Dense(4, "relu", kernel_initializer="ones")(images) for _ in range(2)]
        sums = layers.Dense(4, kernel_initializer="zeros")(halves[first])
        return keras.Model(images, layers.Concatenate()([sums, *halves, halves[second]]))

    assert network_key(wired(0, 1)) == network_key(wired(0, 1))
    assert len({network_key(wired(*ends)) for ends in ((0, 1), (1, 1), (0, 0), (1, 0))}) == 4

    def named(activation):
        images = keras.Input((4,))
        return keras.Model(images, layers.Activation(activation, name=activation)(images))

    assert network_key(named("relu")) != network_key(named("tanh"))


def test_models_in_models_are_part_of_the_key():
    def nested(scale):
        images = keras.Input((8, 6, 3))
        return keras.Model(images, build(scale)(images))

    assert network_key(nested(1)) == network_key(nested(1))
    assert network_key(nested(1)) != network_key(nested(2))


# What may happen to the cache -----------------------------------------------------------------


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-5])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[-7] ^= 1
    path.write_bytes(content)


def empty(path):
    path.write_bytes(b"")


def replace_by_text(path):
    path.write_text("<html>")


@pytest.mark.parametrize("damage", [cut_short, flip_a_bit, empty, replace_by_text])
def test_a_damaged_file_is_noticed_and_its_features_alone_are_computed_again(
    model, files, tmp_path, computed, damage
):
    cache = tmp_path / "cache"
    first = bottleneck_features(model, files[:4], read_center_crop, cache_folder=cache)
    [path] = cache.rglob("*.npy")
    bottleneck_features(model, files[4:], read_center_crop, cache_folder=cache)
    damage(path)
    with pytest.warns(UserWarning, match=rf"{path.name} was damaged: its features are computed"):
        bottleneck_features(model, files[2:], read_center_crop, cache_folder=cache)
    assert sum(computed) == 12
    with warnings.catch_warnings(action="error", category=UserWarning):
        again = bottleneck_features(model, files, read_center_crop, cache_folder=cache)
    assert sum(computed) == 14
    np.testing.assert_allclose(again[:4], first, atol=1e-6)


def test_an_interrupted_computation_goes_on_where_it_was(
    model, files, tmp_path, computed, monkeypatch
):
    def interrupt(self, images):
        if len(computed) == 3:
            raise KeyboardInterrupt
        return counted(self, images)

    counted = keras.Model.predict_on_batch
    options = {"cache_folder": tmp_path / "cache", "batch_size": 2}
    with monkeypatch.context() as patch:
        patch.setattr(keras.Model, "predict_on_batch", interrupt)
        with pytest.raises(KeyboardInterrupt):
            bottleneck_features(model, files, read_center_crop, **options)
    assert sum(computed) == 6
    bottleneck_features(model, files, read_center_crop, **options)
    assert sum(computed) == 10


def test_features_are_on_disk_before_all_are_computed(model, files, tmp_path, monkeypatch):
    seen, original = [], keras.Model.predict_on_batch

    def look(self, images):
        seen.append(len(list(tmp_path.rglob("*.npy"))))
        return original(self, images)

    monkeypatch.setattr(keras.Model, "predict_on_batch", look)
    monkeypatch.setattr(module, "KEEP_EVERY", 4)
    bottleneck_features(model, files, read_center_crop, cache_folder=tmp_path, batch_size=2)
    assert seen == [0, 0, 1, 1, 2]
    assert len(list(tmp_path.rglob("*.npy"))) == 3


def test_a_file_of_the_cache_is_whole_or_not_there_and_features_come_all_the_same(
    model, tmp_path, monkeypatch
):
    def full(self, content):
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.warns(UserWarning, match=r"cannot keep features \(No space left on device\)"):
        found = bottleneck_features(model, pictures(3), cache_folder=tmp_path)
    assert found.shape == (3, 4)
    assert [path.name for path in tmp_path.rglob("*")] == [network_key(model)]


def test_a_folder_that_cannot_be_made_is_named_and_features_come_all_the_same(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match=r"file/\w{64} cannot keep features \(Not a directory\)"):
        found = bottleneck_features(model, pictures(3), cache_folder=tmp_path / "file")
    assert found.shape == (3, 4)


def test_the_home_folder_can_be_written_as_a_tilde(model, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    bottleneck_features(model, pictures(1), cache_folder="~/kept")
    assert len(list((tmp_path / "kept").rglob("*.npy"))) == 1


def test_a_broken_picture_is_named_and_those_before_it_are_kept(model, files, tmp_path, computed):
    whole = files[7].read_bytes()
    files[7].write_bytes(whole[:60])
    with pytest.raises(OSError, match=r"07.png is no picture that can be read .*; repair"):
        bottleneck_features(
            model, files, read_center_crop, cache_folder=tmp_path / "cache", batch_size=2
        )
    assert computed == [2, 2, 2]
    files[7].write_bytes(whole)
    bottleneck_features(
        model, files, read_center_crop, cache_folder=tmp_path / "cache", batch_size=2
    )
    assert computed == [2, 2, 2, 2, 2]
    with pytest.raises(FileNotFoundError, match=r"gone.png"):
        bottleneck_features(model, [tmp_path / "gone.png"], read_center_crop)


# Arguments ------------------------------------------------------------------------------------


def with_any_size():
    images = keras.Input((None, None, 3))
    return keras.Model(images, layers.GlobalAveragePooling2D()(images))


def with_two_outputs():
    images = keras.Input((8, 6, 3))
    return keras.Model(images, [layers.Flatten()(images), layers.Flatten()(images)])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            with_any_size,
            r"`model` must map images of one known size .*got \[\(None, None, 3\), \(3,\)\]",
        ),
        (with_two_outputs, r"one array of features; got \[\(8, 6, 3\), \(144,\), \(144,\)\]. Wrap"),
        (lambda: keras.Sequential([layers.Dense(3)]), r"got \[\]. Wrap it: images = keras.Input"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        bottleneck_features(make(), pictures(1))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pictures(2)[:, :7], r"`data` must be one array of images \(8, 6, 3\).*got \(7, 6, 3\)"),
        (pictures(2)[0], r"got \(6, 3\). Resize the images"),
        (pictures(2)[..., :1], r"got \(8, 6, 1\)"),
        (list(pictures(2)), r"or a list of paths .*got a list of ndarray"),
        ([3], r"got a list of int"),
        ("a.png", r"`data` must be .*a cnnbook.LabelledFiles or a list, each text or a path; got"),
        (["a.png", None], r"of which item 1 is None"),
    ],
)
def test_data_that_cannot_be_used_is_refused(model, data, words):
    with pytest.raises(ValueError, match=words):
        bottleneck_features(model, data, read_center_crop)


def test_files_have_three_channels_so_a_grey_model_is_refused():
    images = keras.Input((8, 6, 1))
    model = keras.Model(images, layers.Flatten()(images))
    with pytest.raises(
        ValueError, match=r"paths of pictures, which have 3 channels; got \(8, 6, 3\)"
    ):
        bottleneck_features(model, ["a.png"], read_center_crop)


@pytest.mark.parametrize("reader", [None, "read_center_crop"])
def test_paths_without_a_reader_are_refused(model, files, reader):
    with pytest.raises(ValueError, match=rf"`read_image` must be .*; got {reader}. Give"):
        bottleneck_features(model, files, reader)


def test_an_impossible_batch_size_is_refused(model):
    with pytest.raises(ValueError, match=r"`batch_size` must be 1 or more; got 0"):
        bottleneck_features(model, pictures(2), batch_size=0)


# With real data and weights -------------------------------------------------------------------


@pytest.mark.slow
def test_cats_and_dogs_are_told_apart_by_the_nearest_mean(real_data, tmp_path, computed):
    from cnnbook.models.efficientnet_lite0 import build_efficientnet_lite0

    network = build_efficientnet_lite0((96, 96, 3), weights="imagenet")
    model = keras.Model(network.input, network.get_layer("average").output)
    folder = real_data / "cats_vs_dogs" / "test"
    groups = [sorted((folder / name).glob("*.jpg"))[:60] for name in ("cat", "dog")]
    cats, dogs = (
        bottleneck_features(model, group, read_center_crop, cache_folder=tmp_path)
        for group in groups
    )
    means = np.stack([cats[:30].mean(axis=0), dogs[:30].mean(axis=0)])
    new = np.concatenate([cats[30:], dogs[30:]])
    nearest = ((new[:, None] - means) ** 2).sum(axis=-1).argmin(axis=1)
    assert np.mean(nearest == np.repeat([0, 1], 30)) >= 0.85
    assert sum(computed) == 120
    bottleneck_features(model, groups[0] + groups[1], read_center_crop, cache_folder=tmp_path)
    assert sum(computed) == 120


@pytest.mark.parametrize(
    "made",
    [
        np.zeros((9, 9, 3)),
        np.zeros((8, 6, 1)),
        np.zeros((8, 6, 4)),
        np.zeros((1, 8, 6, 3)),
        np.full((8, 6, 3), np.nan),
        np.zeros((8, 6, 3), object),
        None,
        "a",
    ],
)
def test_what_a_reader_makes_is_looked_at_before_the_network_is(model, files, made):
    words = r"`read_image` must return finite numbers \(8, 6, 3\); of .*00.png it made .* of shape"
    with pytest.raises(ValueError, match=words):
        bottleneck_features(model, files, lambda path, size: made)


def test_a_reader_that_makes_0_to_1_for_a_network_that_takes_255_is_told(model, files):
    with pytest.warns(UserWarning, match="0 to 1, and .* begins with a layer that rescales"):
        bottleneck_features(model, files, lambda path, size: read_image(path, size) / 255)


def test_the_threads_that_read_leave_the_network_alone(model, files, monkeypatch):
    asking = []
    monkeypatch.setattr(
        module, "check_model_images", lambda *_: asking.append(threading.current_thread())
    )
    bottleneck_features(model, files, read_image, batch_size=2)
    assert set(asking) == {threading.main_thread()}


def test_tensors_are_images_and_arrays_of_text_are_paths(model, files):
    expected = bottleneck_features(model, pictures(10))
    found = bottleneck_features(model, ops.convert_to_tensor(pictures(10)))
    np.testing.assert_array_equal(found, expected)
    found = bottleneck_features(model, np.array(files, str), read_center_crop)
    np.testing.assert_allclose(found, expected, atol=1e-6)
