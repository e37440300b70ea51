"""What should pictures look like when they enter a network? Centred, scaled, whitened.

Four Keras layers that learn their numbers from training images, by `adapt`. Saved files and weights
bring the numbers along; a copy made from a configuration, as by `clone_model`, has none, and says
so. All compute in float32 under any dtype policy (a rounded pixel, less its mean, has few digits
left) and in the units of their input: put `Rescaling(1 / 255)` before them for [0, 1].

Source: Krizhevsky & Hinton (2009), "Learning Multiple Layers of Features from Tiny Images",
https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf, appendix A, for ZCA whitening.
Chan, Golub & LeVeque (1979), "Updating Formulae and a Pairwise Algorithm for Computing Sample
Variances", https://doi.org/10.1007/978-3-642-51461-6_3, for the sums over batches.
Differs from the source: directions in which the images do not vary come out as 0.
"""

import math
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
from keras import ops

from cnnbook._checks import checked
from cnnbook._tensors import by_numbers, is_foreign, tell_range
from cnnbook.datasets._moments import directions, moments


class _Mean(keras.Variable):
    """A mean image that knows its largest value, nan at the start; numbers come by `assign`."""

    highest = math.nan

    def assign(self, value: Any) -> Any:
        self.highest = float(np.max(ops.convert_to_numpy(value)))
        return super().assign(value)


class _Adapted(keras.layers.Layer):
    """What the four layers share: float32, numbers from `adapt`, and no use before it."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**{"dtype": "float32", **keywords})

    @property
    def adapted(self) -> bool:
        """Whether the layer has its numbers, from `adapt`, `set_weights` or a file."""
        return self.built and math.isfinite(self.mean.highest)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make room for the numbers."""
        if None in input_shape[1:]:
            raise self._not_adapted()
        shapes = self._shapes(tuple(input_shape[1:]))
        nothing = keras.initializers.Constant(np.nan)  # and so in a file, if it is saved like this
        self.mean = _Mean(nothing, shapes.pop("mean"), "float32", trainable=False, name="mean")
        for name, shape in shapes.items():
            setattr(self, name, self.add_weight(shape, nothing, trainable=False, name=name))

    def __call__(self, images: Any, *arguments: Any, **keywords: Any) -> Any:
        """Refuse images before there are numbers, and those of another shape."""
        is_symbolic = isinstance(images, keras.KerasTensor)
        if not is_symbolic and not self.adapted:
            raise self._not_adapted()
        shape = np.shape(images)
        if self.built and getattr(shape, "rank", 0) is not None:  # TensorFlow's may be unknown
            pairs = zip(shape[1:], self.mean.shape, strict=False)
            fits = len(shape) == len(self.mean.shape) + 1
            if not fits or any(got not in (None, wanted) for got, wanted in pairs):
                words = f"`images` of layer {self.name!r} must be of shape {self.mean.shape} each"
                raise ValueError(f"{words}; got {tuple(shape)}. Of a single one pass image[None].")
        if is_foreign(images):
            kind = self.compute_output_shape(shape), self.compute_dtype
            return by_numbers(self, [images], [kind])
        if isinstance(images, np.ndarray):
            tell_range(images, self.mean.highest, f"layer {self.name!r} knows larger ones")
        return super().__call__(images, *arguments, **keywords)

    def _not_adapted(self) -> ValueError:
        must = "must be called before the layer is used; got images first"
        advice = "Call adapt(training_images), or load the weights"
        return ValueError(f"`adapt` of layer {self.name!r} {must}. {advice}.")

    @checked
    def adapt(self, data: Iterable) -> None:
        """Learn the numbers from training images.

        Args:
            data: Training images: an array (count, height, width, channels) or (count, values), or
                a finite iterable of batches (count, height, width, channels) such as a
                `tf.data.Dataset`. Of (images, labels) batches, the images.

        Raises:
            ValueError: If there are no images, they come one by one, they differ in shape, a value
                is not finite, or the data never ends; to whiten, of a single image or more than
                16,384 values an image.
        """
        numbers = self._learn(data)
        image_shape = numbers["mean"].shape
        if self.built and self.mean.shape != image_shape:
            shapes = f"built for, {self.mean.shape}; got {image_shape}. Make a new layer for them"
            raise ValueError(f"`data` must hold images of the shape that the layer was {shapes}.")
        if not self.built:
            self.build((None, *image_shape))
        for name, value in numbers.items():
            getattr(self, name).assign(value)

    def get_config(self) -> dict[str, Any]:
        """Describe the layer so that it can be made again."""
        return super().get_config()  # without this, Keras leaves the name out

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Subtract the mean image; map (batch, ...) to the same shape."""
        return ops.cast(images, self.compute_dtype) - self.mean

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Say that the shape stays."""
        return tuple(input_shape)


