"""Letters: B batch, T frames, D width, U cells."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor
from yt8m_attention.layers.masked_layer import MaskedLayer
from yt8m_attention.layers.recurrent_cells import CELLS
from yt8m_attention.ops.affine import affine_product


@keras.saving.register_keras_serializable(package="yt8m_attention")
class Recurrence(MaskedLayer):
    """Runs a recurrent network over a bag's frames in order of time, from a state of zeros.

    The gates' products with the frames are one product for the whole bag. Only the products with the state run step by
    step. A masked step keeps the state. States are float32 under any precision policy, because rounding errors add up.

    Keras' own GRU and LSTM layers hold a random state for dropout. Its name depends on the number of layers that the
    process has created, so a checkpoint would not find it. On a GPU they also leave the compiled step.

    Args:
      kind: "gru" or "lstm".
      cells: U.

    Call: frames [B, T, D], in order of time; scale and shift, float32 [D], of a batch norm to apply to the frames, or
      both None; mask bool [B, T], true where a frame exists, or None for all.
    Returns: states, float32 [B, T, U]; at a masked frame the state before it.
    """

    def __init__(self, kind: str, cells: int, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)  # scale and kernel are multiplied before rounding
        if kind not in CELLS:
            raise ValueError(f"kind: found {kind!r}, wanted one of {', '.join(CELLS)}")
        self.kind, self.cells = kind, cells
        self.cell = CELLS[kind](cells, self.compute_dtype, name="cell")
        self.steps = keras.layers.RNN(self.cell, return_sequences=True, dtype="float32", name="steps")

    def build(self, input_shape: tuple[Any, ...], *_: Any) -> None:
        width = self.cell.parts * self.cells
        shape = (input_shape[-1], width)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform", autocast=False)
        self.bias = self.add_weight(name="bias", shape=(width,), initializer=self._initial_bias, autocast=False)
        self.steps.build((*input_shape[:-1], width))

    def _initial_bias(self, shape, dtype=None):
        """Returns zeros, and ones for the LSTM's forget gate (Jozefowicz et al. 2015)."""
        parts = ops.zeros((self.cell.parts, self.cells), dtype=dtype)
        if self.kind == "lstm":
            parts = ops.concatenate([parts[:1], parts[1:2] + 1.0, parts[2:]], axis=0)
        return ops.reshape(parts, shape)

    def call(
        self,
        frames_BTD: Tensor,
        scale_D: Tensor | None = None,
        shift_D: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        projected = affine_product(frames_BTD, self.kernel, scale_D, shift_D, self.compute_dtype)
        return self.steps(ops.cast(projected, "float32") + self.bias, mask=mask)

    def compute_output_spec(
        self,
        frames_BTD: Tensor,
        scale_D: Tensor | None = None,
        shift_D: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> keras.KerasTensor:
        return keras.KerasTensor((*frames_BTD.shape[:2], self.cells), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"kind": self.kind, "cells": self.cells}
