"""Rescoring by whole videos: the formula, for any batches, with few scores in memory."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from yt8m_attention.errors import UserError
from yt8m_attention.inference import rescoring

PROBABILITIES = st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4)


@given(PROBABILITIES, PROBABILITIES, st.floats(0, 1, width=32))
def test_a_score_lies_between_the_segments_and_the_videos(segments, videos, weight):
    segments, videos = np.float32([segments, videos])
    found = rescoring.rescore(segments, videos, weight)
    assert found.dtype == np.float32
    wanted = np.float64(segments) ** (1 - weight) * np.float64(videos) ** weight
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=1e-37)
    least, most = np.minimum(segments, videos), np.maximum(segments, videos)
    assert (found >= least * (1 - 2e-5)).all() and (found <= most * (1 + 2e-5)).all()


def test_weight_0_gives_the_segments_score_and_weight_1_the_videos():
    segments, videos = np.float32([0.0, 0.3, 1.0]), np.float32([0.7, 0.0, 0.2])
    np.testing.assert_array_equal(rescoring.rescore(segments, videos, 0), segments)
    np.testing.assert_array_equal(rescoring.rescore(segments, videos, 1.0), videos)


class Videos:
    """Batches of videos v0, v1, ..., each with one frame that holds its number; counts the batches read."""

    def __init__(self, count, size):
        self.count, self.size, self.read = count, size, 0

    def __call__(self):
        for first in range(0, self.count, self.size):
            self.read += 1
            numbers = np.arange(first, min(first + self.size, self.count))
            yield {
                "id": tf.constant([b"v%d" % n for n in numbers]),
                "frames": tf.constant(numbers, tf.float32)[:, None, None],
                "mask": tf.ones((len(numbers), 1), bool),
            }


def scorer(factor):
    """Gives a video (number + 1) / 1000 times a factor, for both classes."""

    def score(bags):
        assert len(bags["mask"]) == rescoring.SIZE
        own = (bags["frames"].numpy()[:, 0] + 1) / 1000 * factor
        return {"probabilities": np.float32(np.concatenate([own, own / 2], axis=1))}

    return score


@pytest.mark.parametrize("size", [1, 7, 32])
@pytest.mark.parametrize("batch", [1, 13, 400])
def test_each_segment_gets_its_own_videos_score(size, batch):
    """Videos without, with one or with many segments; batches of segments may start and end within a video."""
    counts = np.random.default_rng(0).choice([0, 1, 3, 40], 100)
    numbers = np.repeat(np.arange(100), counts)
    ids = np.array([b"v%d" % n for n in numbers])
    videos = Videos(100, size)
    rescorer = rescoring.Rescorer([scorer(1.0), scorer(0.5)], videos, 0.25)
    segments = np.float32(np.random.default_rng(1).uniform(size=(2, len(ids), 2)))
    for at in range(0, len(ids), batch):
        part = slice(at, at + batch)
        found = rescorer(ids[part], list(segments[:, part]))
        for factor, own, scores in zip((1.0, 0.5), segments[:, part], found, strict=True):
            of_videos = (numbers[part, None] + 1) / 1000 * factor / [1, 2]
            np.testing.assert_allclose(scores, own**0.75 * of_videos**0.25, rtol=1e-5)
        assert len(rescorer._scores) <= size + numbers[part][-1] - numbers[part][0]
        assert videos.read == numbers[part][-1] // size + 1  # no further than needed


def test_without_a_weight_no_video_is_read():
    videos, scores = Videos(3, 1), [np.float32([[0.1, 0.2]])]
    assert rescoring.Rescorer([scorer(1.0)], videos, 0.0)(np.array([b"v2"]), scores) is scores
    assert not videos.read


@pytest.mark.parametrize("ids", [[b"v1", b"other"], [b"other", b"v1"]])
def test_a_segment_without_its_video_is_an_error(ids):
    rescorer = rescoring.Rescorer([scorer(1.0)], Videos(3, 2), 0.1)
    with pytest.raises(UserError, match="--video_score_weight: video b'other' has segments but cannot be scored"):
        rescorer(np.array(ids), [np.zeros((2, 2), np.float32)])
