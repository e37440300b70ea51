"""Gradients, on TensorFlow; what of this room does without them runs wherever Keras does."""

import keras
import tensorflow as tf


def gradient_of(tape: tf.GradientTape, scores: tf.Tensor, of: tf.Tensor) -> tf.Tensor:
    """Return the gradient as float32, or say why there is none."""
    gradient = tape.gradient(scores, of)
    if gradient is None:
        raise ValueError(
            "`model` must compute its score from the layer or the pixels, in floats, on TensorFlow;"
            f" no gradient gets through. Keras runs on {keras.backend.backend()}. Is the layer in a"
            " side branch, or does the model take or make whole numbers?"
        )
    return tf.cast(tf.convert_to_tensor(gradient), tf.float32)
