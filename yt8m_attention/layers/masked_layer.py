"""Base class of the layers that take a mask."""

import keras

from yt8m_attention.aliases import Tensor


class MaskedLayer(keras.layers.Layer):
    """A layer that gets its mask only as an argument of the call.

    Keras also attaches the mask to the layer's outputs, and later layers use it. Here it must not: one layer masks a
    bag's frames, the next one masks whole bags.
    """

    def compute_mask(self, inputs: Tensor, previous_mask: Tensor) -> None:
        return None