@keras.saving.register_keras_serializable(package="cnnbook")
class MeanImage(_Adapted):
    """Subtract the mean training image, pixel by pixel and channel by channel.

    Example:
        >>> layer = MeanImage()
        >>> layer.adapt(np.array([[0.0], [2.0]]))
        >>> np.array(layer(np.array([[5.0]]))).item()
        4.0
    """

    def _shapes(self, image_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        return {"mean": image_shape}

    def _learn(self, data: Iterable) -> dict[str, np.ndarray]:
        return {"mean": moments(data)[1]}


@keras.saving.register_keras_serializable(package="cnnbook")
class Standardize(_Adapted):
    """Subtract the mean training image and divide by the standard deviation, value by value.

    A value that is the same in all training images is only centred, as by scikit-learn's
    `StandardScaler`. (`keras.layers.Normalization` divides it by 1e-7.)

    Example:
        >>> layer = Standardize()
        >>> layer.adapt(np.array([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0]]))
        >>> np.array(layer(np.array([[2.0, 9.0]]))).tolist()
        [[0.0, 2.0]]
    """

    def _shapes(self, image_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        return {"mean": image_shape, "scale": image_shape}

    def _learn(self, data: Iterable) -> dict[str, np.ndarray]:
        count, mean, squares = moments(data)
        variance = squares.reshape(mean.shape) / count
        # Rounding leaves a constant value with a tiny variance; this is scikit-learn's bound.
        rounding = count * np.finfo(float).eps
        constant = variance <= rounding * variance + (rounding * mean) ** 2
        return {"mean": mean, "scale": 1 / np.sqrt(np.where(constant, 1, variance))}

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Map (batch, ...) to the same shape."""
        return super().call(images) * self.scale


@keras.saving.register_keras_serializable(package="cnnbook")
class PCAWhitening(_Adapted):
    """Describe an image by uncorrelated numbers of variance 1, those that vary most first.

    The singular value decomposition of the covariance gives the directions; each is divided by
    sqrt(variance + epsilon), with the sign that makes its largest entry positive.

    Args:
        components: How many numbers to keep; None for one for each value of the image. Those beyond
            the number of directions in which the training images vary are 0.
        epsilon: Added to the variances, in squared units of the input: a larger one amplifies
            directions of little variance, mostly noise, less.

    Example:
        >>> images = np.random.default_rng(0).normal(size=(500, 2, 2, 1)) * [[[1], [5]]]
        >>> layer = PCAWhitening(components=3)
        >>> layer.adapt(images)
        >>> np.abs(np.cov(np.array(layer(images)).T)).round(2).tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """

    @checked
    def __init__(self, components: int | None = None, epsilon: float = 1e-5, **keywords: Any):
        if components is not None and components < 1:
            raise ValueError(f"`components` must be 1 or more, or None for all; got {components}.")
        if epsilon < 0:
            raise ValueError(f"`epsilon` must be 0 or more; got {epsilon}. 1e-5 is usual.")
        super().__init__(**keywords)
        self.components, self.epsilon = components, epsilon

    def _shapes(self, image_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        total = math.prod(image_shape)
        return {"mean": image_shape, "matrix": (total, self.components or total)}

    def _learn(self, data: Iterable) -> dict[str, np.ndarray]:
        mean, ways, scales = directions(data, self.components, self.epsilon)
        return {"mean": mean, "matrix": ways * scales}

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Map (batch, ...) to (batch, components)."""
        flat = ops.reshape(super().call(images), (-1, self.matrix.shape[0]))
        return ops.matmul(flat, self.matrix)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Say how many numbers there will be."""
        return input_shape[0], self.matrix.shape[1]

    def get_config(self) -> dict[str, Any]:
        """Describe the layer so that it can be made again."""
        return {**super().get_config(), "components": self.components, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="cnnbook")
class ZCAWhitening(PCAWhitening):
    """Whiten, then turn back, which of all ways to whiten changes the images least.

    Arguments as for `PCAWhitening`; with fewer components the image is made of these alone.

    Example:
        >>> images = np.random.default_rng(0).normal(size=(500, 2, 1, 1)) * [[[1]], [[5]]]
        >>> layer = ZCAWhitening()
        >>> layer.adapt(images)
        >>> np.array(layer(images)).shape
        (500, 2, 1, 1)
    """

    def _shapes(self, image_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        return {"mean": image_shape, "matrix": (math.prod(image_shape),) * 2}

    def _learn(self, data: Iterable) -> dict[str, np.ndarray]:
        mean, ways, scales = directions(data, self.components, self.epsilon)
        return {"mean": mean, "matrix": (ways * scales) @ ways.T}

    def call(self, images: keras.KerasTensor) -> keras.KerasTensor:
        """Map (batch, ...) to the same shape."""
        return ops.reshape(super().call(images), (-1, *self.mean.shape))

    compute_output_shape = _Adapted.compute_output_shape
