"""A worker of augment_photos.py: passes over the photos with PyTorch's DataLoader and Pillow.

    python benchmarks/augment_photos_torch.py WORKERS FOLDER

All geometric changes are one affine transformation by Pillow, as in torchvision's RandomAffine.
"""

import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from augment_photos import BATCH_SIZE, DEGREES, IMAGE_SIZE, SHEAR, ZOOM
from bench_tools import serve
from PIL import Image


def random_matrix(random: np.random.Generator, height: int, width: int) -> tuple[float, ...]:
    """Where each new pixel is read, as Pillow's `transform` wants it."""
    turn = math.radians(random.uniform(-DEGREES, DEGREES))
    slide, scale = random.uniform(-SHEAR, SHEAR), 1 + random.uniform(-ZOOM, ZOOM)
    mirror = random.choice([-1, 1])
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    a, b, d, e = cos * mirror, cos * slide - sin, sin * mirror, sin * slide + cos
    x, y = width / 2, height / 2  # the centre stays where it is
    return a, b, x - a * x - b * y, d, e, y - d * x - e * y


class Photos(torch.utils.data.Dataset):
    """Reads, resizes and changes one photo at a time."""

    def __init__(self, folder: Path):
        self.paths = sorted(folder.glob("*/*.jpg"))
        names = sorted({path.parent.name for path in self.paths})
        self.labels = [names.index(path.parent.name) for path in self.paths]

    def __len__(self) -> int:
        """Number of photos."""
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        """Return a photo, (3, height, width) uint8, and its label."""
        height, width = IMAGE_SIZE
        with Image.open(self.paths[index]) as file:
            photo = file.convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
        matrix = random_matrix(np.random.default_rng(), height, width)
        photo = photo.transform(
            (width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
        )
        return torch.from_numpy(np.array(photo)).permute(2, 0, 1), self.labels[index]


def main() -> None:
    """Start the loader's processes, and then serve."""
    workers = int(sys.argv[1])
    loader = torch.utils.data.DataLoader(
        Photos(Path(sys.argv[2])),
        batch_size=BATCH_SIZE,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )

    def answer(line: str) -> dict:
        start = time.perf_counter()
        photos = sum(len(labels) for _, labels in loader)
        return {"photos": photos, "seconds": time.perf_counter() - start}

    serve(answer)


if __name__ == "__main__":
    main()
