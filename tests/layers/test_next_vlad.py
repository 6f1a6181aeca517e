import numpy as np
import pytest

from tests import numpy_layers
from tests.layer_case import LayerCase
from tests.layers.test_net_vlad import unit
from yt8m_attention.layers.next_vlad import NeXtVLAD

D, K, G, E = 6, 4, 3, 12


class TestNeXtVLAD(LayerCase):
    width = D
    counts = (
        (D * E + E) + (E * G + G) + (E * G * K + 2 * G * K) + K * E // G + 2 * K * E // G,
        (2 * G * K + 1) + (2 * K * E // G + 1),
    )
    bag_axis_only = True
    output_dtype = "compute"

    def make(self, **kwargs):
        return NeXtVLAD(K, groups=G, expansion=E // D, **kwargs)

    def reference(self, weights, mask, frames):
        """By definition: one bag, frame, part and cluster at a time."""
        answer = []
        for bag, real in zip(np.float64(frames), mask, strict=True):
            residuals = np.zeros((K, E // G))
            for frame in bag[real]:
                self.add(weights, frame @ weights["expand_kernel"] + weights["expand_bias"], residuals)
            answer.append(np.concatenate([unit(residual) for residual in residuals]))
        return numpy_layers.batch_norm(numpy_layers.below(weights, "vlad_norm"), np.stack(answer))

    def add(self, weights, expanded, residuals):
        gates = numpy_layers.sigmoid(expanded @ weights["gate_kernel"] + weights["gate_bias"])
        norm = numpy_layers.below(weights, "assignment_norm")
        logits = numpy_layers.batch_norm(norm, expanded @ weights["kernel"]).reshape(G, K)
        for part, gate, own_logits in zip(expanded.reshape(G, E // G), gates, logits, strict=True):
            assignment = gate * numpy_layers.softmax(own_logits)
            for k in range(K):
                residuals[k] += assignment[k] * (part - weights["centres"][k])


def test_groups_must_divide_the_expanded_width():
    with pytest.raises(ValueError, match="groups: found 5, wanted a divisor of the expanded width 12"):
        NeXtVLAD(4, groups=5).build((None, None, 6))
