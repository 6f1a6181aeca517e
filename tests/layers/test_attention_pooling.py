import numpy as np

from tests import numpy_layers
from tests.layer_case import LayerCase
from yt8m_attention.layers.attention_pooling import AttentionPooling


class TestAttentionPooling(LayerCase):
    takes_mask = False
    bag_axis_only = True
    output_dtype = "compute"

    def make(self, **kwargs):
        return AttentionPooling(**kwargs)

    def inputs(self, rng, bags=3, entries=5):
        frames = np.float32(rng.normal(size=(bags, entries, 6)))
        return [frames, np.float32(rng.dirichlet(np.ones(entries), (bags, 2)).transpose(0, 2, 1))]

    def pad(self, rng, inputs):
        frames, attention = super().pad(rng, inputs)
        attention[:, inputs[1].shape[1] :] = 0
        return [frames, attention]

    def reference(self, weights, mask, frames, attention):
        return numpy_layers.pool(frames, attention)
