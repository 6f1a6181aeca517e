import numpy as np
import pytest

from tests.layer_case import LayerCase
from yt8m_attention.layers.frame_pooling import FramePooling


def reference_pool(frames, mask, pooling):
    """One bag at a time."""
    how = {"mean": lambda x: x.mean(axis=0), "max": lambda x: x.max(axis=0), "last": lambda x: x[-1]}[pooling]
    return np.stack(
        [how(np.float64(x[m])) if m.any() else np.zeros(x.shape[-1]) for x, m in zip(frames, mask, strict=True)]
    )


class PoolingCase(LayerCase):
    pooling = None
    bag_axis_only = True
    output_dtype = "compute"

    def make(self, **kwargs):
        return FramePooling(self.pooling, **kwargs)

    def reference(self, weights, mask, frames):
        return reference_pool(frames, mask, self.pooling)


class TestMean(PoolingCase):
    pooling = "mean"


class TestMax(PoolingCase):
    pooling = "max"


class TestLast(PoolingCase):
    pooling = "last"


@pytest.mark.parametrize("pooling", ["mean", "max", "last"])
def test_a_bag_of_one_frame_is_that_frame_and_an_empty_one_zero(pooling):
    frames = np.float32(np.random.default_rng(0).normal(size=(2, 4, 3)))
    mask = np.array([[True, False, False, False], [False] * 4])
    answer = np.asarray(FramePooling(pooling)(frames, mask=mask))
    np.testing.assert_allclose(answer, [frames[0, 0], np.zeros(3)], rtol=1e-6)


def test_unknown_pooling_is_rejected():
    with pytest.raises(ValueError, match="pooling: found 'sum', wanted one of mean, max, last"):
        FramePooling("sum")
