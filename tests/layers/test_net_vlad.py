import numpy as np
from keras import ops

from tests import numpy_layers
from tests.layer_case import LayerCase
from yt8m_attention.layers.net_vlad import NetVLAD, residuals


def unit(x):
    length = np.sqrt((x**2).sum())
    return x / length if length else x


class TestNetVLAD(LayerCase):
    counts = (6 * 4 + 4 * 6 + 2 * 4, 2 * 4 + 1)
    bag_axis_only = True
    output_dtype = "compute"

    def make(self, **kwargs):
        return NetVLAD(4, **kwargs)

    def reference(self, weights, mask, frames):
        """By definition: one bag, frame and cluster at a time."""
        norm = numpy_layers.below(weights, "assignment_norm")
        answer = []
        for bag, real in zip(np.float64(frames), mask, strict=True):
            residuals = np.zeros_like(weights["centres"])
            for frame in bag[real]:
                assignment = numpy_layers.softmax(numpy_layers.batch_norm(norm, frame @ weights["kernel"]))
                for k, centre in enumerate(weights["centres"]):
                    residuals[k] += assignment[k] * (frame - centre)
            answer.append(unit(np.concatenate([unit(residual) for residual in residuals])))
        return np.stack(answer)

    def test_each_cluster_has_the_same_length_and_all_together_one(self):
        layer = self.built()
        answer = np.asarray(self.run(layer, self.inputs(np.random.default_rng(0)))).reshape(3, 4, 6)
        np.testing.assert_allclose(np.sqrt((answer**2).sum(axis=-1)), 0.5, rtol=1e-5)


def test_residuals_of_many_16_bit_frames_are_summed_in_float32():
    """960 times 0.30078125, which bfloat16 rounds to 288 or 290."""
    x, assignment, centres = (
        ops.cast(np.full(shape, value, np.float32), "bfloat16")
        for shape, value in (((1, 960, 2), 0.0), ((1, 960, 1), 0.30078125), ((1, 2), 1.0))
    )
    np.testing.assert_array_equal(residuals(x, assignment, centres), np.full((1, 1, 2), -288.75, np.float32))
