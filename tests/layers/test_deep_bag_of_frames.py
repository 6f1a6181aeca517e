import numpy as np

from tests import numpy_layers
from tests.layer_case import AffineCase
from tests.layers.test_frame_pooling import reference_pool
from yt8m_attention.layers.deep_bag_of_frames import DeepBagOfFrames


class DeepBagCase(AffineCase):
    counts = (6 * 8 + 2 * 8, 2 * 8 + 1)
    bag_axis_only = True
    output_dtype = "compute"
    pooling = None

    def make(self, **kwargs):
        return DeepBagOfFrames(8, self.pooling, **kwargs)

    def reference(self, weights, mask, frames):
        clusters = numpy_layers.batch_norm(numpy_layers.below(weights, "cluster_norm"), frames @ weights["kernel"])
        return reference_pool(np.maximum(clusters, 0), mask, self.pooling)


class TestMaximum(DeepBagCase):
    pooling = "max"


class TestMean(DeepBagCase):
    pooling = "mean"
