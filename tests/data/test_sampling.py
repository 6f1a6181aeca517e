import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yt8m_attention.config import Sampling
from yt8m_attention.data import holdout, sampling, shuffling

samplings = st.builds(
    Sampling,
    frame_sampling=st.sampled_from(["random", "every", "all"]),
    num_frames=st.integers(1, 40),
    trim_frames=st.integers(0, 20),
    frame_stride=st.integers(1, 7),
    first_frame=st.integers(0, 20),
    last_frame=st.integers(20, 60),
    max_frames=st.integers(1, 50),
)


@given(samplings, st.integers(1, 80))
def test_frames_without_chance_are_of_the_video_in_order_and_fit_the_bag(scheme, length):
    frames = frames_of(scheme, length)
    assert 1 <= len(frames) <= sampling.bag_size(scheme, training=False)
    assert frames[0] >= 0 and frames[-1] < length
    assert (np.diff(frames) == (scheme.frame_stride if scheme.frame_sampling == "every" else 1)).all()


@given(samplings, st.lists(st.integers(0, 80), min_size=1, max_size=5))
def test_a_videos_frames_do_not_depend_on_its_neighbours(scheme, lengths):
    indices, many = sampling.frame_indices(scheme, lengths)
    for row, n, length in zip(indices, many, lengths, strict=True):
        np.testing.assert_array_equal(row[:n], frames_of(scheme, length))
        assert bool(n) == bool(length)


def frames_of(scheme, length):
    indices, many = sampling.frame_indices(scheme, [length])
    return indices[0, : many[0]]


@pytest.mark.parametrize(
    ("scheme", "length", "expected"),
    [
        (Sampling("every"), 300, range(20, 271, 5)),
        (Sampling("every"), 100, range(20, 100, 5)),
        (Sampling("every"), 20, range(0, 20, 5)),
        (Sampling("all"), 300, range(15, 285)),
        (Sampling("all"), 400, range(15, 285)),
        (Sampling("all"), 31, range(15, 16)),
        (Sampling("all"), 30, range(30)),
        (Sampling("random"), 200, range(15, 185)),
        (Sampling("all", trim_frames=0), 300, range(300)),
    ],
)
def test_published_schemes(scheme, length, expected):
    assert frames_of(scheme, length).tolist() == list(expected)


def test_bag_sizes():
    assert sampling.bag_size(Sampling("random"), training=True) == 120
    assert sampling.bag_size(Sampling("random"), training=False) == 270
    assert sampling.bag_size(Sampling("every"), training=True) == 51
    assert sampling.bag_size(Sampling("all", max_frames=40, trim_frames=15), training=True) == 30


@given(samplings, st.lists(st.integers(1, 400), min_size=1, max_size=5), st.integers(-9, 2**40), st.integers(0, 9))
def test_random_frames_lie_in_the_trimmed_video(scheme, lengths, seed, epoch):
    numbers = np.arange(len(lengths)) + (7 << 32)
    frames = sampling.random_frame_indices(scheme, lengths, seed, epoch, numbers)
    assert frames.shape == (len(lengths), scheme.num_frames)
    for row, length in zip(frames, lengths, strict=True):
        trim = scheme.trim_frames if length > 2 * scheme.trim_frames else 0
        assert row.min() >= trim and row.max() < length - trim
        assert (np.diff(row) >= 0).all()
    # A video's frames do not depend on its neighbours.
    alone = sampling.random_frame_indices(scheme, lengths[-1:], seed, epoch, numbers[-1:])
    np.testing.assert_array_equal(alone[0], frames[-1])


def test_random_frames_are_uniform_and_differ_by_seed_epoch_and_video():
    scheme = Sampling("random", num_frames=100, trim_frames=15)

    def draws(seed=0, epoch=0, first=0):
        return sampling.random_frame_indices(scheme, np.full(200, 130), seed, epoch, np.arange(first, first + 200))

    counts = np.bincount(draws().ravel(), minlength=130)[15:115]
    # 20,000 draws in 100 bins: chi-squared with 99 degrees of freedom is below 149 with probability 0.999.
    assert ((counts - 200) ** 2 / 200).sum() < 149
    for other in (draws(seed=1), draws(epoch=1), draws(first=200)):
        assert (draws() == other).all(axis=1).mean() < 0.01
    assert len(np.unique(draws(), axis=0)) == 200


@given(st.integers(1, 40), st.integers(0, 50), st.integers(-3, 2**70), st.integers(0, 3))
def test_an_epochs_windows_hold_each_shard_once(shards, size, seed, epoch):
    groups = shuffling.shard_groups(shards, size, seed, epoch)
    assert sorted(np.concatenate(groups)) == list(range(shards))
    assert all(len(group) == (size or shards) for group in groups[:-1])
    assert all((a == b).all() for a, b in zip(groups, shuffling.shard_groups(shards, size, seed, epoch), strict=True))


@settings(max_examples=20)
@given(st.integers(0, 2**32))
def test_orders_differ_by_seed_epoch_and_window(seed):
    orders = [
        shuffling.item_order(50, *where) for where in ((seed, 0, 0), (seed + 1, 0, 0), (seed, 1, 0), (seed, 0, 1))
    ]
    assert len({tuple(o) for o in orders}) == 4
    assert all(sorted(o) == list(range(50)) for o in orders)


@given(st.text("abcXYZ09-_", max_size=11), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_share_holds_out_the_same_videos_and_more(video_id, a, b):
    small, large = sorted((a, b))
    assert holdout.in_holdout(video_id, large) or not holdout.in_holdout(video_id, small)
    assert holdout.in_holdout(video_id, 1.0) and not holdout.in_holdout(video_id, 0.0)
    assert holdout.in_holdout(video_id.encode(), a) == holdout.in_holdout(video_id, a)


def test_the_share_held_out_is_as_asked_and_never_changes():
    ids = [f"v{i:04}" for i in range(5000)]
    held = holdout.kept(ids, 0.2, only_holdout=True)
    assert abs(held.mean() - 0.2) < 0.02  # 3.5 standard deviations
    assert (held != holdout.kept(ids, 0.2)).all()
    assert holdout.kept(ids, 0.0).all() and not holdout.kept(ids, 0.0, only_holdout=True).any()
    # Pinned: models that were trained with a share held out must find the same videos held out later.
    assert [i for i in ids[:20] if holdout.in_holdout(i, 0.2)] == ["v0000", "v0008", "v0013"]
