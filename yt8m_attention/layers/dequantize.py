"""Letters: B batch, T frames, F features."""

import keras
from keras import ops

from yt8m_attention.ops.quantize import dequantize


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Dequantize(keras.layers.Layer):
    """Bytes of YouTube-8M's frames to the values that they stand for; the first layer of every model.

    Call: frames [B, T, F], uint8, or floats that are values already and are taken as they are.
    Returns: float32 [B, T, F] under any precision policy, as the joint norm that follows is taken of 1152 squares.
    Raises TypeError for integers other than uint8: they would silently be taken for values.
    """

    def __init__(self, **kwargs):
        super().__init__(autocast=False, **kwargs)

    def call(self, frames_BTF):
        dtype = keras.backend.standardize_dtype(frames_BTF.dtype)
        if dtype == "uint8":
            return ops.cast(dequantize(frames_BTF), "float32")
        if "float" not in dtype:
            raise TypeError(f"frames: found {dtype}, wanted uint8 (bytes as stored) or a float type (values)")
        return ops.cast(frames_BTF, "float32")

    def compute_output_spec(self, frames_BTF):
        return keras.KerasTensor(frames_BTF.shape, dtype="float32")
