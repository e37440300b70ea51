"""The embedded data is what its manifest says, and its script makes it again byte for byte."""

import gzip
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

DATA = Path(__file__).parents[1] / "data"
MANIFEST = json.loads((DATA / "manifest.json").read_text())


@pytest.fixture(scope="module")
def rebuild():
    spec = importlib.util.spec_from_file_location("rebuild", DATA / "rebuild.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Unpacked packages of the real layout with few, random pictures."""
    generator = np.random.default_rng(0)
    folders = [tmp_path_factory.mktemp(name) for name in ("digits", "fashion", "photos")]
    digits, fashion, photos = folders
    for digit in range(10):
        pixels = generator.integers(0, 256, 200 * 784)
        content = {"data": [round(value / 255, 3) for value in pixels.tolist()]}
        (digits / f"{digit}.json").write_text(json.dumps(content))
    for split, count in (("train", 12_000), ("t10k", 2_500)):
        labels = (np.arange(count) % 10).astype("uint8")
        images = generator.integers(0, 256, (count, 28, 28), "uint8")
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            packed = gzip.compress(header + array.tobytes(), 1)
            (fashion / f"{split}-{kind}-ubyte.gz").write_bytes(packed)
    for name in ("chelsea.png", "coffee.png", "rocket.jpg", "camera.png"):
        (photos / name).write_bytes(generator.bytes(100))
    return folders


def test_the_files_are_those_of_the_manifest(rebuild):
    assert rebuild.manifest_of(DATA) == MANIFEST


@pytest.mark.slow
def test_packing_the_content_again_gives_the_same_bytes(rebuild):
    for name in MANIFEST:
        if name.endswith(".gz"):
            packed = (DATA / name).read_bytes()
            assert gzip.compress(gzip.decompress(packed), 9, mtime=0) == packed, name


@pytest.mark.slow
def test_the_script_gives_the_same_files_twice(rebuild, packages, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        rebuild.build(*packages, tmp_path / name)
    first, second = (rebuild.manifest_of(tmp_path / name) for name in ("one", "two"))
    assert first == second
    assert first.keys() == rebuild.of_packages(MANIFEST).keys()


@pytest.mark.slow
def test_three_decimals_give_every_byte_back(rebuild, packages):
    images, labels = rebuild.digits_from_json(packages[0])
    generator = np.random.default_rng(0)
    for digit in range(10):
        pixels = generator.integers(0, 256, 200 * 784).reshape(-1, 28, 28)
        mine = {image.tobytes() for image in images[labels == digit]}
        assert mine == {image.astype("uint8").tobytes() for image in pixels}


@pytest.mark.slow
def test_the_subset_of_clothes_is_balanced_and_keeps_the_published_order(rebuild, packages):
    images, labels = rebuild.balanced_subset(packages[1], "train", 3)
    assert labels.tolist() == list(range(10)) * 3
    content = gzip.decompress((packages[1] / "train-images-idx3-ubyte.gz").read_bytes())
    assert images.tobytes() == content[16 : 16 + 30 * 784]


def test_embedded_digits_are_the_first_ten_thousand_training_digits(rebuild, real_data):
    def read(folder, file, offset):
        return np.frombuffer(gzip.decompress((folder / file).read_bytes()), "uint8", offset=offset)

    def pairs(folder, split):
        images = read(folder, f"{split}-images-idx3-ubyte.gz", 16).reshape(-1, 784)
        labels = read(folder, f"{split}-labels-idx1-ubyte.gz", 8)
        return [(image.tobytes(), label) for image, label in zip(images, labels, strict=True)]

    embedded = pairs(DATA / "mnist", "train") + pairs(DATA / "mnist", "t10k")
    assert sorted(embedded) == sorted(pairs(real_data / "mnist", "train")[:10_000])


def test_the_page_about_the_data_names_every_set_its_licence_and_its_credit():
    page = (DATA / "README.md").read_text()
    for words in ("CC BY-SA 3.0", "LeCun", "MIT", "Zalando", "CC0", "SHA-256"):
        assert words in page
    for name, entry in MANIFEST.items():
        assert name in page
        assert entry["content_sha256"][:16] in page
