"""Counts by threshold agree with counting."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from yt8m_attention.evaluation import attention_images
from yt8m_attention.evaluation.precision_recall import THRESHOLDS, PrecisionRecall

SHAPE = (6, 3)


@given(hnp.arrays(np.float32, SHAPE, elements=st.sampled_from([0, 0.005, 0.07, 0.29, 0.58, 0.995, 1])),
       hnp.arrays(bool, SHAPE), hnp.arrays(bool, SHAPE), st.integers(0, 6))  # fmt: skip
def test_counts_are_those_of_counting(probabilities, labels, rated, cut):
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


def test_a_picture_marks_ratings_above_a_band_a_head():
    attention = np.zeros((20, 2), np.float32)
    attention[3, 0], attention[7, 1] = 0.5, 1.0
    picture = attention_images.picture(attention, [(5, 1, 1.0), (5, 2, 0.0), (10, 1, 0.0)], 5)
    assert picture.shape == (8 + 2 * 12, 80, 3) and picture.dtype == np.uint8
    strip, bands = picture[0, ::4], picture[[8, 20], ::4]
    assert [tuple(c) for c in strip[[0, 5, 9, 10, 14, 15]]] == [
        attention_images._GREY, *[attention_images._GREEN] * 2, *[attention_images._RED] * 2, attention_images._GREY
    ]  # fmt: skip
    assert [np.flatnonzero(band[:, 0]).tolist() for band in bands] == [[3], [7]]
    assert bands.max(axis=1)[:, 0].tolist() == [255, 255]
