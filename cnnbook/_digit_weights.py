"""Where are the trained weights of the network that reads digits, and are they whole?"""

import hashlib
import io

import numpy as np

from cnnbook._checks import shown
from cnnbook._machine import embedded_file

FILE = "digit_net/weights.npz"
SHA256 = "2b5ce4e4dec334c6e5b82e5b8871fe889684137de2da054878e513ee6e0109d4"


def digit_weights() -> dict[str, np.ndarray]:
    """Return the trained weights of the network that reads digits, float32 by "conv1/kernel".

    Raises:
        OSError: If the file is not there, or is not the one that came with the book.
    """
    place = embedded_file(FILE)
    content = place.read_bytes()
    if (found := hashlib.sha256(content).hexdigest()) != SHA256:
        rule = f"its SHA-256 must be {SHA256}; got {found}"
        raise OSError(f"{shown(place)}: {rule}; `git checkout` brings it back.")
    with np.load(io.BytesIO(content)) as arrays:
        return {name: arrays[name].astype("float32") for name in arrays.files}
