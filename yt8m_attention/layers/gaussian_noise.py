"""Gaussian noise whose random state has the same variable name in every process."""

import math
from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.ops.fusion import fused


@keras.saving.register_keras_serializable(package="yt8m_attention")
class GaussianNoise(keras.layers.Layer):
    """Adds independent normal noise in training; changes nothing at inference.

    The seed comes from `keras.utils.set_random_seed`. The random state is a variable of the model and is saved with it,
    so a resumed run draws the same numbers as an uninterrupted one. The variable also exists with `stddev` 0, so a
    checkpoint fits the model with and without noise. Keras' layer of this name has neither property, and the name of
    its state depends on the number of layers that the process has created.

    Args:
      stddev: standard deviation, 0 or more, in units of the input; 0 adds nothing.

    Call: x [..., D], float. Returns: the same shape and dtype.
    """

    def __init__(self, stddev: float, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        if stddev < 0:
            raise ValueError(f"stddev: found {stddev}, wanted 0 or more")
        self.stddev = stddev
        self.seed_generator = keras.random.SeedGenerator(name=f"{self.name}_random")

    def call(self, x: Tensor, training: bool = False) -> Tensor:
        if not training or not self.stddev:
            return x
        *leading, width = ops.shape(x)
        uniform = keras.random.uniform((2, *leading, (width + 1) // 2), dtype="float32", seed=self.seed_generator)
        return _add_normal(x, uniform, stddev=self.stddev)

    def compute_output_spec(self, x: Tensor, training: bool = False) -> keras.KerasTensor:
        return keras.KerasTensor(x.shape, dtype=x.dtype)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"stddev": self.stddev}


@fused
def _add_normal(x, uniform, *, stddev):
    """Adds normal numbers to x [..., D], made from uniform [2, ..., ceil(D / 2)] by Box and Muller (1958).

    The backends draw normal numbers one at a time. Whole arrays take half as long.
    """
    radius = stddev * ops.sqrt(-2.0 * ops.log(1.0 - uniform[0]))
    angle = (2.0 * math.pi) * uniform[1]
    noise = ops.concatenate([radius * ops.cos(angle), radius * ops.sin(angle)], axis=-1)
    return x + ops.cast(noise[..., : x.shape[-1]], x.dtype)
