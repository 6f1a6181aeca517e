"""The maximum over attention heads, class by class."""

import numpy as np

from yt8m_attention.ops.max_over_heads import max_over_heads


def test_each_class_takes_its_best_head():
    probabilities = np.float32([[[0.1, 0.9], [0.4, 0.2]], [[0.3, 0.0], [0.2, 0.1]]])
    np.testing.assert_array_equal(max_over_heads(probabilities), np.float32([[0.4, 0.9], [0.3, 0.1]]))


def test_one_head_is_itself_and_the_order_of_heads_does_not_matter():
    probabilities = np.random.default_rng(0).random((5, 8, 7), np.float32)
    np.testing.assert_array_equal(max_over_heads(probabilities[:, :1]), probabilities[:, 0])
    np.testing.assert_array_equal(max_over_heads(probabilities), max_over_heads(probabilities[:, ::-1]))
