"""Which pixels does the score of a class hang on? Saliency, as fine as the picture, and noisy.

What every pixel has added to the score is another question: see integrated gradients.

Source: Simonyan, Vedaldi & Zisserman (2013), "Deep Inside Convolutional Networks: Visualising Image
Classification Models and Saliency Maps", https://arxiv.org/abs/1312.6034, section 3.
"""

import keras
import numpy as np
import tensorflow as tf

from cnnbook._checks import checked
from cnnbook.explain._gradients import gradient_of
from cnnbook.explain._listen import ClassIndex, asked, class_scores, parts


@checked
def saliency(model: keras.Model, images: np.ndarray, class_index: ClassIndex = None) -> np.ndarray:
    """Compute how much each pixel could change the score of a class, up or down.

    Args:
        model: A classifier of any kind. It may return logits or end in softmax or sigmoid, which
            is left out. Of a list of outputs the first counts.
        images: (count, height, width, channels), as the model takes them.
        class_index: Which to explain, for all images or each. Default: that of the highest score.
            One score is taken for class 1, and its negative for class 0.

    Returns:
        (count, height, width) float32, 0 or more: the change of the score for a change of 1 in the
        pixel, the largest of its channels.

    Raises:
        ValueError: If model, images or classes do not fit.

    Example:
        >>> images = keras.Input((2, 2, 1))
        >>> x = keras.layers.Flatten()(images)
        >>> model = keras.Model(images, keras.layers.Dense(2, kernel_initializer="ones")(x))
        >>> saliency(model, np.zeros((1, 2, 2, 1)), class_index=1)[0]
        array([[1., 1.],
               [1., 1.]], dtype=float32)
    """
    maps = []
    with asked(model, images, class_index) as (known, classes, logits):
        for part in parts(known):
            pixels = tf.constant(known[part].astype("float32"))
            with tf.GradientTape() as tape:
                tape.watch(pixels)
                scores, _ = class_scores(logits, pixels, classes[part])
            maps.append(np.abs(gradient_of(tape, scores, pixels)).max(axis=-1))
    return np.concatenate(maps)
