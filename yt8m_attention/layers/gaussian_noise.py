"""Gaussian noise whose random state has the same name in every process."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="yt8m_attention")
class GaussianNoise(keras.layers.Layer):
    """Adds independent normal noise while training; nothing at inference.

    The seed comes from `keras.utils.set_random_seed`. The random state is a variable of the model, saved and restored
    with it, so that a resumed run draws what the uninterrupted one would have drawn. It exists with `stddev` 0 too:
    a checkpoint fits the same model with and without noise. (Keras' own layer of this name has neither property,
    and its state's name counts up with every layer made in the process.)

    Args:
      stddev: standard deviation, 0 or more, in units of the input; 0 adds nothing.

    Call: x of any shape, float. Returns: the same shape and type.
    """

    def __init__(self, stddev, **kwargs):
        super().__init__(autocast=False, **kwargs)
        if stddev < 0:
            raise ValueError(f"stddev: found {stddev}, wanted 0 or more")
        self.stddev = stddev
        self.seed_generator = keras.random.SeedGenerator(name=f"{self.name}_random")

    def call(self, x, training=False):
        if not training or not self.stddev:
            return x
        return x + keras.random.normal(ops.shape(x), stddev=self.stddev, dtype=x.dtype, seed=self.seed_generator)

    def compute_output_spec(self, x, training=False):
        return keras.KerasTensor(x.shape, dtype=x.dtype)

    def get_config(self):
        return super().get_config() | {"stddev": self.stddev}
