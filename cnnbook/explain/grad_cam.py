"""Which part of a picture raised the score of a class? Grad-CAM, a coarse map of the place.

Try it on the network with random weights, too: if the map stays the same, it shows the picture and
not what was learned (Adebayo et al. (2018), "Sanity Checks for Saliency Maps",
https://arxiv.org/abs/1810.03292).

Source: Selvaraju et al. (2016), "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", https://arxiv.org/abs/1610.02391, section 3.
"""

import keras
import numpy as np
import tensorflow as tf

from cnnbook._checks import checked
from cnnbook._layers import find_layer, listening, nodes
from cnnbook.explain._gradients import gradient_of
from cnnbook.explain._listen import ClassIndex, before_softmax, check_question, class_scores, parts


@checked
def grad_cam(
    model: keras.Model,
    images: np.ndarray,
    class_index: ClassIndex = None,
    layer_name: str | None = None,
) -> np.ndarray:
    """Compute a coarse heat map an image: where the network finds what speaks for a class.

    Args:
        model: A functional classifier, with models as layers in it or not. It may return logits or
            end in softmax, which is left out. Of several outputs the first counts.
        images: (count, height, width, channels), as the model takes them.
        class_index: Which to explain, for all images or each. Default: that of the highest score.
        layer_name: Of a layer that returns maps, or its path, such as "base/conv5". Default: the
            last one behind a convolution that is no pooling and has maps of more than one pixel.

    Returns:
        (count, h, w) float32 in [0, 1] of the layer's h and w, each map scaled by its own maximum.
        A map is all zeros where nothing in the layer speaks for the class.

    Raises:
        ValueError: If there is no such layer or it has no maps; if images or classes misfit.

    Example:
        >>> images = keras.Input((6, 6, 1))
        >>> x = keras.layers.Conv2D(1, 1, kernel_initializer="ones", name="conv")(images)
        >>> x = keras.layers.GlobalAveragePooling2D()(x)
        >>> model = keras.Model(images, keras.layers.Dense(2, kernel_initializer="ones")(x))
        >>> float(grad_cam(model, np.ones((1, 6, 6, 1)), class_index=0).min())
        1.0
    """
    images, classes = check_question(model, images, class_index)
    layer = find_layer(model, _last_maps(model) if layer_name is None else layer_name)
    heatmaps = []
    with before_softmax(model):
        for part in parts(images):
            with tf.GradientTape() as tape, listening(layer, tape.watch) as heard:
                scores, _ = class_scores(model, images[part].astype("float32"), classes[part])
            features = heard[1]
            if len(features.shape) != 4:
                raise ValueError(
                    f"`layer_name` must name a layer that returns maps, such as {_last_maps(model)}"
                    f"; {layer_name!r} returns {tuple(features.shape)}."
                )
            gradient = gradient_of(tape, scores, features)
            weights = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
            heat = tf.nn.relu(tf.reduce_sum(weights * tf.cast(features, tf.float32), axis=-1))
            peaks = tf.reduce_max(heat, axis=(1, 2), keepdims=True)
            heatmaps.append(tf.math.divide_no_nan(heat, peaks).numpy())
    return np.concatenate(heatmaps)


def _last_maps(model: keras.Model) -> str:
    """Return the path of the layer that Grad-CAM looks at unless it is told another."""
    skipped = (keras.layers.MaxPooling2D, keras.layers.AveragePooling2D, keras.Model)
    last, is_behind = None, False
    for path, layer in nodes(model):
        is_behind = is_behind or any(len(weight.shape) == 4 for weight in layer.weights)
        shape = tuple(getattr(getattr(layer, "output", None), "shape", ()))
        has_maps = len(shape) == 4 and shape[1:3] != (1, 1)
        if is_behind and has_maps and not isinstance(layer, skipped):
            last = path
    if last is None:
        raise ValueError(
            "`model` must have a convolution with maps of more than one pixel; got none. Try"
            " saliency or occlusion_map, which need none, or name the layer: `layer_name`."
        )
    return last
