"""Arrays of whatever somebody passed, so that it can be refused in words."""

import numpy as np


def as_array_of_any(values: object) -> np.ndarray:
    """Return an array, one of objects where lists are of unequal length."""
    try:
        return np.asarray(values)
    except ValueError:
        return np.asarray(values, object)
