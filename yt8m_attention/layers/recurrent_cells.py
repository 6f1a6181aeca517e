"""One step of recurrent networks, for keras.layers.RNN: frames come projected; all but one product is float32."""

import keras
from keras import ops


class GRUCell(keras.layers.Layer):
    """One step of a gated recurrent unit (Cho et al. 2014); the reset gate is applied behind the product, as cuDNN
    does: with z, r, n the three parts of the projected frame,

    z = sigmoid(z + h Uz), r = sigmoid(r + h Ur), n = tanh(n + r ⊙ (h Un + b)), h' = z ⊙ h + (1 - z) ⊙ n.
    """

    parts = 3

    def __init__(self, cells, product_type, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.state_size = self.output_size = cells
        self.product_type = product_type

    def build(self, *_):
        cells = self.output_size
        self.kernel = self.add_weight(name="recurrent_kernel", shape=(3 * cells, cells), initializer="orthogonal")
        self.bias = self.add_weight(name="recurrent_bias", shape=(cells,), initializer="zeros")

    def call(self, projected, states):
        state = states[0]
        z, r, n = ops.split(projected, 3, axis=-1)
        own_z, own_r, own_n = ops.split(recurrent_product(self, state), 3, axis=-1)
        update, reset = ops.sigmoid(z + own_z), ops.sigmoid(r + own_r)
        candidate = ops.tanh(n + reset * (own_n + self.bias))
        state = update * state + (1.0 - update) * candidate
        return state, [state]


class LSTMCell(keras.layers.Layer):
    """One step of a long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000): with i, f, o, n the
    four parts of the projected frame plus h times their recurrent kernels,

    c' = sigmoid(f) ⊙ c + sigmoid(i) ⊙ tanh(n), h' = sigmoid(o) ⊙ tanh(c').
    """

    parts = 4

    def __init__(self, cells, product_type, **kwargs):
        super().__init__(dtype="float32", **kwargs)
        self.state_size, self.output_size = [cells, cells], cells
        self.product_type = product_type

    def build(self, *_):
        cells = self.output_size
        self.kernel = self.add_weight(name="recurrent_kernel", shape=(4 * cells, cells), initializer="orthogonal")

    def call(self, projected, states):
        state, memory = states
        i, f, o, n = ops.split(projected + recurrent_product(self, state), 4, axis=-1)
        memory = ops.sigmoid(f) * memory + ops.sigmoid(i) * ops.tanh(n)
        state = ops.sigmoid(o) * ops.tanh(memory)
        return state, [state, memory]


def recurrent_product(cell, state):
    """The cell's kernel times each state, [B, parts * U], multiplied in the cell's product type, as float32.

    The kernel stands on the left: there are far fewer states in a batch than the kernel has rows, and a CPU takes
    nearly twice as long for few rows times a large matrix (docs/performance.md).
    """
    kernel, state = (ops.cast(array, cell.product_type) for array in (cell.kernel, state))
    return ops.cast(ops.transpose(ops.matmul(kernel, ops.transpose(state))), "float32")


CELLS = {"gru": GRUCell, "lstm": LSTMCell}
