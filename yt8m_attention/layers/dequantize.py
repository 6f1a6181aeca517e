"""Letters: B batch, T frames, F features."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.ops.quantize import dequantize


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Dequantize(keras.layers.Layer):
    """Converts YouTube-8M's bytes to feature values; the first layer of every model.

    Call: frames [B, T, F], uint8, or float values, which are returned unchanged.
    Returns: float32 [B, T, F] under any precision policy, because the l2 norm that follows sums 1152 squares.
    Raises TypeError for integers other than uint8, which would silently be used as values.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)

    def call(self, frames_BTF: Tensor) -> Tensor:
        dtype = keras.backend.standardize_dtype(frames_BTF.dtype)
        if dtype == "uint8":
            return ops.cast(dequantize(frames_BTF), "float32")
        if "float" not in dtype:
            raise TypeError(f"frames: found {dtype}, wanted uint8 (bytes as stored) or a float type (values)")
        return ops.cast(frames_BTF, "float32")

    def compute_output_spec(self, frames_BTF: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor(frames_BTF.shape, dtype="float32")
