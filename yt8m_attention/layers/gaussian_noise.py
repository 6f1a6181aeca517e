"""Gaussian noise whose random state has the same name in every process."""

import math

import keras
from keras import ops

from yt8m_attention.ops.fusion import fused


@keras.saving.register_keras_serializable(package="yt8m_attention")
class GaussianNoise(keras.layers.Layer):
    """Adds independent normal noise while training; nothing at inference.

    The seed comes from `keras.utils.set_random_seed`. The random state is a variable of the model, saved and restored
    with it, so that a resumed run draws what the uninterrupted one would have drawn. It exists with `stddev` 0 too:
    a checkpoint fits the same model with and without noise. (Keras' own layer of this name has neither property,
    and its state's name counts up with every layer made in the process.)

    Args:
      stddev: standard deviation, 0 or more, in units of the input; 0 adds nothing.

    Call: x [..., D], float. Returns: the same shape and type.
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
        *others, width = ops.shape(x)
        uniform = keras.random.uniform((2, *others, (width + 1) // 2), dtype="float32", seed=self.seed_generator)
        return _add_normal(x, uniform, stddev=self.stddev)

    def compute_output_spec(self, x, training=False):
        return keras.KerasTensor(x.shape, dtype=x.dtype)

    def get_config(self):
        return super().get_config() | {"stddev": self.stddev}


@fused
def _add_normal(x, uniform, *, stddev):
    """x [..., D] plus normal numbers by Box and Muller (1958), two out of each pair in uniform [2, ..., ceil(D / 2)].

    The backends draw normal numbers one at a time; whole arrays at once take half as long.
    """
    radius = stddev * ops.sqrt(-2.0 * ops.log(1.0 - uniform[0]))
    angle = (2.0 * math.pi) * uniform[1]
    noise = ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=-1)
    return x + ops.cast(noise[..., : x.shape[-1]], x.dtype)
