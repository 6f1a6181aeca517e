"""Attention images: each head has its own scale, and rated segments are marked in the right place."""

import numpy as np

from yt8m_attention.evaluation import attention_images

FRAME, HEAD, STRIP = attention_images._FRAME_PIXELS, attention_images._HEAD_PIXELS, attention_images._STRIP_PIXELS


def test_rated_segments_are_marked_and_a_positive_wins():
    attention = np.full((20, 2), 0.05)
    ratings = [(0, 7, 0.0), (5, 7, 1.0), (5, 3, 0.0), (10, 3, 0.0)]
    strip = attention_images.picture(attention, ratings, 5)[0, ::FRAME]
    red, green, grey = (np.array(c) for c in (attention_images._RED, attention_images._GREEN, attention_images._GREY))
    for start, color in ((0, red), (5, green), (10, red), (15, grey)):
        assert (strip[start : start + 5] == color).all()


def test_bands_show_the_weights_of_each_head_over_time():
    attention = np.array([[0.5, 0.0], [0.25, 0.2], [0.25, 0.8]])
    picture = attention_images.picture(attention, (), 5)
    assert picture.shape == (STRIP + 2 * HEAD, 3 * FRAME, 3) and picture.dtype == np.uint8
    bands = picture[[STRIP, STRIP + HEAD]][:, ::FRAME]
    assert (bands == bands[..., :1]).all()  # grey
    np.testing.assert_array_equal(bands[..., 0], [[255, 127, 127], [0, 63, 255]])


def test_a_segment_at_the_end_is_cut():
    picture = attention_images.picture(np.ones((7, 1)), [(5, 0, 1.0)], 5)
    assert (picture[0, 5 * FRAME :] == attention_images._GREEN).all()
