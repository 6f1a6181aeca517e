"""The base of the layers that take a mask."""

import keras


class MaskedLayer(keras.layers.Layer):
    """A layer whose mask is an argument like any other.

    Keras would also hang the mask on the layer's outputs, for layers behind to find. Here a mask goes where a call
    names it and nowhere else: the same bags are masked by frame in one layer and by bag in the next.
    """

    def compute_mask(self, inputs, previous_mask):
        return None
