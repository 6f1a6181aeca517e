from tests import numpy_layers
from tests.layer_case import LayerCase
from yt8m_attention.layers.context_gating import ContextGating


class TestContextGating(LayerCase):
    counts = (6 * 6 + 12, 13)
    output_dtype = "compute"

    def make(self, **kwargs):
        return ContextGating(**kwargs)

    def reference(self, weights, mask, x):
        return numpy_layers.context_gating(weights, x)
