"""Cells for keras.layers.RNN that take projected frames. All work but one matrix product is in float32."""

from typing import Any

import keras
from keras import ops

from yt8m_attention.aliases import Tensor


class GRUCell(keras.layers.Layer):
    """One step of a gated recurrent unit (Cho et al. 2014).

    The reset gate is applied after the product, as in cuDNN. With z, r, n the three parts of the projected frame:

    z = sigmoid(z + h Uz), r = sigmoid(r + h Ur), n = tanh(n + r ⊙ (h Un + b)), h' = z ⊙ h + (1 - z) ⊙ n.
    """

    parts = 3

    def __init__(self, cells: int, product_type: str, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.state_size = self.output_size = cells
        self.product_type = product_type

    def build(self, *_: Any) -> None:
        cells = self.output_size
        self.kernel = self.add_weight(name="recurrent_kernel", shape=(3 * cells, cells), initializer="orthogonal")
        self.bias = self.add_weight(name="recurrent_bias", shape=(cells,), initializer="zeros")

    def call(self, projected: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        state = states[0]
        z, r, n = ops.split(projected, 3, axis=-1)
        state_z, state_r, state_n = ops.split(recurrent_product(self, state), 3, axis=-1)
        update, reset = ops.sigmoid(z + state_z), ops.sigmoid(r + state_r)
        candidate = ops.tanh(n + reset * (state_n + self.bias))
        state = update * state + (1.0 - update) * candidate
        return state, [state]


class LSTMCell(keras.layers.Layer):
    """One step of a long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    With i, f, o, n the four parts of the projected frame plus h times their recurrent kernels:

    c' = sigmoid(f) ⊙ c + sigmoid(i) ⊙ tanh(n), h' = sigmoid(o) ⊙ tanh(c').
    """

    parts = 4

    def __init__(self, cells: int, product_type: str, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.state_size, self.output_size = [cells, cells], cells
        self.product_type = product_type

    def build(self, *_: Any) -> None:
        cells = self.output_size
        self.kernel = self.add_weight(name="recurrent_kernel", shape=(4 * cells, cells), initializer="orthogonal")

    def call(self, projected: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        state, memory = states
        i, f, o, n = ops.split(projected + recurrent_product(self, state), 4, axis=-1)
        memory = ops.sigmoid(f) * memory + ops.sigmoid(i) * ops.tanh(n)
        state = ops.sigmoid(o) * ops.tanh(memory)
        return state, [state, memory]


def recurrent_product(cell: GRUCell | LSTMCell, state: Tensor) -> Tensor:
    """Multiplies each state by the cell's kernel in the cell's product dtype: float32 [B, parts * U].

    The kernel is the left factor. A batch has far fewer states than the kernel has rows, and a CPU takes nearly twice
    as long for a few rows times a large matrix (docs/performance.md).
    """
    kernel, state = (ops.cast(array, cell.product_type) for array in (cell.kernel, state))
    return ops.cast(ops.transpose(ops.matmul(kernel, ops.transpose(state))), "float32")


CELLS: dict[str, type[GRUCell] | type[LSTMCell]] = {"gru": GRUCell, "lstm": LSTMCell}
