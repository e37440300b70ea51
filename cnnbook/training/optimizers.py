"""Can Adam's step be cheaper? One pass over the weights instead of a dozen.

Keras writes Adam as a dozen operations, each over arrays as large as all the weights. TensorFlow
has one operation that does the same in one pass. It pays on a CPU where a network has many weights
for its work, as wide dense layers have.

Source: Kingma & Ba (2014), "Adam: A Method for Stochastic Optimization",
https://arxiv.org/abs/1412.6980, algorithm 1 in the form that the end of section 2 gives, as Keras.
"""

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="cnnbook")
class FusedAdam(keras.optimizers.Adam):
    """Adam with the same steps as Keras', up to rounding, in one operation a weight array.

    It takes the arguments of `keras.optimizers.Adam`; with `amsgrad=True`, with gradients of only
    some rows (embeddings), and on other backends than TensorFlow it is Keras' own.

    Example:
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> model.compile(FusedAdam(0.001), "mse")
        >>> round(model.optimizer.get_config()["learning_rate"], 6)
        0.001
    """

    def update_step(
        self, gradient: tf.Tensor, variable: keras.Variable | tf.Variable, learning_rate: tf.Tensor
    ) -> None:
        """Move one array of weights against its gradient."""
        is_dense = isinstance(gradient, tf.Tensor)
        if self.amsgrad or not is_dense or keras.backend.backend() != "tensorflow":
            super().update_step(gradient, variable, learning_rate)
            return
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        given = (self.beta_1, self.beta_2, self.epsilon)
        beta_1, beta_2, epsilon = (tf.constant(value, variable.dtype) for value in given)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=beta_1**step,
            beta2_power=beta_2**step,
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=beta_1,
            beta2=beta_2,
            epsilon=epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )


def _handle(variable: keras.Variable | tf.Variable) -> tf.Tensor:
    """Return TensorFlow's handle of a variable, which Keras may have wrapped."""
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle
