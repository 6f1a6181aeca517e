import numpy as np
import pytest
from keras import ops

from tests.layer_case import LayerCase, assert_close
from yt8m_attention.layers.dequantize import Dequantize


class TestDequantize(LayerCase):
    takes_mask = False

    def make(self, **kwargs):
        return Dequantize(**kwargs)

    def inputs(self, rng, bags=3, entries=5):
        return [rng.integers(0, 256, (bags, entries, 6), dtype=np.uint8)]

    def reference(self, weights, mask, frames):
        return frames * (4.0 / 255.0) + 4.0 / 512.0 - 2.0

    @pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
    def test_floats_are_values_already(self, policy):
        values = np.float32(np.random.default_rng(0).normal(size=(2, 3, 4)))
        assert_close(Dequantize(dtype=policy)(values), values, 0)

    @pytest.mark.parametrize("dtype", ["int8", "int32", "bool"])
    def test_other_types_are_refused(self, dtype):
        with pytest.raises(TypeError, match=f"found {dtype}, wanted uint8"):
            Dequantize()(ops.ones((1, 2, 3), dtype))
