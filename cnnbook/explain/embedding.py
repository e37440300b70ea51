"""Which pictures are alike to a network? The numbers before its last layer, drawn in a plane.

The last layer only draws straight borders: two pictures whose numbers are close are alike to it.

Source: for t-SNE: van der Maaten & Hinton (2008), "Visualizing Data using t-SNE", Journal of
Machine Learning Research 9, https://www.jmlr.org/papers/v9/vandermaaten08a.html.
"""

import keras
import numpy as np

try:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits
except ModuleNotFoundError:
    raise ModuleNotFoundError("to embed needs scikit-learn: pip install scikit-learn") from None

from cnnbook._checks import checked
from cnnbook._layers import check_called, check_model_images, find_layer
from cnnbook.explain._listen import heard_values
from cnnbook.explain._trace import origins, traced

LARGEST = 1e15  # of the features: their squares are added up in float32


@checked
def embed(model: keras.Model, images: np.ndarray, layer_name: str | None = None) -> np.ndarray:
    """Compute what the last layer of a classifier gets to see of each image.

    Args:
        model: Any built model, with models as layers in it or not.
        images: (count, height, width, channels), as the model takes them.
        layer_name: Of a layer, or its path, "base/average", to take what it returns; if it is used
            several times, the last time. Default: take what the last layer with weights gets, of a
            list of outputs for the first.

    Returns:
        (count, features) float32; of maps, the mean over all places.

    Raises:
        ValueError: If there is no such layer, lists close names; or the images do not fit.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> x = keras.layers.GlobalAveragePooling2D(name="average")(images)
        >>> model = keras.Model(images, keras.layers.Dense(10)(x))
        >>> embed(model, np.full((1, 8, 8, 3), [1, 2, 3]))
        array([[1., 2., 3.]], dtype=float32)
    """
    check_called(model)
    images = check_model_images(model, images)
    if layer_name is None:
        answer, steps = traced(model, images[:1])
        learned = origins(steps, answer, through=True)[1]
        last = learned[0] if len(learned) == 1 else None
        if last is None or last is not [s for s in steps.values() if s.owner is last.owner][-1]:
            raise ValueError(
                "`model` must end in one layer with weights; it has none, several, none that is"
                " seen, or one that it uses again. Name the layer that counts: `layer_name`."
            )
        layer, end = last.owner, 0
    else:
        layer, end = find_layer(model, layer_name), 1
    heard = (values for [values] in heard_values(model, images, [layer], end))
    features = [values.mean(axis=(1, 2)) if values.ndim == 4 else values for values in heard]
    return np.concatenate(features).reshape(len(images), -1)


@checked
def project(features: np.ndarray, method: str = "pca", *, seed: int = 0) -> np.ndarray:
    """Lay points of many dimensions out in a plane.

    "pca" turns them so that the plane shows as much of their spread as a plane can: distances are
    at most what they were, directions mean something. "tsne" keeps neighbours together and nothing
    else: neither distance nor size of its clusters means anything. 1,000 points take 10 to 20 s.

    Args:
        features: (count, features), at least 4 points; or images, (count, height, width, channels).
        method: "pca" or "tsne".
        seed: For "tsne"; of "pca" it changes next to nothing.

    Returns:
        (count, 2) float32.

    Raises:
        ValueError: If there are too few points, one is not finite, or there is no such method.

    Example:
        >>> line = np.arange(5)[:, None] * [3, 4]
        >>> np.abs(project(line)[:, 0]).round(3)
        array([10.,  5.,  0.,  5., 10.], dtype=float32)
    """
    points = np.asarray(features)
    is_points = points.ndim >= 2 and len(points) >= 4
    if not is_points or not points[0].size or not (abs(points.astype(float)) < LARGEST).all():
        words = f"`features` must be (count, features), 4 points or more, all below {LARGEST:.0e}"
        raise ValueError(f"{words}; got shape {points.shape}. Look for nan, and give all at once.")
    if not 0 <= seed < 2**32:
        raise ValueError(f"`seed` must be 0 to {2**32 - 1}; got {seed}. 0 will do.")
    points = points.reshape(len(points), -1)
    if points.dtype.itemsize > 4:  # what is far from 0 has no digits left in float32
        points = points - points.mean(axis=0)
    points = points.astype("float32")
    points = np.pad(points, ((0, 0), (0, max(0, 2 - points.shape[1]))))
    if (points == points[0]).all() and method in ("pca", "tsne"):
        return np.zeros((len(points), 2), "float32")
    if method == "pca":
        return np.asarray(PCA(2, random_state=seed).fit_transform(points))
    if method != "tsne":
        raise ValueError(f'`method` must be "pca" or "tsne"; got {method!r}.')
    if points.shape[1] > 50:  # as the paper does: faster, and less noise
        points = PCA(min(50, len(points)), random_state=seed).fit_transform(points)
    perplexity = min(30, (len(points) - 1) / 3)
    # Its threads wait for each other a thousand times: on a busy machine 30 times slower.
    with threadpool_limits(1, user_api="openmp"):
        tsne = TSNE(2, perplexity=perplexity, init="pca", random_state=seed)
        return np.asarray(tsne.fit_transform(points))
