"""Adam with the published learning-rate schedule and a fused update."""

import keras
import tensorflow as tf

from yt8m_attention.aliases import Tensor
from yt8m_attention.config import Phase
from yt8m_attention.runs.model_state import LOSS_SCALING


class FusedAdam(keras.optimizers.Adam):
    """keras.optimizers.Adam whose update is TensorFlow's fused operation.

    Keras computes the update with a dozen element-wise operations, each a pass over memory. The fused operation reads
    and writes a weight, its moments and its gradient once. Results, variables, names and checkpoints are those of
    keras.optimizers.Adam (Kingma & Ba 2015, in the form of the paragraph before their section 2.1).
    """

    def update_step(self, gradient: Tensor, variable: Tensor, learning_rate: Tensor) -> None:
        """Updates one variable; Keras calls it."""
        index = self._get_variable_index(variable)
        step = tf.cast(self.iterations + 1, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=_handle(variable),
            m=_handle(self._momentums[index]),
            v=_handle(self._velocities[index]),
            beta1_power=tf.pow(tf.cast(self.beta_1, variable.dtype), step),
            beta2_power=tf.pow(tf.cast(self.beta_2, variable.dtype), step),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=tf.cast(self.beta_1, variable.dtype),
            beta2=tf.cast(self.beta_2, variable.dtype),
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )


def _handle(variable):
    return (variable.value if isinstance(variable, keras.Variable) else variable).handle


def build(phase: Phase, loss_scaling: bool) -> keras.optimizers.Optimizer:
    """Returns the optimizer of a phase; its variables are not created yet.

    The learning rate is multiplied by `learning_rate_decay` after every `learning_rate_decay_examples` examples
    (arXiv 1911.06866: 8e-4, x 0.8 every 4 million). The training step clips the gradient, since it knows the sum over
    all replicas.

    Args:
      phase: learning rate, decay and batch size.
      loss_scaling: whether to scale the loss, which float16 needs: small gradients would underflow otherwise.
    """
    rate = keras.optimizers.schedules.ExponentialDecay(
        phase.base_learning_rate,
        decay_steps=phase.learning_rate_decay_examples / phase.batch_size,
        decay_rate=phase.learning_rate_decay,
        staircase=True,
    )
    adam = FusedAdam(learning_rate=rate, epsilon=1e-8, name="adam")
    if not loss_scaling:
        return adam
    return keras.optimizers.LossScaleOptimizer(adam, name=LOSS_SCALING)
