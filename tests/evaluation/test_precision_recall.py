"""The counts of each threshold equal a direct count."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from yt8m_attention.evaluation.precision_recall import THRESHOLDS, PrecisionRecall

SHAPE = (6, 3)


@given(hnp.arrays(np.float32, SHAPE, elements=st.sampled_from([0, 0.005, 0.07, 0.29, 0.58, 0.995, 1])),
       hnp.arrays(bool, SHAPE), hnp.arrays(bool, SHAPE), st.integers(0, 6))  # fmt: skip
def test_counts_equal_a_direct_count(probabilities, labels, rated, cut):
    curve = PrecisionRecall()
    for part in (slice(0, cut), slice(cut, None)):
        curve.add(probabilities[part], labels[part], rated[part])
    result = curve.result()
    for i, threshold in enumerate(np.linspace(0, 1, THRESHOLDS)):
        called = probabilities.astype(np.float64) >= threshold
        assert result["true_positives"][i] == (called & labels & rated).sum()
        assert result["false_positives"][i] == (called & ~labels & rated).sum()
        assert result["true_negatives"][i] == (~called & ~labels & rated).sum()
        assert result["false_negatives"][i] == (~called & labels & rated).sum()
