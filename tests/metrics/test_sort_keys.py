"""Keys sort by score descending, then id ascending, for every float32 except NaN, and can be decoded."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from yt8m_attention.metrics import sort_keys

FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, 2.0**-149, -(2.0**-149)]),
    st.floats(width=32, allow_nan=False),
)
PAIRS = st.lists(st.tuples(FLOATS, st.integers(0, 2**32 - 1)), max_size=20)


@given(PAIRS)
def test_keys_sort_by_score_down_then_id_up(pairs):
    scores = np.array([p[0] for p in pairs], np.float32)
    ids = np.array([p[1] for p in pairs], np.uint32)
    ranked = np.sort(sort_keys.keys(scores, ids))[::-1]
    expected = np.lexsort((ids, -scores))
    np.testing.assert_array_equal(sort_keys.scores_of(ranked), scores[expected])
    np.testing.assert_array_equal(sort_keys.ids_of(ranked), ids[expected])


@given(hnp.arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 6)), elements=FLOATS), st.integers(1, 8))
def test_top_columns_is_a_stable_sort_cut(scores, k):
    columns, best = sort_keys.top_columns(scores, k)
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(columns, expected)
    np.testing.assert_array_equal(best, np.take_along_axis(scores, expected, axis=1))
