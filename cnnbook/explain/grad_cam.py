"""Which part of a picture raised the score of a class? Grad-CAM, a coarse map of the place.

Try it on the network with random weights, too: if the map stays the same, it shows the picture and
not what was learned (Adebayo et al. (2018), "Sanity Checks for Saliency Maps",
https://arxiv.org/abs/1810.03292).

Source: Selvaraju et al. (2016), "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", https://arxiv.org/abs/1610.02391, section 3.
"""

from contextlib import ExitStack

import keras
import numpy as np
import tensorflow as tf

from cnnbook._checks import checked
from cnnbook._layers import check_called, find_layer, listening, nodes, run
from cnnbook.explain._gradients import gradient_of
from cnnbook.explain._listen import ClassIndex, Logits, asked, class_scores, parts, tensor_of


@checked
def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    class_index: ClassIndex = None,
    layer_name: str | None = None,
) -> np.ndarray:
    """Compute a coarse heat map an image: where the network finds what speaks for a class.

    Args:
        model: A classifier that was called or built, of any kind. It may return logits or end in
            softmax or sigmoid, which is left out. Of a list of outputs the first counts.
        images: (count, height, width, channels), as the model takes them.
        class_index: Which to explain, for all images or each. Default: that of the highest score.
            One score is taken for class 1, and its negative for class 0.
        layer_name: Of a layer that returns maps, or its path, such as "base/conv5". Default: the
            last one behind a convolution that is no pooling and has maps of more than one pixel. Of
            a layer that is used several times, its last use counts.

    Returns:
        (count, h, w) float32 in [0, 1] of the layer's h and w, each map scaled by its own maximum.
        A map is all zeros where nothing in the layer speaks for the class.

    Raises:
        ValueError: If there is no such layer, it has no maps, or is used several times side by
            side; if model, images or classes do not fit.

    Example:
        >>> images = keras.Input((6, 6, 1))
        >>> x = keras.layers.Conv2D(1, 1, kernel_initializer="ones", name="conv")(images)
        >>> x = keras.layers.GlobalAveragePooling2D()(x)
        >>> model = keras.Model(images, keras.layers.Dense(2, kernel_initializer="ones")(x))
        >>> float(grad_cam(model, np.ones((1, 6, 6, 1)), class_index=0).min())
        1.0
    """
    check_called(model)
    heatmaps = []
    with asked(model, images, class_index) as (known, classes, logits):
        name = _last_maps(model, known[:1]) if layer_name is None else layer_name
        layer = find_layer(model, name)
        for part in parts(known):
            features, gradient = _watched(layer, logits, known[part], classes[part])
            if len(features.shape) != 4:
                raise ValueError(
                    "`layer_name` must name a layer that returns maps, such as"
                    f" {_last_maps(model, known[:1])}; {name!r} returns {tuple(features.shape)}."
                )
            weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
            heat = tf.nn.relu(tf.reduce_sum(weights * tf.cast(features, tf.float32), axis=-1))
            peaks = tf.reduce_max(heat, axis=(1, 2), keepdims=True)
            heatmaps.append(tf.math.divide_no_nan(heat, peaks).numpy())
    return np.concatenate(heatmaps)


def _watched(
    layer: keras.layers.Layer, logits: Logits, images: np.ndarray, classes: np.ndarray
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return what a layer made of the images when last used, and the gradient of the scores."""
    uses: list[tf.Tensor] = []
    with tf.GradientTape(persistent=True) as tape, ExitStack() as stack:
        stack.enter_context(listening(layer, tape.watch))
        heard = stack.enter_context(listening(layer, uses.append))
        scores, _ = class_scores(logits, images.astype("float32"), classes)
    features = tensor_of(heard, 1, layer)
    if any(tape.gradient(features, use) is None for use in uses[:-1]):
        raise ValueError(
            f"`layer_name` must name a layer that is used once, or behind itself; {layer.name!r} is"
            " used side by side, and one use says nothing of the others."
        )
    return features, gradient_of(tape, scores, features)


def _last_maps(model: keras.Model, image: np.ndarray) -> str:
    """Return the path of the layer that Grad-CAM looks at unless it is told another."""
    skipped = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D, keras.Model)
    shapes: dict[str, tuple[int, ...]] = {}  # of what this model makes, in the order of its work
    with ExitStack() as stack:
        for path, layer in (pairs := dict(nodes(model))).items():

            def keep(made: object, path: str = path) -> None:
                shapes[path] = tuple(getattr(made, "shape", ()))

            stack.enter_context(listening(layer, keep))
        run(model, image.astype("float32"))
    last, is_behind = None, False
    for path, shape in shapes.items():
        layer = pairs[path]
        is_behind = is_behind or any(len(weight.shape) == 4 for weight in layer.weights)
        has_maps = len(shape) == 4 and shape[1:3] != (1, 1)
        if is_behind and has_maps and not isinstance(layer, skipped):
            last = path
    if last is None:
        raise ValueError(
            "`model` must have a convolution with maps of more than one pixel; got none. Try"
            " saliency or occlusion_map, which need none, or name the layer: `layer_name`."
        )
    return last
