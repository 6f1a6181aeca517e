"""Windows at any stride have the same scores as each window alone."""

import keras
import numpy as np
import pytest

from tests.layer_case import randomize
from yt8m_attention.config import Data, Features, Model
from yt8m_attention.data.shard_items import window_starts
from yt8m_attention.errors import UserError
from yt8m_attention.inference import scoring, windows
from yt8m_attention.inference.rank import RankingJob
from yt8m_attention.models import registry

FEATURES = Features(("rgb", "audio"), (24, 8))


def job(planted, stride=None, window=(30, 10)):
    data = Data(features=FEATURES, num_classes=6, segment_window=window, segment_classes=(0, 2, 3))
    return RankingJob(str(planted / "test" / "*.tfrecord"), data, "unused.csv", window_stride=stride)


@pytest.fixture(scope="module")
def scorer():
    keras.utils.set_random_seed(0)
    model = registry.build(Model(features=FEATURES, num_classes=6, num_heads=6, hidden_size=16))
    randomize(model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring.compilation, "xla", None)  # compiling takes longer than all the rest here
        yield scoring.make_scorer(model, [0, 2, 3])


def scored(scorer, task):
    """Returns {(id, start): scores}, in the order of the scorer."""
    found = {}
    for ids, begins, (scores,) in windows.score([scorer], task):
        assert len(ids) == len(begins) == len(scores)
        found |= dict(zip(zip(ids.tolist(), begins.tolist(), strict=True), scores, strict=True))
    return found


@pytest.mark.parametrize("size", [1, 5, 7])
@pytest.mark.parametrize("window", [(0, 0), (30, 10), (3, 4)])
def test_starts_without_overlap_are_those_of_the_challenge(size, window):
    for frames in (0, 4, 5, 44, 45, 46, 61, 300):
        np.testing.assert_array_equal(windows.starts(frames, size, window, size), window_starts(frames, size, window))
        every = windows.starts(frames, size, window, 1)
        assert all(window[0] <= s and s + size <= frames - window[1] for s in every)
        assert len(every) == max(0, frames - sum(window) - size + 1)


@pytest.mark.parametrize("stride", [1, 2, 10])
def test_overlapping_windows_score_as_the_same_windows_read_one_by_one(planted, scorer, stride):
    apart, together = scored(scorer, job(planted)), scored(scorer, job(planted, stride))
    shared = [key for key in together if key in apart]
    assert shared and (stride > 5 or len(together) > 2 * len(apart))
    assert all(start % stride == 0 for _, start in together)
    if 5 % stride == 0:
        assert set(apart) <= set(together)
        assert [key for key in together if key in apart] == list(apart)  # the same order
    for key in shared:
        np.testing.assert_allclose(together[key], apart[key], atol=1e-5)


def test_videos_too_short_for_any_window_are_an_error(planted, scorer):
    with pytest.raises(UserError, match="--segment_window"):
        scored(scorer, job(planted, 1, window=(200, 200)))
