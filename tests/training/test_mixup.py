"""Mixup equals mixing the bags one by one in numpy."""

import numpy as np
import pytest
from keras import ops

from yt8m_attention.ops.quantize import dequantize
from yt8m_attention.training import mixup

LENGTHS = (5, 2, 4, 0, 3)


def batch(dtype="uint8"):
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 256, (len(LENGTHS), 5, 3), np.uint8)
    frames = frames if dtype == "uint8" else rng.normal(size=frames.shape).astype(dtype)
    mask = np.arange(5) < np.array(LENGTHS)[:, None]
    labels = (rng.random((len(LENGTHS), 4)) < 0.5).astype(np.uint8)
    return {"frames": frames, "mask": mask}, (labels, rng.random(labels.shape) < 0.5)


def mixed(bags, target, shares):
    bags, target = mixup.mix(bags, target, np.float32(shares))
    arrays = [bags["frames"], bags["mask"], *target]
    return [ops.convert_to_numpy(array) for array in arrays]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_agrees_with_mixing_one_by_one(dtype):
    bags, (labels, rated) = batch(dtype)
    shares = np.array([0.9, 0.3, 0.0, 0.5, 0.6])
    frames, mask, found_labels, weights = mixed(bags, (labels, rated), shares)
    values = dequantize(bags["frames"]) if dtype == "uint8" else bags["frames"]
    for row, length in enumerate(LENGTHS):
        before = row - 1  # the last row for the first one
        common = min(length, LENGTHS[before])
        share = shares[row] if common else 1.0
        assert mask[row].sum() == (common or length) and mask[row][: common or length].all()
        expected = share * values[row] + (1 - share) * values[before]
        np.testing.assert_allclose(frames[row][:common], expected[:common], rtol=1e-5, atol=1e-6)
        own, other = share * rated[row], (1 - share) * rated[before]
        np.testing.assert_allclose(weights[row], own + other, atol=1e-6)
        total = own * labels[row] + other * labels[before]
        np.testing.assert_allclose(found_labels[row] * weights[row], total, atol=1e-6)


def test_a_bag_with_lambda_1_or_without_a_partner_is_unchanged():
    bags, (labels, rated) = batch()
    frames, mask, found_labels, weights = mixed(bags, (labels, rated), np.array([1, 1, 1, 0.2, 0.2]))
    np.testing.assert_array_equal(frames[1:], dequantize(bags["frames"])[1:])  # bag 3 has no frames
    np.testing.assert_array_equal(mask[3:], bags["mask"][3:])
    np.testing.assert_array_equal(weights, rated)
    np.testing.assert_array_equal(found_labels, labels * rated)
